"""The ``headgate`` command."""

from headgate.cli.main import main

__all__ = ["main"]
