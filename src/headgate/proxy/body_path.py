"""Bodies on their way through the filters: chunks, and the end.

A filter with ``BodyNeed.CHUNKS`` may keep chunks back; at the body's end it lets them go, or holds the end for a while (``DeferredChunk``).
The end passes the filters in order, as chunks do: what one adds passes the chunk handlers of those behind it before the end reaches them.
It comes in two ways. A body that ends while it flows passes those filters that the walk has passed (``pass_request_end``); a filter that
the walk passes later, when the body has ended already, hears of it then (``call_end`` from the walk).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from headgate.api.deferred import DeferredChunk
from headgate.api.headers import Headers
from headgate.api.status import BodyNeed, Status
from headgate.observe.stream_info import REQUEST_ENTITY_TOO_LARGE
from headgate.proxy.filter_calls import FilterCalls
from headgate.proxy.filter_entry import FilterSlot
from headgate.proxy.handler_call import NOT_WALKING, WALK_STOPS, EndCall
from headgate.proxy.stream_state import FINISHED, HELD_BODY_WATERMARK, RESPONDING, UPSTREAM

_LOG: Final = logging.getLogger("headgate.proxy")

_CHUNKS: Final = int(BodyNeed.CHUNKS)
_STOP: Final = Status.STOP
_TERMINATE: Final = Status.TERMINATE


class BodyPath(FilterCalls):
    """The layer that passes bodies on."""

    # --- the body (RequestReceiver)

    def on_request_data(self, data: bytes) -> None:
        """A part of the body arrived."""
        self.info.bytes_received += len(data)
        if self.step >= RESPONDING and self.upstream is None:
            return
        self.pass_request_data(data, 0)

    def pass_request_data(self, data: bytes, start: int) -> None:
        """Have a chunk pass the filters that the walk has passed, from one on, then send or hold it."""
        chain = self.chain
        if chain is not None and chain.request_chunks:
            for i in range(start, self.receive_at):
                slot = chain.receivers[i]
                if slot.capabilities.request_body == _CHUNKS:
                    passed = self.call_data(slot, data, False)
                    if passed is None or self.local_response or self.step == FINISHED:
                        return
                    data = passed
            if not data:
                return
        if self.sent_upstream:
            self.forward_request_data(data)
            return
        self.held_request.append(data)
        self.held_request_bytes += len(data)
        if self.waiting_for_body:
            assert chain is not None
            if self.held_request_bytes > chain.receivers[self.receive_at].entry.max_body:
                self.local_reply(413, REQUEST_ENTITY_TOO_LARGE, b"")
        elif self.held_request_bytes > HELD_BODY_WATERMARK:
            self.pause_request()

    def on_request_end(self, trailers: Headers | None) -> None:
        """The request is complete."""
        self.request_paused = False
        self.info.request_received = monotonic()
        self.request.trailers = trailers
        chain = self.chain
        if chain is None or not chain.request_ends or self.pass_request_end(0):
            self.request_complete()

    def request_complete(self) -> None:
        """Its end has passed the filters that the walk has passed."""
        self.request_ended = True
        if self.step == FINISHED:
            return
        if self.sent_upstream or self.step == UPSTREAM:
            self.forward_request_end()
        elif self.waiting_for_body:
            self.waiting_for_body = False
            self.advance()

    # --- the response's body

    def response_data(self, data: bytes) -> None:
        """A part of the response's body is there."""
        self.pass_response_data(data, 0)

    def pass_response_data(self, data: bytes, start: int) -> None:
        """Have a chunk pass the filters that the walk has passed, from one on, then send or hold it."""
        chain = self.chain
        if chain is not None and chain.response_chunks:
            for i in range(start, self.send_at):
                slot = chain.senders[i]
                if slot.capabilities.response_body == _CHUNKS:
                    passed = self.call_data(slot, data, True)
                    if passed is None or self.step == FINISHED or self.local_response:
                        return
                    data = passed
        if self.head_sent:
            self.info.bytes_sent += len(data)
            self.sender.send_response_data(data)
            return
        self.hold_response(data)

    def response_end(self, trailers: Headers | None) -> None:
        """The response is complete."""
        response = self.response
        assert response is not None
        response.trailers = trailers
        chain = self.chain
        if chain is None or not chain.response_ends or self.pass_response_end(0):
            self.response_complete()

    def response_complete(self) -> None:
        """Its end has passed the filters that the walk has passed."""
        self.response_ended = True
        response = self.response
        assert response is not None
        if self.head_sent:
            self.send_end(response.trailers)
        elif self.async_call is None:
            self.run_senders()

    # --- ends

    def pass_request_end(self, start: int) -> bool:
        """Have the end of the request's body pass the filters that the walk has passed, from one on.

        :returns: whether it has passed them all; False: one holds it, or the request has been answered
        """
        chain = self.chain
        assert chain is not None
        at = start
        while at < self.receive_at:
            slot = chain.receivers[at]
            at += 1
            if slot.capabilities.request_end:
                if self.step >= RESPONDING and self.upstream is None:
                    return True  # nobody reads the body any more
                self.request_end_at = at
                rest = self.call_end(slot, False, NOT_WALKING)
                if rest is None:
                    return False
                if rest:
                    self.pass_request_data(rest, at)
                if self.local_response or self.step == FINISHED:
                    return False
        return True

    def pass_response_end(self, start: int) -> bool:
        """The same for the response."""
        chain = self.chain
        assert chain is not None
        at = start
        while at < self.send_at:
            slot = chain.senders[at]
            at += 1
            if slot.capabilities.response_end:
                self.response_end_at = at
                rest = self.call_end(slot, True, NOT_WALKING)
                if rest is None:
                    return False
                if rest:
                    self.pass_response_data(rest, at)
                if self.local_response or self.step == FINISHED:
                    return False
        return True

    def call_end(self, slot: FilterSlot, sending: bool, walk: int) -> bytes | None:
        """Call ``on_receive_end`` or ``on_send_end``.

        :param walk: what the walk does when it has waited, see :class:`EndCall`
        :returns: what goes on behind the last chunk; None if the filter holds the end, or the request has been answered
        """
        entry = slot.entry
        entry.stats.calls += 1
        watch = self.snapshot.watch
        watch.serial += 1
        watch.entry = entry
        self.current = slot
        error: BaseException | None = None
        result: object = None
        try:
            result = slot.filter.on_send_end(self) if sending else slot.filter.on_receive_end(self)
        except BaseException as raised:
            error = raised
        watch.entry = None
        self.current = None
        if error is None:
            if self.reply_head is not None:
                self.reply_from_body(slot)
                return None
            if result is None:
                return b""
            if isinstance(result, bytes):
                return result
            if isinstance(result, DeferredChunk):
                self._wait(slot, result, sending, walk)
                return None
            error = TypeError(f"returned {type(result).__name__}, which is neither bytes nor DeferredChunk nor None")
        if self.step == FINISHED:
            return None
        return b"" if self.handler_failed(slot, error, "on_send_end" if sending else "on_receive_end") else None

    def _wait(self, slot: FilterSlot, chunk: DeferredChunk, sending: bool, walk: int) -> None:
        call = EndCall(self, slot, chunk, sending, walk, self.snapshot.context.wheel)
        self.ends_wait = True
        if sending:
            self.response_end_call = call
        else:
            self.request_end_call = call
        call.start()

    def hold_request_rest(self, rest: bytes) -> None:
        """What the walk takes along of a body whose end has come before it."""
        if rest:
            self.held_request.append(rest)
            self.held_request_bytes += len(rest)
            self.request.headers.changed = True

    def hold_response_rest(self, rest: bytes) -> None:
        """The same for the response."""
        response = self.response
        if rest and response is not None:
            self.held_response.append(rest)
            self.held_response_bytes += len(rest)
            response.content_length = self.held_response_bytes if response.trailers is None else -1
            response.headers.changed = True

    # --- a filter that holds an end

    def on_end_done(self, call: EndCall, verdict: Status | None) -> None:
        """The filter lets it go."""
        self._ended(call)
        if self.step == FINISHED:
            return
        if verdict is _TERMINATE:
            self.terminate_silently()
        elif self.reply_head is not None:
            self.reply_from_body(call.slot)
        elif verdict is _STOP:
            if self.handler_failed(call.slot, ValueError("STOP without a reply"), _hook(call)):
                self._go_on(call)
        else:
            self._go_on(call)

    def on_end_failed(self, call: EndCall, error: BaseException) -> None:
        """The filter is at fault."""
        self._ended(call)
        if self.handler_failed(call.slot, error, _hook(call)):
            self._go_on(call)

    def on_end_timed_out(self, call: EndCall) -> None:
        """The filter has held it too long."""
        self._ended(call)
        entry = call.slot.entry
        entry.stats.timeouts += 1
        entry.count_failure()
        _LOG.error("stream filter %s: %s did not come to an end within %g s", entry.name, _hook(call), entry.timeout)
        self.reply_head = None
        if entry.deny:
            self.skip_sender(call.slot)
            self.local_reply(504, 0, b"")
        else:
            self._go_on(call)

    def _ended(self, call: EndCall) -> None:
        if call.sending:
            self.response_end_call = None
        else:
            self.request_end_call = None

    def _go_on(self, call: EndCall) -> None:
        data: object = call.chunk.data
        if not isinstance(data, bytes):
            call.chunk.data = b""
            error = TypeError(f"DeferredChunk.data is {type(data).__name__}, which is not bytes")
            if not self.handler_failed(call.slot, error, _hook(call)):
                return
        if call.sending:
            self._go_on_sending(call)
        else:
            self._go_on_receiving(call)

    def _go_on_receiving(self, call: EndCall) -> None:
        rest = call.chunk.data
        if call.walk != NOT_WALKING:
            if self.step < RESPONDING:
                self.hold_request_rest(rest)
                self.receive_at += 1
                self.advance()
            return
        if rest and not (self.step >= RESPONDING and self.upstream is None):
            self.pass_request_data(rest, self.request_end_at)
        if not self.local_response and self.step != FINISHED and self.pass_request_end(self.request_end_at):
            self.request_complete()

    def _go_on_sending(self, call: EndCall) -> None:
        rest = call.chunk.data
        if call.walk != NOT_WALKING:
            chain = self.chain
            assert chain is not None
            self.hold_response_rest(rest)
            self.send_at = len(chain.senders) if call.walk == WALK_STOPS else self.send_at + 1
            self.run_senders()
        else:
            if rest:
                self.pass_response_data(rest, self.response_end_at)
            if not self.local_response and self.step != FINISHED and self.pass_response_end(self.response_end_at):
                self.response_complete()
        if self.step != FINISHED:
            self.sender.flush_response()


def _hook(call: EndCall) -> str:
    return "on_send_end" if call.sending else "on_receive_end"
