"""Calling filters: one place where code of the user's own is entered, contained, timed and judged.

Every call is counted, one in sixteen is timed (two clock reads cost as much as a small filter). Whatever a filter raises or returns
costs its own request at most; ``on_error`` of its entry says what.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from time import monotonic
from typing import Final

from headgate.api.deferred import Deferred
from headgate.api.headers import Headers
from headgate.api.status import Status
from headgate.api.stream_filter import ClassFactory
from headgate.proxy.async_handler import AsyncCall
from headgate.proxy.filter_entry import FilterEntry, FilterSlot
from headgate.proxy.handler_call import DeferredCall
from headgate.proxy.stream_state import FINISHED, RESPONDING, StreamState

_LOG: Final = logging.getLogger("headgate.proxy")

_CONTINUE: Final = Status.CONTINUE
_STOP: Final = Status.STOP
_TERMINATE: Final = Status.TERMINATE
_REMATCH: Final = Status.REMATCH_ROUTE
_RECHOOSE: Final = Status.RECHOOSE_HOST

# What a call means for the walk.
GO_ON: Final = 0
STOPPED: Final = 1
TERMINATED: Final = 2
REMATCH: Final = 3
RECHOOSE: Final = 4
SUSPENDED: Final = 5
FAILED: Final = 6
"""The filter is at fault, and its policy has answered the request."""
SKIPPED: Final = 7
"""The filter is at fault, and its policy skips it."""


def no_bytes(body: object) -> bool:
    """A filter left something else as a body; only interpreted code lets it."""
    return not isinstance(body, bytes)


class FilterCalls(StreamState):
    """The layer that enters filters."""

    def call_receive(self, slot: FilterSlot) -> int:
        """Call ``on_receive``."""
        entry = slot.entry
        stats = entry.stats
        stats.calls += 1
        watch = self.snapshot.watch
        watch.serial += 1
        watch.entry = entry
        self.current = slot
        stream_filter = slot.filter
        factory = slot.factory
        try:
            if factory is not None:
                stream_filter = factory.filter_class(factory.config if self.matched is None else self._route_config(entry, factory))
            if stats.calls & 15:
                verdict = stream_filter.on_receive(self)
            else:
                started = monotonic()
                verdict = stream_filter.on_receive(self)
                stats.time.observe((monotonic() - started) * 1e6)
        except BaseException as error:
            watch.entry = None
            self.current = None
            return SKIPPED if self.handler_failed(slot, error, "on_receive") else FAILED
        watch.entry = None
        self.current = None
        if verdict is None or verdict is _CONTINUE:
            return GO_ON
        if factory is not None and self.chain is not None:
            chain = self.chain = self.chain.own()
            slot = chain.fill(slot, stream_filter)
        return self.judge(slot, verdict, False)

    def _route_config(self, entry: FilterEntry, factory: ClassFactory) -> object:
        route = self.matched
        config = route.filter_configs.get(entry.id) if route is not None else None
        return factory.config if config is None else config

    def call_send(self, slot: FilterSlot) -> int:
        """Call ``on_send``."""
        entry = slot.entry
        stats = entry.stats
        stats.calls += 1
        watch = self.snapshot.watch
        watch.serial += 1
        watch.entry = entry
        self.current = slot
        try:
            if stats.calls & 15:
                verdict = slot.filter.on_send(self)
            else:
                started = monotonic()
                verdict = slot.filter.on_send(self)
                stats.time.observe((monotonic() - started) * 1e6)
        except BaseException as error:
            watch.entry = None
            self.current = None
            return SKIPPED if self.handler_failed(slot, error, "on_send") else FAILED
        watch.entry = None
        self.current = None
        if verdict is None or verdict is _CONTINUE:
            return GO_ON
        return self.judge(slot, verdict, True)

    def judge(self, slot: FilterSlot, verdict: object, sending: bool) -> int:
        """What a verdict other than CONTINUE means."""
        if verdict is None or verdict is _CONTINUE:
            return GO_ON
        if verdict is _STOP:
            return STOPPED
        if verdict is _TERMINATE:
            return TERMINATED
        if isinstance(verdict, Status):
            if verdict is _REMATCH and not sending and slot.phase == 1:
                return REMATCH
            if verdict is _RECHOOSE and not sending and slot.phase == 2:
                return RECHOOSE
            where = "on_send" if sending else f"on_receive in phase {slot.phase}"
            error: BaseException = ValueError(f"Status.{verdict.name} is not allowed from {where}")
        elif isinstance(verdict, Deferred):
            call = DeferredCall(self, slot, verdict, sending, self.snapshot.context.wheel)
            self.async_call = call
            call.start()
            return SUSPENDED
        elif isinstance(verdict, Awaitable):
            self.async_call = AsyncCall(self, slot, verdict, sending)
            return SUSPENDED
        else:
            error = TypeError(f"returned {verdict!r}, which is not a Status")
        return SKIPPED if self.handler_failed(slot, error, "on_send" if sending else "on_receive") else FAILED

    def call_data(self, slot: FilterSlot, data: bytes, sending: bool) -> bytes | None:
        """Call a chunk handler.

        :returns: the chunk to go on with; None if the request has been answered, by the filter or for its failure
        """
        entry = slot.entry
        stats = entry.stats
        stats.calls += 1
        watch = self.snapshot.watch
        watch.serial += 1
        watch.entry = entry
        self.current = slot
        error: BaseException | None = None
        result: object = None
        try:
            result = slot.filter.on_send_data(self, data) if sending else slot.filter.on_receive_data(self, data)
        except BaseException as raised:
            error = raised
        watch.entry = None
        self.current = None
        if error is None:
            if self.reply_head is not None:
                self.reply_from_body(slot)
                return None
            if result is None:
                return data
            if isinstance(result, bytes):
                return result
            error = TypeError(f"returned {type(result).__name__}, which is neither bytes nor None")
        if self.step == FINISHED:
            return None
        return data if self.handler_failed(slot, error, "on_send_data" if sending else "on_receive_data") else None

    def call_trailers(self, slot: FilterSlot, trailers: Headers, sending: bool) -> bool:
        """Call a trailers handler.

        :returns: False if the request has been answered, by the filter or for its failure
        """
        entry = slot.entry
        entry.stats.calls += 1
        watch = self.snapshot.watch
        watch.serial += 1
        watch.entry = entry
        self.current = slot
        error: BaseException | None = None
        try:
            if sending:
                slot.filter.on_send_trailers(self, trailers)
            else:
                slot.filter.on_receive_trailers(self, trailers)
        except BaseException as raised:
            error = raised
        watch.entry = None
        self.current = None
        if error is None:
            if self.reply_head is not None:
                self.reply_from_body(slot)
                return False
            return self.step != FINISHED
        return self.handler_failed(slot, error, "on_send_trailers" if sending else "on_receive_trailers")

    def reply_from_body(self, slot: FilterSlot) -> None:
        """A handler of chunks or trailers, which returns no status, replied: that alone says STOP."""
        self.skip_sender(slot)
        self.start_reply()

    def call_last(self, slot: FilterSlot, logging_hook: bool) -> None:
        """Call ``on_log`` or ``on_destroy``: nothing they do can matter to the request any more."""
        entry = slot.entry
        watch = self.snapshot.watch
        watch.serial += 1
        watch.entry = entry
        try:
            if logging_hook:
                slot.filter.on_log(self)
            else:
                slot.filter.on_destroy()
        except BaseException:
            entry.stats.errors += 1
            entry.count_failure()
            _LOG.exception("stream filter %s failed in %s", entry.name, "on_log" if logging_hook else "on_destroy")
        watch.entry = None

    def handler_failed(self, slot: FilterSlot, error: BaseException | None, where: str) -> bool:
        """A filter is at fault: count it, log it, and do with the request what its policy says."""
        entry = slot.entry
        entry.stats.errors += 1
        entry.count_failure()
        raised_at = error if error is not None and error.__traceback__ is not None else None  # it would say the same again
        _LOG.error("stream filter %s failed in %s: %s: %s", entry.name, where, type(error).__name__, error, exc_info=raised_at)
        if self.step == FINISHED:
            return False
        self.reply_head = None  # a failed filter's half-made reply is not sent
        if not entry.deny:
            return True
        self.skip_sender(slot)
        self.local_reply(500, 0, b"")
        return False

    def skip_sender(self, slot: FilterSlot) -> None:
        """A sender that failed does not see the answer that takes the response's place."""
        chain = self.chain
        if self.step == RESPONDING and chain is not None and self.send_at < len(chain.senders) and chain.senders[self.send_at] is slot:
            self.send_at += 1
