"""``headgate new``."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.cli.failure import tells_failures
from headgate.cli.skeleton import kinds, languages, make


@click.command()
@click.argument("kind", type=click.Choice(kinds()))
@click.argument("name")
@click.option("--lang", "language", type=click.Choice(sorted({each for kind in kinds() for each in languages(kind)})), help="Language.")
@click.option("--into", type=click.Path(path_type=Path), help="Folder to make; by default one of that name, here.")
@tells_failures
def new(kind: str, name: str, language: str | None, into: Path | None) -> None:
    """Write a working skeleton of an extension, with its test: a KIND called NAME. Without --lang it is in Python, if there is one."""
    folder = into or Path(name)
    skeleton = make(kind, name, language, folder)
    skeleton.write(folder)
    click.echo(f"{folder}: {', '.join(sorted(skeleton.files))}\n\nGo on with:\n")
    for line in skeleton.next:
        click.echo(f"    {line}")
