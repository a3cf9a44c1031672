"""The ways of writing one filter: what an entry of each looks like, and what else its configuration needs.

The demo, in every language: a request passes only if its header ``User`` is what the configuration says, else it is answered with 403;
``X-Do: fail`` makes the filter fail, ``X-Do: never`` never come to a verdict. A route's own configuration may want another user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.plugins.asking import write_plugin
from tests.native.build import build

DEMO = Path(__file__).with_name("demo")


@dataclass(frozen=True)
class Way:
    """One way, ready to be configured.

    :ivar entry: what its entries have in common
    :ivar config: the ``config`` that lets this user pass
    :ivar top: keys of the configuration's top level
    :ivar extensions: what is loaded with ``-e``
    """

    entry: Mapping[str, object]
    config: Callable[[str], dict[str, object]]
    top: Mapping[str, object] = field(default_factory=dict)
    extensions: tuple[Path, ...] = ()

    def with_entry(self, user: str = "admin") -> dict[str, Any]:
        """An entry of ``stream_filters``."""
        return {**self.entry, "config": self.config(user)}


def _user(user: str) -> dict[str, object]:
    return {"user": user}


def inline(folder: Path) -> Way:
    """A Python class that its file registers, in the worker."""
    return Way({"type": "inline_auth"}, _user, extensions=(DEMO / "inline_auth.py",))


def isolated(folder: Path) -> Way:
    """The same class in a process of its own."""
    return Way({"type": "inline_auth", "isolation": "process"}, _user, extensions=(DEMO / "inline_auth.py",))


def module(folder: Path) -> Way:
    """A Python file by path."""
    return Way({"type": "module", "path": str(DEMO / "module_auth.py")}, _user)


def plugin(folder: Path) -> Way:
    """A plugin process, asked by the generic agent."""
    program = write_plugin(folder, (DEMO / "checker.py").read_text())

    def config(user: str) -> dict[str, object]:
        reject = {"statuses": [-1], "body": "forbidden\n"}
        return {"plugin": "checker", "phases": ["AFTER_ROUTE"], "request_type": user, "answer": {"reject": reject}}

    return Way({"type": "plugin"}, config, {"plugins": [{"name": "checker", "command": [str(program)]}]})


def native(library: Path) -> Way:
    """A shared object."""
    return Way({"type": "native", "path": str(library)}, _user)


def c(folder: Path) -> Way:
    """A shared object written in C."""
    return native(build(DEMO / "auth.c", folder / "auth.so"))


def lua(folder: Path) -> Way:
    """A script."""
    return Way({"type": "lua", "path": str(DEMO / "auth.lua")}, lambda user: {"filter_context": {"user": user}})


def wasm(folder: Path) -> Way:
    """A proxy-wasm module."""
    return Way({"type": "wasm", "path": str(DEMO / "auth.wat")}, lambda user: {"configuration": user, "phase": "after_route"})


WAYS: Mapping[str, Callable[[Path], Way]] = {
    "inline": inline,
    "module": module,
    "isolated": isolated,
    "plugin": plugin,
    "c": c,
    "lua": lua,
    "wasm": wasm,
}
"""Those that need nothing but Python and a C compiler."""
