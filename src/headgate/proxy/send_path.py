"""The response's way: sender filters, the client, and the end of the stream (see ``stream_state`` for the theory).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from time import monotonic
from typing import Final

from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers
from headgate.api.messages import ResponseHead
from headgate.api.status import BodyNeed
from headgate.observe.stream_info import DOWNSTREAM_TERMINATE, PROCESS_FAILED
from headgate.proxy.filter_calls import FAILED, GO_ON, SKIPPED, STOPPED, SUSPENDED, TERMINATED, no_bytes
from headgate.proxy.filter_entry import FilterSlot
from headgate.proxy.handler_call import WALK_ON, WALK_STOPS
from headgate.proxy.stream_state import FINISHED, HELD_BODY_WATERMARK, RESPONDING
from headgate.proxy.upstream_path import UpstreamPath

_LOG: Final = logging.getLogger("headgate.proxy")

CLIENT_CLOSED: Final = 499
"""Logged when the client left before the response (nginx's code)."""

_NO_HEADERS: Final[dict[str, str]] = {}
_BUFFER: Final = int(BodyNeed.BUFFER)
_CHUNKS: Final = int(BodyNeed.CHUNKS)


class SendPath(UpstreamPath):
    """The layer that answers the client."""

    # --- replies

    def reply(self, status: int, headers: Mapping[str, str] = _NO_HEADERS, body: bytes | str = b"") -> None:
        """Answer the request (see ``api.Stream.reply``)."""
        self.may_reply()
        if not 200 <= status <= 599:
            raise ValueError(f"a reply's status is 200 to 599, not {status}")
        made = Headers()
        for name, value in headers.items():
            made.add(name, value)
        head = ResponseHead(status, made)
        self.reply_body = body if isinstance(body, bytes) else body.encode()
        if self.reply_body and "content-type" not in made.keys and isinstance(body, str):
            made.add("Content-Type", "text/plain; charset=utf-8")
        self.reply_head = head
        current = self.current
        if current is None and self.async_call is not None:
            current = self.async_call.slot
        if current is not None:
            current.entry.stats.replies += 1
        else:
            # From outside of any handler: nobody will return a status, so it starts by itself.
            self.start_reply()

    def start_reply(self) -> None:
        """Send the reply that was set."""
        head = self.reply_head
        assert head is not None
        body = self.reply_body
        self.reply_head = None
        self.reply_body = b""
        self.answer(head, body)

    def local_reply(self, status: int, flags: int, body: bytes) -> None:
        """Answer in the proxy's own name; when a response has begun, break it."""
        self.info.response_flags |= flags
        if self.head_sent:
            self.drop_upstream()
            self.sender.reset_response()
            self.finish()
            return
        if self.step != FINISHED:
            self.reply_head = None
            self.answer(ResponseHead(status, Headers()), body)

    def answer(self, head: ResponseHead, body: bytes) -> None:
        """A response of our own takes the place of whatever was under way. It passes the sender filters that have not run yet."""
        self.abandon_handler()
        self.drop_upstream()
        self.local_response = True
        self.waiting_for_body = False
        self.held_request = []
        self.held_request_bytes = 0
        self.held_response = [body] if body else []
        self.held_response_bytes = len(body)
        head.content_length = len(body)
        head.headers.changed = True
        if self.deadline != 0.0:
            self.deadline = 0.0
            self.sender.set_deadline(0.0)
        self.begin_response(head, True)

    def terminate(self, code: int) -> bool:
        """End the request from anywhere (see ``api.Stream.terminate``)."""
        if not 400 <= code <= 599:
            raise ValueError(f"a termination's code is 400 to 599, not {code}")
        if self.step >= RESPONDING:
            return False
        context = self.snapshot.context
        if context.in_loop():
            return self._terminate(code)
        context.call_in_loop(self._terminate, code)
        return True

    def _terminate(self, code: int) -> bool:
        if self.step >= RESPONDING:
            return False
        self.local_reply(code, DOWNSTREAM_TERMINATE, b"")
        return True

    def terminate_silently(self) -> None:
        """End without a response: the client's connection breaks."""
        self.info.response_flags |= DOWNSTREAM_TERMINATE
        self.drop_upstream()
        self.sender.reset_response()
        self.finish()

    # --- the sender filters

    def begin_response(self, head: ResponseHead, end_stream: bool) -> None:
        """A response is there."""
        self.step = RESPONDING
        self.response = head
        self.response_ended = end_stream
        if self.info.response_received == 0.0:
            self.info.response_received = monotonic()
        self.run_senders()

    def pass_response(self, head: ResponseHead, body: bytes) -> None:
        """A whole response is there that nothing looks at on its way: the same in one step."""
        self.step = RESPONDING
        self.response = head
        self.response_ended = True
        self.head_sent = True
        info = self.info
        info.response_code = head.status
        info.bytes_sent = len(body)
        try:
            now = monotonic()
            self.sender.pass_response(head, body, now)
            self.step = FINISHED
            self.conclude(now)
        except Exception:
            self._engine_failed()

    def run_senders(self) -> None:
        """Run the sender filters from the cursor on, then send the head."""
        chain = self.chain
        try:
            if chain is not None:
                senders = chain.senders
                while self.send_at < len(senders):
                    slot = senders[self.send_at]
                    if slot.capabilities.response_body == _BUFFER and not self._body_complete(slot):
                        return
                    outcome = self.call_send(slot)
                    if self.step == FINISHED or not self._after_send(slot, outcome):
                        return
            self._send_head()
        except Exception:
            self._engine_failed()

    def _engine_failed(self) -> None:
        """An error of ours, or a message that a filter spoiled: the client must not wait for an answer that never comes."""
        _LOG.exception("stream %d failed", self.id)
        if self.step == FINISHED:
            return
        if self.chain is not None:
            self.send_at = len(self.chain.senders)
        if self.response is not None and not self.head_sent and self.local_response:
            self.terminate_silently()  # the answer in place of it has failed as well
        else:
            self.local_reply(500, 0, b"")

    def after_async_send(self, slot: FilterSlot, outcome: int) -> None:
        """An asynchronous sender has come to its verdict."""
        if self.step != FINISHED and self._after_send(slot, outcome):
            self.run_senders()
            if self.step != FINISHED:
                self.sender.flush_response()

    def _after_send(self, slot: FilterSlot, outcome: int) -> bool:
        """Do what a filter's verdict says; False: nothing more to do here."""
        chain = self.chain
        assert chain is not None
        if outcome in (SUSPENDED, FAILED):
            # FAILED: the answer that replaced the response has gone on from the next filter by itself.
            return False
        if outcome == TERMINATED:
            self.terminate_silently()
            return False
        if self.reply_head is not None:
            self.send_at = len(chain.senders) if outcome == STOPPED else self.send_at + 1
            self.start_reply()
            return False
        assert outcome in (GO_ON, SKIPPED, STOPPED)
        if not self._response_passed(slot, outcome == STOPPED):
            return False
        self.send_at = len(chain.senders) if outcome == STOPPED else self.send_at + 1
        return True

    def _body_complete(self, slot: FilterSlot) -> bool:
        """Whether the whole body is there for a filter that needs it; else wait for it."""
        response = self.response
        assert response is not None
        limit = slot.entry.max_body
        if self.held_response_bytes > limit or (not self.response_ended and response.content_length > limit):
            self._too_large(slot)
            return False
        if not self.response_ended:
            self._resume_upstream()
            return False
        response.body = b"".join(self.held_response)
        return True

    def _too_large(self, slot: FilterSlot) -> None:
        _LOG.warning("stream filter %s: response body over max_body (%d bytes)", slot.entry.name, slot.entry.max_body)
        self.send_at += 1  # this filter will not see the answer that takes its place
        self.local_reply(502, 0, b"")

    def _response_passed(self, slot: FilterSlot, stops: bool) -> bool:
        """The response passes a filter: it sees the chunks that were held, or what it made of the body is taken over."""
        need = slot.capabilities.response_body
        response = self.response
        assert response is not None
        if need == _BUFFER:
            body = response.body
            if body is None:
                body = b""
            if no_bytes(body):
                return self.handler_failed(slot, TypeError(f"left a body of {type(body).__name__}, not bytes"), "on_send")
            self.held_response = [body] if body else []
            if self.held_response_bytes != len(body):
                self.held_response_bytes = len(body)
                response.content_length = len(body) if response.trailers is None else -1  # trailers need chunks
                response.headers.changed = True
        elif need == _CHUNKS and (self.held_response or not self.response_ended):
            chunks = self.held_response
            self.held_response = []
            self.held_response_bytes = 0
            for data in chunks:
                passed = self.call_data(slot, data, True)
                if passed is None or self.step == FINISHED:
                    return False
                if passed:
                    self.held_response.append(passed)
                    self.held_response_bytes += len(passed)
            response.content_length = self.held_response_bytes if self.response_ended and response.trailers is None else -1
            response.headers.changed = True
        if slot.capabilities.response_end and self.response_ended:
            rest = self.call_end(slot, True, WALK_STOPS if stops else WALK_ON)
            if rest is None or self.step == FINISHED:
                return False
            self.hold_response_rest(rest)
        return True

    # --- the client

    def _send_head(self) -> None:
        response = self.response
        assert response is not None
        route = self.matched
        if route is not None and route.changes_response:
            try:
                route.finalize_response(self)
            except HeadgateError as error:
                _LOG.error("route %s: response headers: %s", route.config_path, error)
        if not 200 <= response.status <= 599:
            _LOG.error("listener %s: a filter set the status %r, which no response can have", self.snapshot.name, response.status)
            self.local_reply(500, 0, b"")
            return
        self.head_sent = True
        self.info.response_code = response.status
        held = self.held_response
        sender = self.sender
        ended = self.response_ended
        if ended and not held and response.trailers is None:
            sender.send_response_head(response, True)
            self.finish()
            return
        if ended and len(held) == 1 and response.trailers is None:
            self.info.bytes_sent += len(held[0])
            sender.send_response(response, held[0])
            self.finish()
            return
        sender.send_response_head(response, False)
        if held:
            self.held_response = []
            for data in held:
                self.info.bytes_sent += len(data)
                sender.send_response_data(data)
        if ended:
            self.send_end(response.trailers)
        elif self.response_paused:
            self._resume_upstream()

    def hold_response(self, data: bytes) -> None:
        """Keep a part of the body while the head waits."""
        chain = self.chain
        self.held_response.append(data)
        self.held_response_bytes += len(data)
        assert chain is not None
        slot = chain.senders[self.send_at]
        if self.async_call is None and slot.capabilities.response_body == _BUFFER:
            if self.held_response_bytes > slot.entry.max_body:
                self._too_large(slot)
        elif self.held_response_bytes > HELD_BODY_WATERMARK:
            self._pause_upstream()

    def on_response_flush(self) -> None:
        """Nothing more of the body for the moment."""
        if self.head_sent:
            self.sender.flush_response()

    def send_end(self, trailers: Headers | None) -> None:
        """End the response."""
        chain = self.chain
        if trailers is not None and chain is not None and chain.response_trailers:
            for slot in chain.senders:
                if slot.capabilities.response_trailers and not self.call_trailers(slot, trailers, True):
                    return
        self.sender.send_response_end(trailers)
        self.finish()

    def on_downstream_full(self) -> None:
        """The client reads slowly."""
        self._pause_upstream()

    def on_downstream_drained(self) -> None:
        """It has caught up."""
        self._resume_upstream()

    def _pause_upstream(self) -> None:
        if not self.response_paused and self.upstream is not None:
            self.response_paused = True
            self.upstream.pause_response()

    def _resume_upstream(self) -> None:
        if self.response_paused:
            self.response_paused = False
            if self.upstream is not None:
                self.upstream.resume_response()

    def on_downstream_reset(self, reason: int) -> None:
        """The client is gone: cancel what is under way."""
        if self.step == FINISHED:
            return
        self.snapshot.stats.request_reset += 1
        if self.info.response_code == 0:
            self.info.response_code = CLIENT_CLOSED
        self.drop_upstream()
        self.finish()

    # --- the end

    def finish(self) -> None:
        """The end of the stream, once."""
        if self.step == FINISHED:
            return
        self.step = FINISHED
        if self.async_call is not None or self.ends_wait:
            self.abandon_handler()
        if self.upstream is not None or self.pool is not None or self.upstream_started != 0.0:
            self.drop_upstream()
        self.conclude(monotonic())

    def conclude(self, now: float) -> None:
        """What is left to do when nothing is under way any more: statistics, access log, the filters' last calls."""
        info = self.info
        info.finished = now
        snapshot = self.snapshot
        stats = snapshot.stats
        if info.response_flags & PROCESS_FAILED:
            stats.request_failed += 1
        took = (now - info.start_time) * 1000.0
        stats.request_ended(info.response_code, took, took - self.upstream_time)
        for log in snapshot.access_logs:
            log.log(self)
        chain = self.chain
        if chain is not None and not chain.shared:
            for slot in chain.loggers:
                self.call_last(slot, True)
            if chain.destroys:
                for slot in chain.instances:
                    if slot.capabilities.destroys:
                        self.call_last(slot, False)
        snapshot.generation.stream_ended()
