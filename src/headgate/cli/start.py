"""``headgate start``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headgate.cli.failure import tells_failures
from headgate.cli.options import config_option, extension_option, lenient_option
from headgate.observe.log import LEVELS, level_number


def _checked_level(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    if value is not None and level_number(value) is None:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(LEVELS)}")
    return (value or "").upper()


@click.command()
@config_option
@click.option("--workers", type=click.IntRange(1, 1024), help="Number of workers, in place of the configuration's `processor`.")
@click.option("--log-level", metavar="LEVEL", callback=_checked_level, help=f"In place of the configuration's level: {', '.join(LEVELS)}.")
@lenient_option
@extension_option
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help="Write this file (JSON: pid, addresses, control socket) once all workers serve."
)
@click.option("--watch", is_flag=True, help="Reload as soon as the configuration, or a file that it names, changes.")
@tells_failures
def start(
    config_path: Path,
    workers: int | None,
    log_level: str,
    lenient: bool,
    extensions: tuple[str, ...],
    ready_file: Path | None,
    watch: bool,
) -> None:
    """Start the proxy and run it in the foreground.

    SIGTERM ends it in order, SIGINT likewise and a second one at once, SIGHUP reloads, SIGUSR1 reopens the log files.
    """
    from headgate.server.deployment import StartSettings
    from headgate.server.run import run

    settings = StartSettings(Path.cwd() / config_path, workers or 0, log_level, lenient, extensions, ready_file, watch)
    sys.exit(run(settings))
