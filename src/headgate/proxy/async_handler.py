"""An asynchronous handler of a filter, awaited in a task: the costlier kind of :class:`headgate.proxy.handler_call.HandlerCall`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from time import monotonic
from typing import TYPE_CHECKING, Final

from headgate.proxy.handler_call import HandlerCall

if TYPE_CHECKING:
    from headgate.proxy.filter_entry import FilterSlot
    from headgate.proxy.stream_state import StreamState

_LOG: Final = logging.getLogger("headgate.proxy")


class AsyncCall(HandlerCall):
    """One awaited handler.

    When the time is over the stream goes on at once: a handler that does not heed its cancellation delays nobody.
    """

    def __init__(self, stream: StreamState, slot: FilterSlot, awaitable: Awaitable[object], sending: bool) -> None:
        super().__init__(slot, sending)
        loop = asyncio.get_running_loop()
        self._stream = stream
        self._over = False
        self._started = monotonic()
        self._task: asyncio.Task[object] = loop.create_task(_contained(awaitable))
        self._task.add_done_callback(self._done)
        self._timer = loop.call_later(slot.entry.timeout, self._timed_out)

    def abandon(self) -> None:
        if not self._over:
            self._over = True
            self._timer.cancel()
            self._task.cancel()

    def _done(self, task: asyncio.Future[object]) -> None:
        error = None if task.cancelled() else task.exception()  # asked for also when it is over: else asyncio would complain
        if self._over:
            return
        self._over = True
        self._timer.cancel()
        self.slot.entry.stats.time.observe((monotonic() - self._started) * 1e6)
        try:
            if task.cancelled():
                self._stream.on_handler_failed(self, asyncio.CancelledError("the handler was cancelled"))
            elif error is not None:
                self._stream.on_handler_failed(self, error)
            else:
                self._stream.on_handler_done(self, task.result())
        except Exception:
            # An error of ours, or a message that the filter spoiled: nobody above here would answer the request.
            _LOG.exception("stream %d failed", self._stream.id)
            self._stream.local_reply(500, 0, b"")

    def _timed_out(self) -> None:
        if self._over:
            return
        self._over = True
        self._task.cancel()
        self._stream.on_handler_timed_out(self)


async def _contained(awaitable: Awaitable[object]) -> object:
    """Await a handler. asyncio hands what wants to end the process on to the event loop: a filter may not end the worker."""
    try:
        return await awaitable
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the handler raised {error!r}") from error
