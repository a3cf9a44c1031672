"""What Lua calls for bodies (see :mod:`headgate.runtimes.lua.host`).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.runtimes.lua.host import LuaHost, Value


class BodyCalls:
    """The functions over bodies of one Lua state."""

    def __init__(self, host: LuaHost) -> None:
        self._host: LuaHost = host

    def functions(self) -> dict[bytes, Callable[..., object]]:
        """Every function by its name in Lua."""
        return {
            b"body_length": self.length,
            b"body_bytes": self.part,
            b"set_body": self.replace,
            b"has_trailers": self.has_trailers,
        }

    def length(self) -> int:
        """Bytes of the body."""
        return len(self._host.run.body())

    def part(self, index: float, length: float) -> Value:
        """A part of the body."""
        body = self._host.run.body()
        start, size = int(index), int(length)
        if start < 0 or size < 0 or start + size > len(body):
            return self._host.fail("index/length must be >= 0 and (index + length) must be <= buffer size")
        return self._host.push(body[start : start + size])

    def replace(self, data: bytes) -> int:
        """Replace the body; its new length."""
        self._host.run.set_body(data)
        return len(data)

    def has_trailers(self) -> bool:
        """Whether the message ended with trailer fields."""
        return bool(self._host.run.trailers())
