"""Configuration of WASM filters, completed: paths, and the modules that several filters share.

An entry of type ``proxywasm`` that names one of the ``wasm_global_plugins`` (``from_wasm_plugin``) gets that one's ``vm_config``, so
that its create function finds everything in the entry. A name that is not there is left for the entry's own validation to report.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from headgate.config.models import CanaryConfig, HeadgateConfig, StreamFilterConfig, WasmPluginConfig

_TYPES: Final = ("wasm", "proxywasm")


def insert_wasm_plugins(config: HeadgateConfig) -> None:
    """Put the shared modules into the entries that name them."""
    plugins = {plugin.plugin_name: plugin for plugin in config.wasm_global_plugins if plugin.vm_config is not None}
    for server in config.servers:
        for listener in server.listeners:
            for entry in listener.stream_filters:
                for version in entry.versions:
                    _insert(version, plugins)


def _insert(entry: StreamFilterConfig | CanaryConfig, plugins: Mapping[str, WasmPluginConfig]) -> None:
    plugin = plugins.get(str(entry.options.get("from_wasm_plugin", "")))
    if entry.type == "proxywasm" and plugin is not None and plugin.vm_config is not None and "vm_config" not in entry.options:
        entry.options["vm_config"] = plugin.vm_config.model_dump()


def complete_wasm_filter(entry: StreamFilterConfig | CanaryConfig, base: Path) -> None:
    """Make the module's path absolute. An entry's own ``path`` stands for ``path`` in its ``config``.

    :param base: folder of the configuration file
    """
    if entry.type not in _TYPES:
        return
    if entry.type == "wasm" and entry.path:
        entry.config = {"path": entry.path, **entry.options}  # assigned: what was never set does not travel to the workers
    for place, key in _paths(entry.options):
        value = place[key]
        if isinstance(value, str) and value:
            place[key] = str(base / value)


def _paths(config: dict[str, object]) -> list[tuple[dict[str, object], str]]:
    found: list[tuple[dict[str, object], str]] = []
    if "path" in config:
        found.append((config, "path"))
    machine = config.get("vm_config")
    if isinstance(machine, dict):
        if "path" in machine:
            found.append((machine, "path"))
        code = machine.get("code")
        local = code.get("local") if isinstance(code, dict) else None
        if isinstance(local, dict) and "filename" in local:
            found.append((local, "filename"))
    return found
