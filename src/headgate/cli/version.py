"""``headgate version``."""

from __future__ import annotations

import importlib.metadata
import platform

import click

import headgate
from headgate.api import headers


def build_kind() -> str:
    """How the forwarding path runs: ``compiled`` by mypyc, or ``interpreted``."""
    return "interpreted" if (headers.__file__ or "").endswith(".py") else "compiled"


@click.command()
def version() -> None:
    """Print the version, whether the forwarding path is compiled, and the versions of what it stands on."""
    click.echo(f"headgate {headgate.__version__} ({build_kind()})")
    parts = [f"{name} {importlib.metadata.version(name)}" for name in ("uvloop", "httptools", "pydantic")]
    click.echo(f"{platform.python_implementation()} {platform.python_version()}, {', '.join(parts)}")
