"""What Lua calls to know about stream and connection (see :mod:`headgate.runtimes.lua.host`).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from headgate.api.stream import Stream
    from headgate.runtimes.lua.host import LuaHost, Value

DYNAMIC: Final = "dynamic_metadata"
"""The stream variable that holds what scripts set as dynamic metadata: filter name -> key -> value."""


class StreamCalls:
    """The functions over streams of one Lua state."""

    def __init__(self, host: LuaHost) -> None:
        self._host: LuaHost = host

    def functions(self) -> dict[bytes, Callable[..., object]]:
        """Every function by its name in Lua."""
        return {
            b"metadata": self.metadata,
            b"dynamic": self.dynamic,
            b"set_dynamic": self.set_dynamic,
            b"fact": self.fact,
            b"state": self.state,
        }

    def metadata(self, of: bytes) -> Value:
        """Metadata as JSON: the filter's own of the matched route, or the entry's ``filter_context``."""
        host = self._host
        if of == b"context":
            return host.push(as_json(host.run.filter_context() or host.context))
        route = host.stream.route
        found: object = {}
        if of == b"filter" and route is not None:
            known = route.metadata.get("filter_metadata", route.metadata)
            if isinstance(known, Mapping):
                found = known.get("envoy.filters.http.lua") or known.get("lua") or {}
        return host.push(as_json(found))

    def dynamic(self) -> Value:
        """All dynamic metadata as JSON."""
        return self._host.push(as_json(self._host.stream.variables.get(DYNAMIC) or {}))

    def set_dynamic(self, name: bytes, key: bytes, value: bytes) -> bool | None:
        """Set one value."""
        known = self._host.stream.variables.setdefault(DYNAMIC, {})
        assert isinstance(known, dict)
        try:
            known.setdefault(_text(name), {})[_text(key)] = json.loads(_text(value))
        except ValueError as error:
            return self._host.fail(error)
        return None

    def fact(self, name: bytes) -> Value:
        """Something about stream or connection."""
        return self._host.push(_FACTS[name](self._host.stream))

    def state(self, name: bytes, field: bytes | None) -> Value:
        """A stream variable, or a field of one, as text; None if there is none, or it is nothing that has a text."""
        value = self._host.stream.variables.get(_text(name))
        if field is not None:
            value = value.get(_text(field)) if isinstance(value, Mapping) else None
        if isinstance(value, bool):
            return self._host.push(b"true" if value else b"false")
        if isinstance(value, bytes):
            return self._host.push(value)
        if isinstance(value, (str, int, float)):
            return self._host.push(str(value).encode("utf-8", "surrogateescape"))
        return None


def as_json(value: object) -> bytes:
    """JSON as the Lua side reads it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "surrogateescape")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _encoded(value: str | None) -> bytes | None:
    return None if value is None else value.encode("utf-8", "surrogateescape")


def _protocol(stream: Stream) -> bytes | None:
    return b"HTTP/1.1"


def _nothing(stream: Stream) -> bytes | None:
    return b""


def _route_name(stream: Stream) -> bytes | None:
    return _encoded(stream.route.name if stream.route else "")


def _local_address(stream: Stream) -> bytes | None:
    return _encoded(stream.connection.local.text)


def _remote_address(stream: Stream) -> bytes | None:
    return _encoded(stream.connection.remote.text)


def _server_name(stream: Stream) -> bytes | None:
    return _encoded(stream.connection.server_name or "")


_FACTS: Final[dict[bytes, Callable[[Stream], bytes | None]]] = {
    b"protocol": _protocol,
    b"route_name": _route_name,
    b"virtual_cluster_name": _nothing,
    b"local_address": _local_address,
    b"remote_address": _remote_address,
    b"server_name": _server_name,
}
