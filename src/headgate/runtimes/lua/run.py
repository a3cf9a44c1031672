"""A handler's run, from its start to its verdict.

A handler runs in a coroutine. Where the script must wait it yields: for a cluster's answer the engine gets a ``Deferred``; for the body a
filter joins the chain behind this one and the run goes on in it: one that buffers, or one that sees each chunk
(:mod:`headgate.runtimes.lua.passing_body`). So a script that never asks for a body never has one held up.
A run lets go of its stream when it ends: a circle of stream, filter and run would leave every request to the garbage collector.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from headgate.api.deferred import Deferred, DeferredChunk
from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers
from headgate.api.status import Status
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter
from headgate.api.upstream_call import UpstreamCall
from headgate.proxy.late_filter import join_behind
from headgate.proxy.stream_state import StreamState
from headgate.runtimes.lua.body_filters import RequestChunks, ResponseChunks, WholeRequest, WholeResponse
from headgate.runtimes.lua.calls import Answer, CallOutcome, Nobody, call_head
from headgate.runtimes.lua.passing_body import ChunkReader, PassingBody
from headgate.runtimes.lua.state import FAILED, REPLIED, WAIT_BODY, WAIT_CALL, WAIT_TRAILERS, LuaScriptError, LuaState
from headgate.runtimes.lua.unit import LuaUnit

NO_MEMORY: Final = "not enough memory"
_PLACELESS: Final = (NO_MEMORY, "stack overflow", "C stack overflow", "error in error handling")
"""Errors of Lua's own that name no place."""
_FIELD_COST: Final = 64
"""Bytes that Lua needs for a string beside its content."""
_NO_LISTING: Final[list[tuple[str, bytes]]] = []


class LuaRun(ChunkReader, CallOutcome):
    """One handler of one script on one stream.

    :ivar sending: it handles the response
    :ivar changed: it changed headers
    :ivar rematch: it asked for the route to be matched again
    :ivar verdict: what the head's filter returns to the engine
    :ivar streaming: the message's head has gone on: it can no longer be changed
    :ivar body_then: the request's body as it was when the route was to be matched again
    """

    listing: list[tuple[str, bytes]] = _NO_LISTING
    changed: bool = False
    rematch: bool = False
    streaming: bool = False
    body_then: bytes | None = None
    _number: int = -1  # of the waiting run in its state
    _joins: bool = False  # the filter for chunks joins once the route was matched again
    _flow: PassingBody | None = None
    _waits: CallWait | None = None
    _pending: UpstreamCall | None = None
    _outcome: list[object] | None = None

    def __init__(self, unit: LuaUnit, state: LuaState, stream: Stream, sending: bool) -> None:
        self._unit: LuaUnit = unit
        self._state: LuaState = state
        self._stream: Stream | None = stream
        self.sending: bool = sending
        self.verdict: Status | Deferred | None = None  # mypyc takes no first value in the class for a union of three

    # --- the way in and out

    def start(self) -> None:
        """Run the handler; ``verdict`` then is its verdict, or what it waits for.

        :raises LuaScriptError: if it fails
        """
        state = self._state
        self._enter_host(state)
        number = self._unit.number(state)
        outcome = state.response(number) if self.sending else state.request(number)
        if not isinstance(outcome, int) or outcome != 0 or self.changed or self.rematch:
            self.verdict = self._after(outcome)
        else:
            self.done = True

    def go_on(self, values: Sequence[object] = ()) -> Status | Deferred | None:
        """What it waited for is there.

        :raises LuaScriptError: if it fails
        """
        size = 16 * len(values)
        for value in values:
            if isinstance(value, bytes):
                size += len(value) + _FIELD_COST
        state = self._state
        number = self._number
        self._number = -1
        self.wait = 0
        if not state.room(size):
            state.forget(number)
            state.broken = True
            self._end()
            raise LuaScriptError(f"{self._unit.name}: {NO_MEMORY}")
        self._enter_host(state)
        self.verdict = self._after(state.go_on(number, *values))
        return self.verdict

    def _enter_host(self, state: LuaState) -> None:
        host = state.host
        stream = self._stream
        assert stream is not None
        host.run = self
        host.stream = stream
        if self.sending:
            response = stream.response
            assert response is not None
            host.headers = response.headers
        else:
            host.headers = stream.request.headers

    def _after(self, outcome: object) -> Status | Deferred | None:
        """What the handler's way out means."""
        if not isinstance(outcome, int):
            self._end()
            raise self._failure(outcome)
        if outcome == 0:
            return self._ended()
        if outcome == REPLIED:
            self._end()
            return Status.STOP
        self._number, self.wait = outcome >> 3, outcome & 7
        if self.wait == WAIT_CALL:
            return self._wait_for_call()
        if self.streaming:
            return None
        if self.wait == WAIT_BODY:
            return self._join(WholeResponse(self) if self.sending else WholeRequest(self))
        if self._body_over():
            return self.go_on([False] if self.wait == WAIT_TRAILERS else [False, False])
        if self._wants_rematch():
            self._joins = True
            return Status.REMATCH_ROUTE
        return self._join_chunks()

    def _join(self, late: StreamFilter[object]) -> Deferred:
        assert self._stream is not None
        join_behind(self._stream, late)
        joined = Deferred()
        joined.resolve(Status.CONTINUE)
        return joined

    def _join_chunks(self) -> Deferred:
        self.streaming = True
        self._flow = PassingBody(self, self._unit.name, self._unit.entry.max_body)
        return self._join(ResponseChunks(self) if self.sending else RequestChunks(self))

    def again(self) -> Status | Deferred | None:
        """The route was matched again for it."""
        if not self._joins or self.done:
            return None
        self._joins = False
        return self._join_chunks()

    def _body_over(self) -> bool:
        """There is no body, or none any more."""
        stream = self._stream
        if not isinstance(stream, StreamState):
            return False
        if self.sending:
            return stream.response_ended and stream.held_response_bytes == 0
        return stream.request_ended and stream.held_request_bytes == 0

    def _failure(self, outcome: object) -> LuaScriptError:
        assert isinstance(outcome, tuple)
        assert outcome[0] == FAILED
        message = outcome[1].decode("utf-8", "replace") if isinstance(outcome[1], bytes) else str(outcome[1])
        if NO_MEMORY in message:
            self._state.broken = True
        if message in _PLACELESS:
            message = f"{self._unit.name}: {message}"
        return LuaScriptError(message)

    def _ended(self) -> Status | None:
        if self.streaming or not self._wants_rematch():
            self._end()
            return None
        assert self._stream is not None
        self.body_then = self._stream.request.body
        self._end()
        return Status.REMATCH_ROUTE

    def _wants_rematch(self) -> bool:
        return not self.sending and (self.rematch or (self.changed and self._unit.entry.clear_route))

    def _end(self) -> None:
        self.done = True
        self.wait = 0
        self._stream = None

    # --- body and trailers

    def body(self) -> bytes:
        """The message's body once it is there, or the chunk at hand."""
        if self._flow is not None:
            return self._flow.chunk
        stream = self._stream
        if stream is None:
            return b""
        message = stream.response if self.sending else stream.request
        return (message.body if message is not None else None) or b""

    def set_body(self, data: bytes) -> None:
        """Replace it."""
        if self._flow is not None:
            self._flow.chunk = data
            return
        stream = self._stream
        if stream is not None:
            if not self.sending:
                stream.request.body = data
            elif stream.response is not None:
                stream.response.body = data

    def trailers(self) -> Headers | None:
        """The message's trailer fields."""
        stream = self._stream
        if stream is None:
            return None
        if not self.sending:
            return stream.request.trailers
        return stream.response.trailers if stream.response is not None else None

    def read_on(self, values: Sequence[object]) -> None:
        self.go_on(values)

    def chunk_arrived(self, data: bytes) -> bytes | None:
        """A chunk of a body that passes (see :meth:`PassingBody.arrived`).

        :raises LuaScriptError: if the script fails
        """
        assert self._flow is not None
        return self._flow.arrived(data)

    def chunks_ended(self) -> bytes | DeferredChunk | None:
        """Its end (see :meth:`PassingBody.ended`)."""
        assert self._flow is not None
        return self._flow.ended()

    def filter_context(self) -> Mapping[str, object]:
        """What the route's configuration gives as ``filter_context``."""
        return self._unit.context

    # --- calls

    def call(self, cluster: str, fields: Sequence[bytes], body: bytes, timeout: float, asynchronous: bool) -> None:
        """Start a call to a cluster.

        :param timeout: seconds
        :raises HeadgateError: if it cannot be made
        """
        entry = self._unit.entry
        if not entry.caller.has_cluster(cluster):
            raise HeadgateError(f"http call cluster invalid. Must be configured: {cluster!r}")
        request = call_head(fields)
        if asynchronous:
            entry.caller.start(cluster, request, body, timeout, Nobody(), entry.max_response)
            return
        self._outcome = None
        self._pending = entry.caller.start(cluster, request, body, timeout, Answer(self), entry.max_response)

    def answered(self, values: list[object]) -> None:
        self._outcome = values
        self._pending = None
        if self.wait != WAIT_CALL:
            return  # before the script has come to wait
        if self._flow is not None:
            self._outcome = None
            self._flow.answered(values)
            return
        waits = self._waits
        if waits is None or waits.done:
            return
        try:
            verdict = self._answered()
        except Exception as error:
            waits.fail(error)
            return
        if not isinstance(verdict, Deferred):
            waits.resolve(verdict)
        elif verdict is not waits:
            waits.resolve(Status.CONTINUE)  # the body's filter has joined

    def _wait_for_call(self) -> Status | Deferred | None:
        if self._flow is None:
            self._waits = CallWait(self)
            return self._answered()
        outcome = self._outcome
        if outcome is None:
            return None
        self._outcome = None
        return self.go_on(outcome)

    def _answered(self) -> Status | Deferred | None:
        """Go on with the outcome if it is there; else wait."""
        outcome = self._outcome
        waits = self._waits
        if outcome is None:
            return waits
        self._outcome = None
        self._waits = None
        verdict = self.go_on(outcome)
        if isinstance(verdict, CallWait) and waits is not None:
            self._waits = waits  # another call: the engine waits for the first one's verdict
            return waits
        return verdict

    def abandon(self) -> None:
        """Nobody waits for the run any more."""
        pending = self._pending
        if pending is not None:
            self._pending = None
            pending.cancel()
        self._waits = None
        if self._number >= 0:
            self._state.forget(self._number)
            self._number = -1
        self._end()

    def destroyed(self) -> None:
        """The stream has ended."""
        self.abandon()
        self._flow = None  # a circle


class CallWait(Deferred):
    """The engine's wait while a call is under way."""

    def __init__(self, run: LuaRun) -> None:
        super().__init__()
        self._run = run

    def on_abandoned(self) -> None:
        self._run.abandon()


def begin(unit: LuaUnit, stream: Stream, sending: bool) -> LuaRun | None:
    """Run a handler.

    :returns: None if it ran through and there is nothing more to do; else the run with its verdict
    :raises LuaScriptError: if it fails
    """
    run = LuaRun(unit, unit.entry.state(), stream, sending)
    run.start()
    return None if run.done and run.verdict is None else run
