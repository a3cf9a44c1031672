"""What Lua calls: functions over the stream at hand. None of them raises: an exception would have to be pushed into Lua.

A failure is ``False``, its text is then to be had by ``failure()``. Strings cross as bytes, as they stand on the wire.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers, header_line
from headgate.api.messages import checked_target

if TYPE_CHECKING:
    from headgate.api.stream import Stream
    from headgate.runtimes.lua.filter import LuaRun
    from headgate.runtimes.lua.state import LuaState

_LOG: Final = logging.getLogger("headgate.lua")
_NO_ROOM: Final = b"not enough memory"
_HEADERS: Final = 0

DYNAMIC: Final = "dynamic_metadata"
"""The stream variable that holds what scripts set as dynamic metadata: filter name -> key -> value."""

Value = bytes | bool | None


class LuaHost:
    """The functions of one Lua state, over the run that it is in at present.

    :ivar run: the handler that runs; set before every way into Lua
    :ivar headers: its message's headers
    """

    def __init__(self, name: str, context: Mapping[str, object]) -> None:
        self._name = name
        self._context = context
        self._state: LuaState
        self._failure: bytes = b""
        self.run: LuaRun
        self.stream: Stream
        self.headers: Headers

    def bind(self, state: LuaState) -> None:
        """The state whose functions these are."""
        self._state = state

    def functions(self) -> dict[bytes, Callable[..., object]]:
        """Every function by its name in Lua."""
        made: dict[bytes, Callable[..., object]] = {
            b"get": self.get,
            b"failure": self.failure,
            b"get_at": self.get_at,
            b"values": self.values,
            b"count": self.count,
            b"name_at": self.name_at,
            b"value_at": self.value_at,
            b"add": self.add,
            b"set": self.set,
            b"remove": self.remove,
            b"reason": self.reason,
            b"body_length": self.body_length,
            b"body_bytes": self.body_bytes,
            b"set_body": self.set_body,
            b"has_trailers": self.has_trailers,
            b"log": self.log,
            b"respond": self.respond,
            b"call": self.call,
            b"metadata": self.metadata,
            b"dynamic": self.dynamic,
            b"set_dynamic": self.set_dynamic,
            b"fact": self.fact,
            b"clear_route": self.clear_route,
            b"base64": self.base64,
            b"timestamp": self.timestamp,
        }
        return made

    def failure(self) -> bytes:
        """Why the last function failed."""
        return self._failure if self._state.room(len(self._failure)) else b""

    def _fail(self, reason: object) -> bool:
        self._failure = str(reason).encode("utf-8", "surrogateescape")
        return False

    def _push(self, value: bytes | None) -> Value:
        """A value for Lua, if there is room for it."""
        if value is None or self._state.used() + len(value) < self._state.limit:
            return value
        self._failure = _NO_ROOM
        self._state.broken = True
        return False

    # --- headers: `of` is 0 for the message's headers, 1 for its trailers

    def _of(self, of: int) -> Headers:
        if of == _HEADERS:
            return self.headers
        trailers = self.run.trailers()
        return trailers if trailers is not None else Headers()

    def get(self, of: int, name: bytes) -> Value:
        """All values of a field, joined by commas; None if there is none."""
        headers = self.headers if of == _HEADERS else self._of(of)
        key = name.decode("latin-1").lower()
        keys = headers.keys
        if key not in keys:
            return self._push(self._pseudo(key)) if of == _HEADERS and (key[:1] == ":") else None
        skip = len(key) + 2
        value = headers.lines[keys.index(key)][skip:]
        if keys.count(key) > 1:
            value = b",".join([headers.lines[i][skip:] for i, present in enumerate(keys) if present == key])
        return self._push(value)

    def _pseudo(self, key: str) -> bytes | None:
        run = self.run
        if run.sending:
            response = self.stream.response
            return b"%d" % response.status if key == ":status" and response is not None else None
        request = self.stream.request
        if key == ":path":
            text: str | None = request.target
        elif key == ":method":
            text = request.method
        elif key == ":authority":
            text = request.headers.get("host")
        elif key == ":scheme":
            text = request.scheme
        else:
            return None
        return None if text is None else text.encode("utf-8", "surrogateescape")

    def _every(self, of: int) -> list[tuple[str, bytes]]:
        """All fields with the pseudo fields in front, as Envoy has them."""
        headers = self._of(of)
        fields = [(key, headers.lines[i][len(key) + 2 :]) for i, key in enumerate(headers.keys)]
        if of != _HEADERS:
            return fields
        if self.run.sending:
            names: Iterable[str] = (":status",)
        else:
            names = (":authority", ":path", ":method", ":scheme")
            fields = [field for field in fields if field[0] != "host"]
        return [(name, value) for name in names if (value := self._pseudo(name)) is not None] + fields

    def get_at(self, of: int, name: bytes, index: float) -> Value:
        """One value of a field, from 0; None if there is none."""
        found = [value for key, value in self._every(of) if key == _key(name)]
        position = int(index)
        return self._push(found[position]) if position < len(found) else None

    def values(self, of: int, name: bytes) -> int:
        """How many values a field has."""
        return sum(1 for key, _ in self._every(of) if key == _key(name))

    def count(self, of: int) -> int:
        """Begin an iteration: how many fields there are."""
        self.run.listing = self._every(of)
        return len(self.run.listing)

    def name_at(self, of: int, position: int) -> Value:
        """The name of a field of the iteration, from 1."""
        return self._push(self.run.listing[position - 1][0].encode("latin-1"))

    def value_at(self, of: int, position: int) -> Value:
        """Its value."""
        return self._push(self.run.listing[position - 1][1])

    def add(self, of: int, name: bytes, value: bytes) -> bool | None:
        """Add a field."""
        if name[:1] == b":":
            return self.set(of, name, value)
        try:
            self._of(of).add(name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        except HeadgateError as error:
            return self._fail(error)
        self.run.changed = True
        return None

    def set(self, of: int, name: bytes, value: bytes) -> bool | None:
        """Replace a field, or a part of the first line."""
        try:
            text = value.decode("utf-8", "surrogateescape")
            if name[:1] == b":":
                self._set_pseudo(name.decode("latin-1").lower(), text)
            else:
                self._of(of).set(name.decode("latin-1"), text)
        except HeadgateError as error:
            return self._fail(error)
        self.run.changed = True
        return None

    def _set_pseudo(self, key: str, value: str) -> None:
        request = self.stream.request
        response = self.stream.response
        if self.run.sending:
            if key != ":status" or response is None:
                raise HeadgateError(f"a response has no {key}")
            if not (value.isascii() and value.isdigit() and 200 <= int(value) <= 599):
                raise HeadgateError(":status must be between 200-599")
            response.status = int(value)
            response.reason = ""
        elif key == ":path":
            request.target = checked_target(value)
        elif key == ":method":
            header_line(value, "")  # a method is a token, as a field's name
            request.method = value
        elif key == ":authority":
            request.authority = value
        elif key == ":scheme":
            if value not in ("http", "https"):
                raise HeadgateError(":scheme must be http or https")
            request.scheme = value
        else:
            raise HeadgateError(f"a request has no {key}")

    def remove(self, of: int, name: bytes) -> bool | None:
        """Remove a field."""
        if name[:1] == b":":
            return self._fail(f"{name.decode('latin-1')} cannot be removed")
        if self._of(of).remove(name.decode("latin-1")):
            self.run.changed = True
        return None

    def reason(self, phrase: bytes) -> bool | None:
        """Set the response's reason phrase."""
        response = self.stream.response
        if not self.run.sending or response is None:
            return self._fail("only a response has a reason phrase")
        try:
            header_line("reason", phrase.decode("latin-1"))
        except HeadgateError as error:
            return self._fail(error)
        response.reason = phrase.decode("latin-1")
        return None

    # --- body and trailers

    def body_length(self) -> int:
        """Bytes of the body."""
        return len(self.run.body())

    def body_bytes(self, index: float, length: float) -> Value:
        """A part of the body."""
        body = self.run.body()
        start, size = int(index), int(length)
        if start < 0 or size < 0 or start + size > len(body):
            return self._fail("index/length must be >= 0 and (index + length) must be <= buffer size")
        return self._push(body[start : start + size])

    def set_body(self, data: bytes) -> int:
        """Replace the body; its new length."""
        self.run.set_body(data)
        return len(data)

    def has_trailers(self) -> bool:
        """Whether the message ended with trailer fields."""
        return bool(self.run.trailers())

    # --- the rest

    def log(self, level: int, message: bytes) -> None:
        """Write a line to the log."""
        if _LOG.isEnabledFor(level):
            _LOG.log(level, "script log: %s: %s", self._name, message.decode("utf-8", "backslashreplace"))

    def respond(self, body: bytes, *fields: bytes) -> bool | None:
        """Answer the request."""
        if self.run.sending:
            return self._fail("respond not currently supported in the response path")
        head = ReplyFields()
        status = b""
        for name, value in zip(fields[::2], fields[1::2], strict=True):
            if name.lower() == b":status":
                status = value
            else:
                head.fields.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))
        if not (status.isdigit() and 200 <= int(status) <= 599):
            return self._fail(":status must be between 200-599")
        if body and not any(name.lower() == "content-type" for name, _ in head.fields):
            head.fields.append(("content-type", "text/plain"))  # as Envoy
        try:
            self.stream.reply(int(status), head, body)
        except HeadgateError as error:
            return self._fail(error)
        return None

    def call(self, cluster: bytes, body: bytes, timeout: float, asynchronous: bool, *fields: bytes) -> bool | None:
        """Start a call to a cluster; the answer goes to the run that waits, or to nobody."""
        try:
            self.run.call(cluster.decode("utf-8", "replace"), fields, body, timeout / 1000.0, asynchronous)
        except HeadgateError as error:
            return self._fail(error)
        return None

    def metadata(self, of: str | bytes) -> Value:
        """Metadata as JSON: the filter's own of the matched route, or the entry's ``filter_context``."""
        if of == b"context":
            return self._push(_json(self.run.filter_context() or self._context))
        route = self.stream.route
        found: object = {}
        if of == b"filter" and route is not None:
            known = route.metadata.get("filter_metadata", route.metadata)
            if isinstance(known, Mapping):
                found = known.get("envoy.filters.http.lua") or known.get("lua") or {}
        return self._push(_json(found))

    def dynamic(self) -> Value:
        """All dynamic metadata as JSON."""
        return self._push(_json(self.stream.variables.get(DYNAMIC) or {}))

    def set_dynamic(self, name: bytes, key: bytes, value: bytes) -> bool | None:
        """Set one value."""
        known = self.stream.variables.setdefault(DYNAMIC, {})
        assert isinstance(known, dict)
        try:
            known.setdefault(_text(name), {})[_text(key)] = json.loads(_text(value))
        except ValueError as error:
            return self._fail(error)
        return None

    def fact(self, name: bytes) -> Value:
        """Something about stream or connection."""
        return self._push(_FACTS[name](self.stream))

    def clear_route(self) -> bool | None:
        """Have the route matched again after the handler."""
        self.run.rematch = True
        return None

    def base64(self, data: bytes) -> Value:
        """Base64 of a string."""
        return self._push(base64.b64encode(data))

    def timestamp(self, micro: bool) -> int:
        """Time since 1970 in milliseconds or microseconds."""
        return time.time_ns() // (1000 if micro else 1_000_000)


class ReplyFields(dict[str, str]):
    """Header fields of a reply, several of one name included."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]  # a view of pairs is all that a reply asks for
        return self.fields


def _key(name: bytes) -> str:
    key = name.decode("latin-1").lower()
    return key if key != "host" else ":authority"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "surrogateescape")


def _encoded(value: str | None) -> bytes | None:
    return None if value is None else value.encode("utf-8", "surrogateescape")


def _protocol(stream: Stream) -> bytes:
    return b"HTTP/1.1"


_FACTS: Final[dict[bytes, Callable[[Stream], bytes | None]]] = {
    b"protocol": _protocol,
    b"route_name": lambda stream: _encoded(stream.route.name if stream.route else ""),
    b"virtual_cluster_name": lambda stream: b"",
    b"local_address": lambda stream: _encoded(stream.connection.local.text),
    b"remote_address": lambda stream: _encoded(stream.connection.remote.text),
    b"server_name": lambda stream: _encoded(stream.connection.server_name or ""),
    b"tls": lambda stream: b"1" if stream.request.scheme == "https" else None,
    b"peer_certificate": lambda stream: _encoded(stream.connection.tls_peer_certificate),
    b"peer_certificate_url": lambda stream: _encoded(quote(stream.connection.tls_peer_certificate or "", safe="")),
}
