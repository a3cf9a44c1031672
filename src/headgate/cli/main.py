"""The command group. Each command is imported when it is run, so that ``headgate version`` does not load a proxy."""

from __future__ import annotations

import importlib
from typing import Final

import click

_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "start": ("start", "Start the proxy."),
    "check": ("check", "Check a configuration."),
    "quickstart": ("quickstart", "Run the first demo: a proxy with a filter, and a backend."),
    "stop": ("control", "Stop a running proxy."),
    "reload": ("control", "Have a running proxy read its configuration again."),
    "status": ("control", "Tell how a running proxy is."),
    "new": ("new", "Write a working skeleton of an extension, with its test."),
    "extensions": ("extensions", "List what is registered, and where it comes from."),
    "include-dir": ("include_dir", "Print the folder of headgate_filter.h, for shared objects."),
    "schema": ("schema", "Print a JSON schema of the configuration, for editors."),
    "version": ("version", "Print versions, and whether the forwarding path is compiled."),
}
"""Commands in the order in which help shows them: the module that has the command, and a line about it."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"headgate.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Headgate: the network proxy that you program in Python."""
