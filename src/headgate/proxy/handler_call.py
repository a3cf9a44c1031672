"""A handler whose verdict comes later: the stream waits for it, the worker does not, and not longer than the entry's timeout.

Two kinds: :class:`headgate.proxy.async_handler.AsyncCall` awaits a coroutine, :class:`DeferredCall` waits for a
:class:`headgate.api.deferred.Deferred`. Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from headgate.api.deferred import Deferred, DeferredChunk, DeferredReceiver
from headgate.api.status import Status
from headgate.net.deadlines import DeadlineWheel, Timed

if TYPE_CHECKING:
    from headgate.proxy.filter_entry import FilterSlot
    from headgate.proxy.stream_state import StreamState

_LOG: Final = logging.getLogger("headgate.proxy")

NOT_WALKING: Final = 0
WALK_ON: Final = 1
WALK_STOPS: Final = 2
"""The filter's head handler returned STOP: no further sender runs."""


@mypyc_attr(allow_interpreted_subclasses=True)
class HandlerCall:
    """One handler that is waited for. Exactly one of the stream's ``on_handler_*`` methods is called, unless it is abandoned.

    :ivar slot: whose handler
    :ivar sending: it stands on the response's way
    """

    def __init__(self, slot: FilterSlot, sending: bool) -> None:
        self.slot: FilterSlot = slot
        self.sending: bool = sending

    def abandon(self) -> None:
        """Nobody waits any more."""
        raise NotImplementedError


class DeferredCall(HandlerCall, DeferredReceiver):
    """Waits for a deferred verdict; its time limit stands on the worker's wheel of deadlines (20 ms resolution)."""

    def __init__(self, stream: StreamState, slot: FilterSlot, deferred: Deferred, sending: bool, wheel: DeadlineWheel) -> None:
        super().__init__(slot, sending)
        self._stream = stream
        self._deferred = deferred
        self._wheel = wheel
        self._started: float = monotonic()
        self._timeout = _Timeout(self)

    def start(self) -> None:
        """Begin to wait; the verdict may come before this returns."""
        self._wheel.arm(self._timeout, self._started + self.slot.entry.timeout)
        self._deferred.wait(self)

    def abandon(self) -> None:
        self._let_go_of_time()
        self._deferred.abandon()

    def on_deferred_done(self, verdict: Status | None) -> None:
        self._over()
        try:
            self._stream.on_handler_done(self, verdict)
        except Exception:
            self._engine_failed()

    def on_deferred_failed(self, error: BaseException) -> None:
        self._over()
        try:
            self._stream.on_handler_failed(self, error)
        except Exception:
            self._engine_failed()

    def timed_out(self) -> None:
        """The entry's time limit has passed."""
        self._let_go_of_time()
        self._deferred.abandon()
        self._stream.on_handler_timed_out(self)

    def _let_go_of_time(self) -> None:
        self._wheel.remove(self._timeout)
        self._timeout.call = None  # a circle: each request would leave it to the garbage collector

    def _over(self) -> None:
        self._let_go_of_time()
        self.slot.entry.stats.time.observe((monotonic() - self._started) * 1e6)

    def _engine_failed(self) -> None:
        # An error of ours, or a message that the filter spoiled: nobody above here would answer the request.
        _LOG.exception("stream %d failed", self._stream.id)
        self._stream.local_reply(500, 0, b"")


class EndCall(DeferredCall):
    """Waits for a filter that holds the end of a body.

    :ivar chunk: with what goes on then
    :ivar walk: :data:`NOT_WALKING`, or what the walk, which has come to the filter and no further, does then
    """

    def __init__(self, stream: StreamState, slot: FilterSlot, chunk: DeferredChunk, sending: bool, walk: int, wheel: DeadlineWheel) -> None:
        super().__init__(stream, slot, chunk, sending, wheel)
        self.chunk: DeferredChunk = chunk
        self.walk: int = walk

    def on_deferred_done(self, verdict: Status | None) -> None:
        self._over()
        try:
            self._stream.on_end_done(self, verdict)
        except Exception:
            self._engine_failed()

    def on_deferred_failed(self, error: BaseException) -> None:
        self._over()
        try:
            self._stream.on_end_failed(self, error)
        except Exception:
            self._engine_failed()

    def timed_out(self) -> None:
        """The entry's time limit has passed."""
        self._let_go_of_time()
        self._deferred.abandon()
        self._stream.on_end_timed_out(self)


class _Timeout(Timed):
    def __init__(self, call: DeferredCall) -> None:
        super().__init__()
        self.call: DeferredCall | None = call

    def on_deadline(self) -> None:
        call = self.call
        if call is not None:
            call.timed_out()
