"""docs/operations.md has every command and every option, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from headgate.cli import main

DOCUMENT = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
COMMANDS = main.list_commands(click.Context(main))


def test_every_command_has_a_section() -> None:
    assert re.findall(r"^### headgate ([\w-]+)$", DOCUMENT, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_row(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    section = re.search(rf"^### headgate {name}$(.*?)(?=^### |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert section is not None
    documented = {
        option for row in re.findall(r"^\| (`-[^|]*) \|", section[1], re.MULTILINE) for option in re.findall(r"-{1,2}[a-z][a-z-]*", row)
    }
    assert documented == {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
