"""What Lua calls for headers and trailers (see :mod:`headgate.runtimes.lua.host`).

Each function's ``of`` is 0 for the headers of the message at hand, 1 for its trailers.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers, header_line
from headgate.api.messages import checked_target

if TYPE_CHECKING:
    from headgate.runtimes.lua.host import LuaHost, Value

_HEADERS: Final = 0
_NO_LONGER: Final = "header map can no longer be modified"
_PSEUDO: Final = (":authority", ":path", ":method", ":scheme")


class HeaderCalls:
    """The functions over headers of one Lua state."""

    def __init__(self, host: LuaHost) -> None:
        self._host: LuaHost = host

    def functions(self) -> dict[bytes, Callable[..., object]]:
        """Every function by its name in Lua."""
        return {
            b"get": self.get,
            b"get_at": self.get_at,
            b"values": self.values,
            b"count": self.count,
            b"name_at": self.name_at,
            b"value_at": self.value_at,
            b"add": self.add,
            b"set": self.set,
            b"remove": self.remove,
            b"reason": self.reason,
        }

    def _of(self, of: int) -> Headers:
        if of == _HEADERS:
            return self._host.headers
        trailers = self._host.run.trailers()
        return trailers if trailers is not None else Headers()

    def get(self, of: int, name: bytes) -> Value:
        """All values of a field, joined by commas; None if there is none."""
        headers = self._host.headers if of == _HEADERS else self._of(of)
        key = name.decode("latin-1").lower()
        keys = headers.keys
        if key not in keys:
            return self._host.push(self._pseudo(key)) if of == _HEADERS and key.startswith(":") else None
        skip = len(key) + 2
        value = headers.lines[keys.index(key)][skip:]
        if keys.count(key) > 1:
            values: list[bytes] = []
            for i, present in enumerate(keys):
                if present == key:
                    values.append(headers.lines[i][skip:])  # one loop for compiled code
            value = b",".join(values)
        return self._host.push(value)

    def _pseudo(self, key: str) -> bytes | None:
        host = self._host
        if host.run.sending:
            response = host.stream.response
            return str(response.status).encode() if key == ":status" and response is not None else None
        request = host.stream.request
        text: str | None = None
        if key == ":path":
            text = request.target
        elif key == ":method":
            text = request.method
        elif key == ":authority":
            text = request.headers.get("host")
        elif key == ":scheme":
            text = request.scheme
        return None if text is None else text.encode("utf-8", "surrogateescape")

    def _every(self, of: int) -> list[tuple[str, bytes]]:
        """All fields with the pseudo fields in front, as Envoy has them."""
        headers = self._of(of)
        fields: list[tuple[str, bytes]] = []
        asked = of == _HEADERS and not self._host.run.sending
        if of == _HEADERS:
            for name in _PSEUDO if asked else (":status",):
                value = self._pseudo(name)
                if value is not None:
                    fields.append((name, value))
        for i, key in enumerate(headers.keys):
            if not (asked and key == "host"):
                fields.append((key, headers.lines[i][len(key) + 2 :]))
        return fields

    def _named(self, of: int, name: bytes) -> list[bytes]:
        key = name.decode("latin-1").lower()
        if key == "host":
            key = ":authority"
        return [value for present, value in self._every(of) if present == key]

    def get_at(self, of: int, name: bytes, index: float) -> Value:
        """One value of a field, from 0; None if there is none."""
        found = self._named(of, name)
        return self._host.push(found[int(index)]) if index < len(found) else None

    def values(self, of: int, name: bytes) -> int:
        """How many values a field has."""
        return len(self._named(of, name))

    def count(self, of: int) -> int:
        """Begin an iteration: how many fields there are."""
        listing = self._host.run.listing = self._every(of)
        return len(listing)

    def name_at(self, of: int, position: int) -> Value:
        """The name of a field of the iteration, from 1."""
        return self._host.push(self._host.run.listing[position - 1][0].encode("latin-1"))

    def value_at(self, of: int, position: int) -> Value:
        """Its value."""
        return self._host.push(self._host.run.listing[position - 1][1])

    def _gone(self, of: int) -> bool:
        """Whether the headers have gone on."""
        return of == _HEADERS and self._host.run.streaming

    def add(self, of: int, name: bytes, value: bytes) -> bool | None:
        """Add a field."""
        if name.startswith(b":"):
            return self.set(of, name, value)
        if self._gone(of):
            return self._host.fail(_NO_LONGER)
        try:
            self._of(of).add(name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        except HeadgateError as error:
            return self._host.fail(error)
        self._host.run.changed = True
        return None

    def set(self, of: int, name: bytes, value: bytes) -> bool | None:
        """Replace a field, or a part of the first line."""
        if self._gone(of):
            return self._host.fail(_NO_LONGER)
        try:
            text = value.decode("utf-8", "surrogateescape")
            if name.startswith(b":"):
                self._set_pseudo(name.decode("latin-1").lower(), text)
            else:
                self._of(of).set(name.decode("latin-1"), text)
        except HeadgateError as error:
            return self._host.fail(error)
        self._host.run.changed = True
        return None

    def _set_pseudo(self, key: str, value: str) -> None:
        request = self._host.stream.request
        response = self._host.stream.response
        if self._host.run.sending:
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
        if name.startswith(b":"):
            return self._host.fail(f"{name.decode('latin-1')} cannot be removed")
        if self._gone(of):
            return self._host.fail(_NO_LONGER)
        if self._of(of).remove(name.decode("latin-1")):
            self._host.run.changed = True
        return None

    def reason(self, phrase: bytes) -> bool | None:
        """Set the response's reason phrase."""
        response = self._host.stream.response
        if not self._host.run.sending or response is None:
            return self._host.fail("only a response has a reason phrase")
        if self._gone(_HEADERS):
            return self._host.fail(_NO_LONGER)
        text = phrase.decode("latin-1")
        try:
            header_line("reason", text)
        except HeadgateError as error:
            return self._host.fail(error)
        response.reason = text
        return None
