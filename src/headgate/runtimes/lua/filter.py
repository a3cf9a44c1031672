"""The stream filters that run scripts, and a handler's run from its start to its verdict.

A handler runs in a coroutine. Where the script must wait it yields: for a cluster's answer the engine gets a ``Deferred``; for the body a
filter that buffers joins the chain behind this one and the run goes on in it. So a script that never asks for a body never has one held up.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from headgate.api.deferred import Deferred
from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
from headgate.api.status import BodyNeed, Phase, Status
from headgate.api.stream_filter import StreamFilter, Verdict
from headgate.api.upstream_call import UpstreamCall, UpstreamReceiver
from headgate.proxy.late_filter import join_behind
from headgate.runtimes.lua.state import FAILED, REPLIED, WAIT_BODY, WAIT_CALL, WAIT_TRAILERS, LuaScriptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.api.stream import Stream
    from headgate.runtimes.lua.factory import LuaUnit
    from headgate.runtimes.lua.state import LuaState

_LOG: Final = logging.getLogger("headgate.lua")
_NO_MEMORY: Final = "not enough memory"
_PLACELESS: Final = (_NO_MEMORY, "stack overflow", "C stack overflow", "error in error handling")
"""Errors of Lua's own that name no place."""
_FIELD_COST: Final = 64
"""Bytes that Lua needs for a string beside its content."""


class LuaRun:
    """One handler of one script on one stream.

    :ivar sending: it handles the response
    :ivar changed: it changed headers
    :ivar rematch: it asked for the route to be matched again
    """

    listing: Sequence[tuple[str, bytes]] = ()
    changed: bool = False
    rematch: bool = False
    number: int = 0  # of the waiting run in its state
    waits: Deferred | None = None
    pending: UpstreamCall | None = None
    done: bool = False  # the verdict was to match the route again
    body_then: bytes | None = None  # the body at that time
    _outcome: tuple[object, ...] | None = None

    def __init__(self, unit: LuaUnit, state: LuaState, stream: Stream, sending: bool) -> None:
        self._unit = unit
        self._state = state
        self._stream = stream
        self.sending = sending

    # --- the way in and out

    def start(self) -> Verdict:
        """Run the handler; the verdict, or what it waits for."""
        self._enter_host()
        enter = self._state.response if self.sending else self._state.request
        outcome = enter(self._unit.number(self._state))
        return self._verdict() if outcome == 0 else self._after(outcome)

    def go_on(self, *values: object) -> Verdict:
        """What it waited for is there."""
        size = sum(len(value) + _FIELD_COST for value in values if isinstance(value, bytes))
        if not self._state.room(size + 16 * len(values)):
            self._state.forget(self.number)
            self._state.broken = True
            raise LuaScriptError(f"{self._unit.name}: {_NO_MEMORY}")
        self._enter_host()
        outcome = self._state.go_on(self.number, *values)
        return self._verdict() if outcome == 0 else self._after(outcome)

    def _enter_host(self) -> None:
        host = self._state.host
        host.run = self
        stream = self._stream
        host.stream = stream
        response = stream.response
        host.headers = response.headers if self.sending and response is not None else stream.request.headers

    def _after(self, outcome: object) -> Verdict:
        if isinstance(outcome, tuple):
            assert outcome[0] == FAILED
            message = outcome[1].decode("utf-8", "replace") if isinstance(outcome[1], bytes) else str(outcome[1])
            if _NO_MEMORY in message:
                self._state.broken = True
            if message in _PLACELESS:
                message = f"{self._unit.name}: {message}"
            raise LuaScriptError(message)
        assert isinstance(outcome, int)
        if outcome == REPLIED:
            return Status.STOP
        self.number, wait = outcome >> 3, outcome & 7
        if wait in (WAIT_BODY, WAIT_TRAILERS):
            join_behind(self._stream, (LuaResponseBody if self.sending else LuaRequestBody)(self))
            joined = Deferred()
            joined.resolve(Status.CONTINUE)
            return joined
        assert wait == WAIT_CALL
        self.waits = _CallWait(self)
        return self._answered()

    def _verdict(self) -> Status:
        if not self.sending and (self.rematch or (self.changed and self._unit.entry.clear_route)):
            self.done = True
            self.body_then = self._stream.request.body
            return Status.REMATCH_ROUTE
        return Status.CONTINUE

    # --- body and trailers

    def body(self) -> bytes:
        """The message's body, once it is there."""
        message = self._stream.response if self.sending else self._stream.request
        return (message.body if message is not None else None) or b""

    def set_body(self, data: bytes) -> None:
        """Replace it."""
        message = self._stream.response if self.sending else self._stream.request
        assert message is not None
        message.body = data

    def trailers(self) -> Headers | None:
        """The message's trailer fields."""
        message = self._stream.response if self.sending else self._stream.request
        return message.trailers if message is not None else None

    def filter_context(self) -> object:
        """What the route's configuration gives as ``filter_context``."""
        return self._unit.context

    # --- calls

    def call(self, cluster: str, fields: Sequence[bytes], body: bytes, timeout: float, asynchronous: bool) -> None:
        """Start a call to a cluster.

        :raises HeadgateError: if it cannot be made
        """
        entry = self._unit.entry
        if not entry.caller.has_cluster(cluster):
            raise HeadgateError(f"http call cluster invalid. Must be configured: {cluster!r}")
        request = _call_head(fields)
        if asynchronous:
            entry.caller.start(cluster, request, body, timeout, _Nobody(), entry.max_response)
            return
        self._outcome = None
        self.pending = entry.caller.start(cluster, request, body, timeout, _Answer(self), entry.max_response)

    def answered(self, outcome: tuple[object, ...]) -> None:
        """The call is over: failure text or None, body or None, number of fields, names and values."""
        self._outcome = outcome
        self.pending = None
        waits = self.waits
        if waits is None or waits.done:
            return  # before the script has come to wait
        try:
            verdict = self._answered()
        except Exception as error:
            waits.fail(error)
            return
        if isinstance(verdict, Deferred):
            if verdict is not waits:
                waits.resolve(Status.CONTINUE)  # the body's filter has joined
        else:
            assert verdict is None or isinstance(verdict, Status)
            waits.resolve(verdict)

    def _answered(self) -> Verdict:
        """Go on with the outcome if it is there; else wait."""
        outcome = self._outcome
        if outcome is None:
            return self.waits
        self._outcome = None
        waits, self.waits = self.waits, None
        verdict = self.go_on(*outcome)
        if isinstance(verdict, _CallWait) and waits is not None:
            self.waits = waits  # another call: the engine waits for the first one's verdict
            return waits
        return verdict

    def abandon(self) -> None:
        """Nobody waits for the run any more."""
        pending = self.pending
        if pending is not None:
            self.pending = None
            pending.cancel()
        self._state.forget(self.number)


class _CallWait(Deferred):
    """The engine's wait while a call is under way."""

    def __init__(self, run: LuaRun) -> None:
        super().__init__()
        self._run = run

    def on_abandoned(self) -> None:
        self._run.abandon()


class _Answer(UpstreamReceiver):
    """Takes the answer of a call to its run."""

    def __init__(self, run: LuaRun) -> None:
        self._run = run

    def on_upstream_response(self, status: int, headers: Headers, body: bytes, trailers: Headers | None) -> None:
        fields: list[object] = [b":status", b"%d" % status]
        for i, key in enumerate(headers.keys):
            fields += (key.encode("latin-1"), headers.lines[i][len(key) + 2 :])
        self._run.answered((None, body or None, len(fields) // 2, *fields))

    def on_upstream_failure(self, kind: str, message: str) -> None:
        if kind == "bad_request":
            self._run.answered((message.encode("utf-8", "surrogateescape"), None, 0))
            return
        _LOG.info("httpCall failed: %s: %s", kind, message)
        status, text = (b"504", b"upstream request timeout") if kind == "timeout" else (b"503", b"upstream failure")
        self._run.answered((None, text, 1, b":status", status))


class _Nobody(UpstreamReceiver):
    """Takes the answer of an asynchronous call."""

    def on_upstream_response(self, status: int, headers: Headers, body: bytes, trailers: Headers | None) -> None:
        pass

    def on_upstream_failure(self, kind: str, message: str) -> None:
        _LOG.info("asynchronous httpCall failed: %s: %s", kind, message)


def _call_head(fields: Sequence[bytes]) -> RequestHead:
    """The request head of a call, from a script's table of headers.

    :raises HeadgateError: if a pseudo field is missing, or a field may not stand in a message
    """
    pseudo: dict[bytes, str] = {}
    headers = Headers()
    for name, value in zip(fields[::2], fields[1::2], strict=True):
        text = value.decode("utf-8", "surrogateescape")
        if name[:1] == b":":
            pseudo[name.lower()] = text
        else:
            headers.add(name.decode("latin-1"), text)
    try:
        head = RequestHead(pseudo[b":method"], pseudo[b":path"], headers)
        head.authority = pseudo[b":authority"]
    except KeyError:
        raise HeadgateError("http call headers must include ':path', ':method', and ':authority'") from None
    return head


class LuaFilter(StreamFilter["LuaUnit"]):
    """Runs a script's handler for the request. Its configuration is the script that applies."""

    phase = Phase.AFTER_ROUTE
    _run: LuaRun | None = None

    def on_receive(self, stream: Stream) -> Verdict:
        unit = self.config
        if not unit.requests:
            return None
        if self._run is not None and self._run.done:
            return None  # the route was matched again
        run = self._run = LuaRun(unit, unit.entry.state(), stream, False)
        return run.start()


class LuaBothWays(LuaFilter):
    """The same, and the handler for the response."""

    def on_send(self, stream: Stream) -> Verdict:
        unit = self.config
        if not unit.responses:
            return None
        return LuaRun(unit, unit.entry.state(), stream, True).start()


class LuaRequestBody(StreamFilter[object]):
    """Where a run goes on once the request's body is complete."""

    phase = Phase.AFTER_ROUTE
    request_body = BodyNeed.BUFFER

    def __init__(self, run: LuaRun) -> None:
        super().__init__(None)
        self._run = run

    def on_receive(self, stream: Stream) -> Verdict:
        run = self._run
        if run.done:
            stream.request.body = run.body_then  # the engine has put the original in its place
            return None
        return run.go_on()


class LuaResponseBody(StreamFilter[object]):
    """Where a run goes on once the response's body is complete."""

    response_body = BodyNeed.BUFFER

    def __init__(self, run: LuaRun) -> None:
        super().__init__(None)
        self._run = run

    def on_send(self, stream: Stream) -> Verdict:
        return self._run.go_on()
