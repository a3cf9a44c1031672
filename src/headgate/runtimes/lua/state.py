"""One Lua state: its memory limit, its sandbox, the scripts in it, and the way in.

What lupa pushes into Lua from outside of a Lua call is allocated unprotected: past the memory limit it would end the process. So nothing
is pushed before :meth:`LuaState.room` has said that it fits, and only numbers, booleans, None and bytes ever cross.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Final, Protocol, cast

from headgate.api.errors import ExtensionError

if TYPE_CHECKING:
    from headgate.runtimes.lua.config import LuaScript
    from headgate.runtimes.lua.host import LuaHost

DONE: Final = 0
FAILED: Final = -1
WAIT_BODY: Final = 1
WAIT_TRAILERS: Final = 2
WAIT_CALL: Final = 3
REPLIED: Final = 4
WAIT_CHUNK: Final = 5

RESERVE: Final = 512 * 1024
"""Bytes kept free for what Lua itself allocates around a push."""

_SERIALS: Final = itertools.count()

Enter = Callable[[int], object]


class LuaMissing(ExtensionError):
    """LuaJIT is not there."""


class LuaScriptError(ExtensionError):
    """A script that cannot be loaded, or failed; the message begins with its file and line."""


class LuaState:
    """One Lua state with a host and any number of scripts, each in an environment of its own.

    :param host: what its scripts call
    :param memory_limit: bytes that all of it may use
    :param instructions: that one handler may execute
    :param cpu_time: seconds of CPU that one handler may use
    :raises LuaMissing: without lupa's LuaJIT
    :ivar serial: unique in the process
    :ivar request: runs a script's request handler by the script's number; likewise ``response``
    """

    def __init__(self, host: LuaHost, memory_limit: int, instructions: int, cpu_time: float) -> None:
        runtime_class = _runtime_class()
        self._runtime = runtime_class(
            encoding=None,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=False,
            attribute_filter=_no_attributes,
            max_memory=memory_limit + 2 * RESERVE,
        )
        self.serial: int = next(_SERIALS)
        self.limit: int = memory_limit + RESERVE
        self._scripts: dict[LuaScript, int] = {}
        self._capabilities: dict[LuaScript, int] = {}
        self.broken: bool = False
        """Its memory ran out: it is to be replaced."""
        self.used: Callable[[], int] = self._runtime.get_memory_used
        self.host: LuaHost = host
        host.bind(self)
        proxy = self._boot(host, instructions, cpu_time)
        self.request: Enter = proxy(b"request")
        self.response: Enter = proxy(b"response")
        self.go_on: Callable[..., object] = proxy(b"go_on")
        self.forget: Callable[[int], None] = cast("Callable[[int], None]", proxy(b"forget"))
        self._load: Callable[[int, bytes, bytes], object] = proxy(b"load")

    def _boot(self, host: LuaHost, instructions: int, cpu_time: float) -> Callable[[bytes], Callable[..., object]]:
        functions = self._runtime.table()
        for name, function in host.functions().items():
            functions[name] = function
        sources = {name: resources.files(__package__).joinpath(f"{name}.lua").read_bytes() for name in _PARTS}
        boot = self._runtime.execute(_BOOT)
        proxy = boot(functions, instructions, cpu_time, *(sources[name] for name in _PARTS))
        return cast("Callable[[bytes], Callable[..., object]]", proxy)

    def room(self, size: int) -> bool:
        """Whether so many bytes may be pushed."""
        return self.used() + size < self.limit

    def number(self, script: LuaScript) -> int:
        """The number of a script, which is loaded if it is new here.

        :raises LuaScriptError: if it has a syntax error, or its main chunk fails
        """
        number = self._scripts.get(script)
        if number is None:
            number = len(self._scripts)
            loaded = self._load(number, script.source, script.name.encode())
            if not isinstance(loaded, int):
                message = loaded.decode("utf-8", "replace") if isinstance(loaded, bytes) else str(loaded)
                raise LuaScriptError(message)
            self._scripts[script] = number
            self._capabilities[script] = loaded
        return number

    def handlers(self, script: LuaScript) -> tuple[bool, bool]:
        """Whether a loaded script handles requests, and responses."""
        found = self._capabilities[script]
        return bool(found & 1), bool(found & 2)


def _no_attributes(obj: object, name: object, setting: bool) -> object:
    """lupa's attribute filter: Lua reads and writes no attribute of a Python object."""
    raise AttributeError("Python objects have no attributes in Lua")


def _runtime_class() -> Callable[..., LupaRuntime]:
    """LuaJIT's runtime class, the 2.1 line before the older."""
    try:
        module = importlib.import_module("lupa.luajit21")
    except ImportError as error:
        raise LuaMissing(f"filters in Lua need the package lupa with LuaJIT 2.1 (pip install 'lupa>=2.8'): {error}") from None
    return cast("Callable[..., LupaRuntime]", module.LuaRuntime)


class LupaTable(Protocol):
    """What is used of lupa's tables."""

    def __setitem__(self, key: bytes, value: object) -> None: ...


class LupaRuntime(Protocol):
    """What is used of lupa's ``LuaRuntime`` (the package has no types)."""

    get_memory_used: Callable[[], int]

    def table(self) -> LupaTable:
        """A new table."""
        ...

    def execute(self, source: bytes) -> Callable[..., object]:
        """Run a chunk."""
        ...


_PARTS: Final = ("sandbox", "patterns", "structures", "objects", "handle", "engine")

_BOOT: Final = b"""
local loadstring, error = loadstring, error
return function(host, instructions, seconds, ...)
  local sources = {...}
  local function part(position, name)
    local chunk, message = loadstring(sources[position], "=[headgate " .. name .. "]")
    if not chunk then error(message) end
    return chunk
  end
  local functions = {}
  for name, f in pairs(host) do functions[name] = f end
  local environment, budget = part(1, "sandbox")()(part(2, "patterns")(), instructions, seconds)
  local encode, decode = part(3, "structures")()
  local scope, objects = part(4, "objects")(functions, encode, decode)
  local make_handle, print = part(5, "handle")(functions, budget, scope, objects)
  local proxy = part(6, "engine")()(environment, budget, make_handle, scope, print)
  return function(name) return proxy[name] end
end
"""
