"""``headgate extensions``."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Final

import click

from headgate.api.errors import ExtensionLoadError
from headgate.api.registry import ExtensionScope, Registry
from headgate.cli.failure import complain, tells_failures
from headgate.cli.options import extension_option

_SHIPPED: Final = ("headgate.proxy.runtime", "headgate.runtimes.builtin", "headgate.control.admin.server")
"""Modules that bring along every registry and everything that ships."""


@click.command()
@click.option("-c", "--config", "config_path", type=click.Path(path_type=Path), help="Also those that this configuration loads.")
@extension_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@tells_failures
def extensions(config_path: Path | None, extensions: tuple[str, ...], as_json: bool) -> None:
    """List every extension that a configuration can name: kind, name, and where it comes from."""
    from headgate.config import load
    from headgate.runtimes.module.loader import load_extensions

    for module in _SHIPPED:
        importlib.import_module(module)
    configured = load(config_path).config.extensions if config_path is not None else []
    scope = load_extensions([*configured, *extensions])
    listed = {kind: _registered(registry, scope) for kind, registry in sorted(Registry.all.items())}
    if as_json:
        click.echo(json.dumps(listed, indent=2))
        return
    width = max((len(name) for names in listed.values() for name in names), default=0)
    for kind, names in listed.items():
        click.echo(f"{kind}:")
        for name, origin in names.items():
            click.echo(f"  {name:<{width}}  {origin}")


def _registered(registry: Registry[object], scope: ExtensionScope) -> dict[str, str]:
    """Names and origins. An installed package that cannot be loaded is told, and does not hide the others."""
    found: dict[str, str] = {}
    for name in registry.names(scope):
        try:
            found[name] = registry.find(name, "", scope).origin
        except ExtensionLoadError as error:
            complain(str(error))
    return found
