"""The article's check in each way in which Headgate loads foreign code: the files of ``examples/`` as entries of ``stream_filters``."""

from __future__ import annotations

from pathlib import Path

from bench.peers.headgate import AUTH, Entry
from bench.places import EXAMPLES, LUA_AUTH, PYTHON_COMPILED, WASM_AUTH

_WANTED = {"User": "admin"}
_PLUGIN = EXAMPLES / "plugin_filter"

IN_PROCESS: Entry = {**AUTH, "isolation": "process", "timeout": "1s"}
"""The Python filter, moved into a process of its own by one key."""

MODULE: Entry = {
    "type": "module",
    "name": "auth",
    "path": str(EXAMPLES / "auth_filter" / "auth_filter.py"),
    "factory": "AuthFilter",
    "config": _WANTED,
}
"""A Python file, loaded by its path."""

LUA: Entry = {"type": "lua", "name": "auth", "config": {"path": str(LUA_AUTH)}}
"""The Lua script that Envoy runs, too."""

WASM: Entry = {"type": "wasm", "name": "auth", "config": {"path": str(WASM_AUTH)}}
"""The WASM module that Envoy runs, too, in its text form."""

AGENT: Entry = {"type": "plugin", "timeout": "1s", "config": {"plugin": "checker", "preset": "checker"}}
"""Asks ``PLUGIN`` about each request."""

PLUGIN: Entry = {
    "name": "checker",
    "command": [str(PYTHON_COMPILED), str(_PLUGIN / "checker.py")],
    "args": ["-c", str(_PLUGIN / "checkconf.json")],
}
"""An entry of ``plugins``: the check in Python, served by ``headgate.plugin``."""


def native(module: Path) -> Entry:
    """A shared object.

    :param module: its file
    """
    return {"type": "native", "name": "auth", "path": str(module), "config": _WANTED}
