"""What Lua calls: functions over the stream at hand. None of them raises: an exception would have to be pushed into Lua.

A failure is ``False``, its text is then to be had by ``failure()``. Strings cross as bytes, as they stand on the wire.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers
from headgate.api.stream import Stream
from headgate.runtimes.lua.body_calls import BodyCalls
from headgate.runtimes.lua.header_calls import HeaderCalls
from headgate.runtimes.lua.key_calls import KeyCalls
from headgate.runtimes.lua.reply_fields import ReplyFields
from headgate.runtimes.lua.stream_calls import StreamCalls
from headgate.runtimes.lua.tls_calls import TlsCalls

if TYPE_CHECKING:
    from headgate.runtimes.lua.run import LuaRun
    from headgate.runtimes.lua.state import LuaState

_LOG: Final = logging.getLogger("headgate.lua")
_NO_ROOM: Final = b"not enough memory"

Value = bytes | bool | None
"""What a function gives: a string, nil, or false for a failure."""


class LuaHost:
    """The functions of one Lua state, over the run that it is in at present.

    :param name: the entry's, for the log
    :param context: the entry's ``filter_context``
    :ivar run: the handler that runs; set before every way into Lua
    :ivar stream: its stream
    :ivar headers: its message's headers
    """

    def __init__(self, name: str, context: Mapping[str, object]) -> None:
        self.name: str = name
        self.context: Mapping[str, object] = context
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
            b"failure": self.failure,
            b"log": self.log,
            b"respond": self.respond,
            b"call": self.call,
            b"clear_route": self.clear_route,
            b"base64": self.base64,
            b"from_base64": self.from_base64,
            b"timestamp": self.timestamp,
        }
        made.update(HeaderCalls(self).functions())
        made.update(BodyCalls(self).functions())
        made.update(StreamCalls(self).functions())
        made.update(TlsCalls(self).functions())
        made.update(KeyCalls(self).functions())
        return made

    # --- values and failures

    def failure(self) -> bytes:
        """Why the last function failed."""
        return self._failure if self._state.room(len(self._failure)) else b""

    def fail(self, reason: object) -> bool:
        """Keep the text of a failure; False."""
        self._failure = str(reason).encode("utf-8", "surrogateescape")
        return False

    def push(self, value: bytes | None) -> Value:
        """A value for Lua, if there is room for it."""
        if value is None or self._state.room(len(value)):
            return value
        self._failure = _NO_ROOM
        self._state.broken = True
        return False

    # --- the handle

    def log(self, level: int, message: bytes) -> None:
        """Write a line to the log."""
        if _LOG.isEnabledFor(level):
            _LOG.log(level, "script log: %s: %s", self.name, message.decode("utf-8", "backslashreplace"))

    def respond(self, body: bytes, *fields: bytes) -> bool | None:
        """Answer the request."""
        if self.run.sending:
            return self.fail("respond not currently supported in the response path")
        if self.run.streaming:
            return self.fail("respond() cannot be called if headers have been continued")
        head = ReplyFields()
        status = b""
        typed = False
        for i in range(0, len(fields), 2):
            name = fields[i]
            if name.lower() == b":status":
                status = fields[i + 1]
                continue
            typed = typed or name.lower() == b"content-type"
            head.fields.append((name.decode("latin-1"), fields[i + 1].decode("utf-8", "surrogateescape")))
        if not (status.isdigit() and 200 <= int(status) <= 599):
            return self.fail(":status must be between 200-599")
        if body and not typed:
            head.fields.append(("content-type", "text/plain"))  # as Envoy
        try:
            self.stream.reply(int(status), head, body)
        except HeadgateError as error:
            return self.fail(error)
        return None

    def call(self, cluster: bytes, body: bytes, timeout: float, asynchronous: bool, *fields: bytes) -> bool | None:
        """Start a call to a cluster; the answer goes to the run that waits, or to nobody."""
        try:
            self.run.call(cluster.decode("utf-8", "replace"), fields, body, timeout / 1000.0, asynchronous)
        except HeadgateError as error:
            return self.fail(error)
        return None

    def clear_route(self) -> bool | None:
        """Have the route matched again after the handler."""
        self.run.rematch = True
        return None

    def base64(self, data: bytes) -> Value:
        """Base64 of a string."""
        return self.push(base64.b64encode(data))

    def from_base64(self, data: bytes) -> Value:
        """The string that a Base64 is of; None if it is none. As Envoy's: white space is skipped, padding may be missing."""
        text = b"".join(data.split())
        bare = text.rstrip(b"=")
        padding = len(text) - len(bare)
        if padding > 2 or len(bare) % 4 == 1 or (padding and len(text) % 4):
            return None
        try:
            return self.push(base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True))
        except ValueError:
            return None

    def timestamp(self, micro: bool) -> int:
        """Time since 1970 in milliseconds or microseconds."""
        return time.time_ns() // (1000 if micro else 1_000_000)
