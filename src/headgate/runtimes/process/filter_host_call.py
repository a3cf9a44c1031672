"""One call in a filter host: runs a slot's hooks as the engine would, and says what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Final

from headgate.api.deferred import Deferred, DeferredCallbacks, DeferredChunk
from headgate.api.status import Status
from headgate.proxy.filter_entry import FilterSlot
from headgate.runtimes.process.filter_host_body import HostedBody
from headgate.runtimes.process.filter_host_stream import HostedStream
from headgate.runtimes.process.isolation_messages import Changes, Done, Failed, plain

_LOG: Final = logging.getLogger("headgate.isolation")


class HostedCall:
    """A slot's hooks in the engine's order: the head's handler, then, if the message passes, those of its body, its end, its trailers.

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
        self._verdict = Status.CONTINUE
        self._hook = "on_send" if sending else "on_receive"
        self._body = HostedBody(stream, slot, sending)
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
                verdict.wait(DeferredCallbacks(self._on_verdict, self._on_failed))
            elif isinstance(verdict, Awaitable):
                self._task = asyncio.ensure_future(_awaited(verdict))
                self._task.add_done_callback(self._task_done)
            else:
                self._on_verdict(verdict)
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

    def _on_verdict(self, verdict: object) -> None:
        """The head's handler has come to its verdict."""
        if self._over:
            return
        try:
            self._verdict = _checked(verdict)
            held = self._pass_body()
        except BaseException as error:
            self._on_failed(error)
            return
        if held is None:
            self._conclude()
        else:
            self._task, self._deferred = None, held
            held.wait(DeferredCallbacks(lambda ended: self._on_end(held, ended), self._on_failed))

    def _pass_body(self) -> DeferredChunk | None:
        if not self._passes():
            return None
        self._hook = "the hooks of the body"
        return self._body.pass_hooks()

    def _on_end(self, held: DeferredChunk, verdict: Status | None) -> None:
        """The filter lets the body's end go."""
        if self._over:
            return
        try:
            if verdict is Status.TERMINATE:
                self._verdict = verdict
            elif verdict is Status.STOP and self._stream.made_reply is None:
                raise ValueError("STOP without a reply")
            else:
                self._body.add(held.data)
        except BaseException as error:
            self._on_failed(error)
            return
        self._conclude()

    def _conclude(self) -> None:
        try:
            self._pass_trailers()
            done = self._outcome()
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
        _LOG.error("%s failed in %s: %s: %s", type(self._slot.filter).__name__, self._hook, type(error).__name__, error, exc_info=error)
        self._finished(self, Failed(self.number, f"{type(error).__name__}: {error}"))

    def _task_done(self, task: asyncio.Future[Status | None]) -> None:
        if task.cancelled():
            self._on_failed(asyncio.CancelledError("the handler was cancelled"))
            return
        error = task.exception()
        if error is not None:
            self._on_failed(error)
        else:
            self._on_verdict(task.result())

    def _end(self) -> None:
        self._over = True
        self._stream.handlers -= 1

    def _passes(self) -> bool:
        """The message goes on: its body and its trailers are the filter's to see. A sender's STOP skips other filters only."""
        goes_on = self._verdict is Status.CONTINUE or (self._sending and self._verdict is Status.STOP)
        return goes_on and self._stream.made_reply is None

    def _pass_trailers(self) -> None:
        stream, slot = self._stream, self._slot
        if not self._passes():
            return
        self._hook = "the hook of trailers"
        if self._sending:
            response = stream.response
            if slot.capabilities.response_trailers and response is not None and response.trailers is not None:
                slot.filter.on_send_trailers(stream, response.trailers)
        elif slot.capabilities.request_trailers and stream.request.trailers is not None:
            slot.filter.on_receive_trailers(stream, stream.request.trailers)

    def _outcome(self) -> Done:
        """What the worker is told."""
        stream = self._stream
        body = self._body.changed()
        reply = stream.made_reply
        stream.made_reply = None
        if reply is not None:
            stream.replied = True
            stream.responding = True
        return Done(self.number, str(self._verdict.value), reply, self._changes(body))

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


def _checked(verdict: object) -> Status:
    if verdict is None:
        return Status.CONTINUE
    if not isinstance(verdict, Status):
        raise TypeError(f"returned {verdict!r}, which is not a Status")
    return verdict
