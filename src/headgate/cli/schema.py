"""``headgate schema``."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print a JSON schema of the configuration, for editors that complete and check."""
    from headgate.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
