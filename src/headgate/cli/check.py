"""``headgate check``."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.api.errors import ConfigRejected
from headgate.cli.failure import complain, tells_failures
from headgate.cli.options import config_option, extension_option, lenient_option


@click.command()
@config_option
@extension_option
@lenient_option
@click.option("--print", "print_form", is_flag=True, help="Print the normal form: every default filled in, secrets blotted out.")
@tells_failures
def check(config_path: Path, extensions: tuple[str, ...], lenient: bool, print_form: bool) -> None:
    """Check a configuration, with its extensions, as `start` would.

    Every error is told, with its path in the file; then the exit code is 1. Sockets are not opened.
    """
    from headgate.config import examine_file
    from headgate.config.dump import to_json
    from headgate.observe.stats import StatsStore
    from headgate.proxy.worker_context import WorkerContext
    from headgate.runtimes.process.offline_plugins import offline_plugins
    from headgate.server.deployment import StartSettings, apply_settings
    from headgate.server.worker_build import build_runtime

    examination = examine_file(config_path, lenient=lenient)
    for warning in examination.warnings:
        complain(f"warning: {warning.render()}")
    if examination.errors or examination.config is None:
        raise ConfigRejected(examination.errors)
    config = examination.config
    apply_settings(config, StartSettings(config_path, lenient=lenient, extensions=extensions))
    build_runtime(config, WorkerContext(StatsStore()), offline_plugins(config, Path.cwd() / config_path)).retire()
    if print_form:
        click.echo(to_json(config))
    else:
        click.echo(f"{config_path}: ok")
