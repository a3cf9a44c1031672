"""``headgate include-dir``."""

from __future__ import annotations

from pathlib import Path

import click

import headgate


@click.command("include-dir")
def include_dir() -> None:
    """Print the folder of headgate_filter.h, for the compiler: cc -I"$(headgate include-dir)" ..."""
    # Told without importing the runtime, which needs cffi.
    click.echo(Path(headgate.__file__).parent / "runtimes" / "native" / "include")
