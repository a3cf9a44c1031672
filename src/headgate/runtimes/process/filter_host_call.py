"""One call in a filter host: runs a slot's hooks as the engine would, and says what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Final

from headgate.api.deferred import Deferred, DeferredCallbacks
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.status import BodyNeed, Status
from headgate.proxy.filter_entry import FilterSlot
from headgate.runtimes.process.filter_host_stream import HostedStream
from headgate.runtimes.process.isolation_messages import Changes, Done, Failed, plain

_LOG: Final = logging.getLogger("headgate.isolation")


class HostedCall:
    """A slot's handler, from its call to its verdict.

    :param finished: told what came of it, once, unless it is abandoned before
    """

    def __init__(
        self, number: int, stream: HostedStream, slot: FilterSlot, sending: bool, finished: Callable[[HostedCall, Done | Failed], None]
    ) -> None:
        self.number = number
        self._stream = stream
        self._slot = slot
        self._sending = sending
        self._finished = finished
        self._over = False
        self._task: asyncio.Future[Status | None] | None = None
        self._deferred: Deferred | None = None
        message = self._message()
        self._need = slot.capabilities.response_body if sending else slot.capabilities.request_body
        self._body = message.body
        self._trailers = message.trailers
        if self._need != BodyNeed.BUFFER:
            message.body = None  # what has not asked for the whole does not get it, wherever it runs
        if not (slot.capabilities.response_trailers if sending else slot.capabilities.request_trailers):
            self._trailers = None
        # Nested values may be changed in place.
        self._before = {name: deepcopy(value) if isinstance(value, list | dict) else value for name, value in stream.variables.items()}
        request, response = stream.request, stream.response
        self._seen = (request.method, request.target)
        self._seen_response = (0, "") if response is None else (response.status, response.reason)

    def start(self) -> None:
        """Call the head handler."""
        stream, hooks = self._stream, self._slot.filter
        stream.handlers += 1
        try:
            verdict = hooks.on_send(stream) if self._sending else hooks.on_receive(stream)
            if isinstance(verdict, Deferred):
                self._deferred = verdict
                verdict.wait(DeferredCallbacks(self._on_done, self._on_failed))
            elif isinstance(verdict, Awaitable):
                self._task = asyncio.ensure_future(_awaited(verdict))
                self._task.add_done_callback(self._task_done)
            else:
                self._on_done(verdict)
        except BaseException as error:
            self._on_failed(error)

    def abandon(self) -> None:
        """Nobody waits any more."""
        if self._over:
            return
        self._end()
        if self._task is not None:
            self._task.cancel()
        if self._deferred is not None:
            self._deferred.abandon()

    def _on_done(self, verdict: Status | None) -> None:
        if self._over:
            return
        try:
            done = self._judged(verdict)
        except BaseException as error:
            self._on_failed(error)
            return
        self._end()
        self._finished(self, done)

    def _on_failed(self, error: BaseException) -> None:
        if self._over:
            return
        self._end()
        self._stream.made_reply = None
        where = "on_send" if self._sending else "on_receive"
        _LOG.error("%s failed in %s: %s: %s", type(self._slot.filter).__name__, where, type(error).__name__, error, exc_info=error)
        self._finished(self, Failed(self.number, f"{type(error).__name__}: {error}"))

    def _task_done(self, task: asyncio.Future[Status | None]) -> None:
        if task.cancelled():
            self._on_failed(asyncio.CancelledError("the handler was cancelled"))
            return
        error = task.exception()
        if error is not None:
            self._on_failed(error)
        else:
            self._on_done(task.result())

    def _end(self) -> None:
        self._over = True
        self._stream.handlers -= 1

    def _message(self) -> RequestHead | ResponseHead:
        stream = self._stream
        if self._sending and stream.response is not None:
            return stream.response
        return stream.request

    def _judged(self, verdict: object) -> Done:
        """What the worker is told of a verdict; before it, the hooks of what follows the head run, if the message passes."""
        stream = self._stream
        if verdict is None:
            verdict = Status.CONTINUE
        if not isinstance(verdict, Status):
            raise TypeError(f"returned {verdict!r}, which is not a Status")
        message = self._message()
        body: bytes | None = None
        if self._need == BodyNeed.BUFFER:
            body = self._buffered(message)
        elif self._need == BodyNeed.CHUNKS and verdict is Status.CONTINUE and stream.made_reply is None:
            body = self._chunk()
        if self._trailers is not None and verdict is Status.CONTINUE and stream.made_reply is None:
            if self._sending:
                self._slot.filter.on_send_trailers(stream, self._trailers)
            else:
                self._slot.filter.on_receive_trailers(stream, self._trailers)
        reply = stream.made_reply
        stream.made_reply = None
        if reply is not None:
            stream.replied = True
            stream.responding = True
        return Done(self.number, str(verdict.value), reply, self._changes(body))

    def _buffered(self, message: RequestHead | ResponseHead) -> bytes | None:
        body: object = message.body
        if body is self._body:
            return None
        if body is None:
            return b""
        if not isinstance(body, bytes):
            raise TypeError(f"left a body of {type(body).__name__}, not bytes")
        return body

    def _chunk(self) -> bytes | None:
        data = self._body
        if not data:
            return None
        hooks, stream = self._slot.filter, self._stream
        passed: object = hooks.on_send_data(stream, data) if self._sending else hooks.on_receive_data(stream, data)
        if passed is not None and not isinstance(passed, bytes):
            raise TypeError(f"returned {type(passed).__name__}, which is neither bytes nor None")
        return passed

    def _changes(self, body: bytes | None) -> Changes | None:
        """What differs from before the call; None if nothing does."""
        stream = self._stream
        request, response = stream.request, stream.response
        changes = Changes()
        if request.method != self._seen[0]:
            changes.method = request.method
        if request.target != self._seen[1]:
            changes.target = request.target.encode("utf-8", "surrogateescape")
        if request.headers.changed:
            changes.fields = request.headers.lines
        if request.trailers is not None and request.trailers.changed:
            changes.trailers = request.trailers.lines
        if self._sending:
            changes.response_body = body
        else:
            changes.body = body
        if response is not None:
            if response.status != self._seen_response[0]:
                changes.status = response.status
            if response.reason != self._seen_response[1]:
                changes.reason = response.reason
            if response.headers.changed:
                changes.response_fields = response.headers.lines
            if response.trailers is not None and response.trailers.changed:
                changes.response_trailers = response.trailers.lines
        self._note_variables(changes)
        return None if changes == _NOTHING else changes

    def _note_variables(self, changes: Changes) -> None:
        variables, before = self._stream.variables, self._before
        if variables == before:
            return
        changed = {name: value for name, value in variables.items() if name not in before or before[name] != value}
        changes.variables = plain(changed) or None
        changes.dropped = [name for name in before if name not in variables] or None


_NOTHING: Final = Changes()


async def _awaited(awaitable: Awaitable[Status | None]) -> Status | None:
    try:
        return await awaitable
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the handler raised {error!r}") from error
