"""``headgate stop``, ``headgate reload``, ``headgate status``: what is said to a running proxy."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Final

import click

from headgate.api.errors import ServerError
from headgate.cli.failure import FAILED, complain, tells_failures
from headgate.cli.status_text import status_lines
from headgate.cli.target import Target, target_options
from headgate.server.channel import Message
from headgate.server.control_client import ControlClient

_ANSWER_TIMEOUT: Final = 10.0
_RELOAD_TIMEOUT: Final = 180.0
_STOP_MARGIN: Final = 15.0
"""Seconds beyond ``graceful_timeout`` after which ``headgate stop`` gives up waiting."""


@click.command()
@target_options
@click.option("--now", is_flag=True, help="Do not wait for requests under way.")
@tells_failures
def stop(config_path: Path | None, control_socket: Path | None, pid_file: Path | None, now: bool) -> None:
    """Stop a running proxy and wait for its end."""
    target = Target(config_path, control_socket, pid_file)
    path = target.find_control_socket()
    if path is None:
        process = target.process()
        process.send(signal.SIGQUIT if now else signal.SIGTERM)
        if not process.wait_for_end(3600.0):
            raise ServerError(f"process {process.pid} has not ended")
    else:
        client = ControlClient(path)
        answer = _asked(client, "stop", _ANSWER_TIMEOUT, now=now)
        graceful = answer.get("graceful_timeout")
        timeout = (float(graceful) if isinstance(graceful, int | float) else 0.0) + _STOP_MARGIN
        if not client.wait_for_end(timeout):
            raise ServerError(f"the proxy has not ended within {timeout:g} s")
    click.echo("stopped")


@click.command()
@target_options
@tells_failures
def reload(config_path: Path | None, control_socket: Path | None, pid_file: Path | None) -> None:
    """Have a running proxy read its configuration and extensions again.

    Either all of it comes into force, or nothing changes, every error is told, and the exit code is 1.
    """
    target = Target(config_path, control_socket, pid_file)
    path = target.find_control_socket()
    if path is None:
        target.process().send(signal.SIGHUP)
        click.echo("told to reload; its log says what came of it")
        return
    answer = _asked(ControlClient(path), "reload", _RELOAD_TIMEOUT)
    warnings = answer.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        complain(f"warning: {warning}")
    click.echo(f"reloaded: configuration {answer.get('generation')} is in force")


@click.command()
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@tells_failures
def status(config_path: Path | None, control_socket: Path | None, pid_file: Path | None, as_json: bool) -> None:
    """Tell where a running proxy listens and how its workers are. The exit code is 1 if it does not run or is not ready."""
    target = Target(config_path, control_socket, pid_file)
    path = target.find_control_socket()
    if path is None:
        click.echo(f"running: pid {target.process().pid}")
        return
    answer = _asked(ControlClient(path), "status", _ANSWER_TIMEOUT)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo("\n".join(status_lines(answer)))
    if not answer.get("ready"):
        sys.exit(FAILED)


def _asked(client: ControlClient, command: str, timeout: float, **fields: object) -> Message:
    answer = client.ask(command, timeout, **fields)
    if answer.get("ok"):
        return answer
    errors = answer.get("errors")
    raise ServerError("\n".join(str(error) for error in errors) if isinstance(errors, list) else "refused")
