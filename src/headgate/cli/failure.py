"""How commands fail: what the user can do something about is said in clear lines, without a traceback, and the exit code is 1."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Final, ParamSpec

import click

from headgate.api.errors import HeadgateError

FAILED: Final = 1
"""Exit code of a command that failed for a reason that it has told."""

ParametersT = ParamSpec("ParametersT")


def complain(text: str) -> None:
    """Say each line of ``text`` on the standard error."""
    for line in text.splitlines():
        click.echo(f"headgate: {line}", err=True)


def tells_failures(command: Callable[ParametersT, None]) -> Callable[ParametersT, None]:
    """Decorates a command: a :class:`HeadgateError` becomes its lines on the standard error, and exit code 1."""

    @functools.wraps(command)
    def wrapper(*args: ParametersT.args, **kwargs: ParametersT.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except HeadgateError as error:
            complain(str(error))
            sys.exit(FAILED)

    return wrapper
