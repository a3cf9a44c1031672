"""Relative paths of Lua scripts, made absolute from the folder of the configuration file: in entries, and in what routes say to them."""

from __future__ import annotations

import os
from pathlib import Path

from headgate.config.models import ServerConfig


def complete_lua_scripts(server: ServerConfig, base: Path) -> None:
    """Fill in, in place. An entry's own ``path`` stands for ``path`` in its ``config``.

    :param base: folder of the configuration file, absolute
    """
    names = {"lua"}
    for listener in server.listeners:
        for entry in listener.stream_filters:
            for version in entry.versions:
                if version.type == "lua":
                    names.update((entry.name, f"{entry.name or entry.type}@canary"))
                    if version.path:
                        # Assigned, not changed: what was never set does not travel to the workers.
                        version.config = {"path": version.path, **version.options}
                    _complete(version.config, base)
    for router in server.routers:
        for virtual_host in router.virtual_hosts:
            for configs in (virtual_host.per_filter_config, *(route.per_filter_config for route in virtual_host.routers)):
                for name in names & configs.keys():
                    _complete(configs[name], base)


def _complete(config: object, base: Path) -> None:
    if not isinstance(config, dict):
        return
    _absolute(config, "path", base)
    codes = config.get("source_codes")
    sources = [config.get("default_source_code"), config.get("source_code"), *(codes.values() if isinstance(codes, dict) else ())]
    for source in sources:
        if isinstance(source, dict):
            _absolute(source, "filename", base)


def _absolute(mapping: dict[str, object], key: str, base: Path) -> None:
    path = mapping.get(key)
    if isinstance(path, str) and path:
        mapping[key] = os.path.normpath(base / path)
