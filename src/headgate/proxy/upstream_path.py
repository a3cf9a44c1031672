"""The exchange with the host: connection, time limits, failure (see ``stream_state`` for the theory).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers
from headgate.api.messages import ResponseHead
from headgate.observe.stream_info import (
    UPSTREAM_CONNECTION_FAILURE,
    UPSTREAM_LOCAL_RESET,
    UPSTREAM_OVERFLOW,
    UPSTREAM_REMOTE_RESET,
    UPSTREAM_REQUEST_TIMEOUT,
)
from headgate.protocols.exchange import CONNECTION_FAILED, OVERFLOW, REMOTE_RESET, STALE_CONNECTION, TIMEOUT
from headgate.protocols.http1.client_connection import Http1ClientConnection
from headgate.protocols.http1.encoder import USUAL_METHODS, check_request_line
from headgate.proxy.retry_path import RetryPath
from headgate.proxy.stream_state import FINISHED, RESPONDING, UPSTREAM
from headgate.router.errors import RoutingError
from headgate.upstream.cluster import Cluster

_LOG: Final = logging.getLogger("headgate.proxy")

REPLAY_LIMIT: Final = 64 * 1024
"""Bytes of a request's body that are kept for a retry."""

_GLOBAL_TIMEOUT: Final = "x-mosn-global-timeout"
_STATUS: Final[dict[int, int]] = {TIMEOUT: 504, OVERFLOW: 503}
_FLAGS: Final[dict[int, int]] = {
    CONNECTION_FAILED: UPSTREAM_CONNECTION_FAILURE,
    REMOTE_RESET: UPSTREAM_REMOTE_RESET,
    STALE_CONNECTION: UPSTREAM_REMOTE_RESET,
    TIMEOUT: UPSTREAM_REQUEST_TIMEOUT,
    OVERFLOW: UPSTREAM_OVERFLOW,
}


class UpstreamPath(RetryPath):
    """The layer that talks to the host."""

    # --- sending

    def send_upstream(self) -> None:
        """Take a place in the cluster's breaker, finalise the headers once, get a connection."""
        cluster = self.cluster
        route = self.matched
        assert cluster is not None and route is not None
        request = self.request
        if cluster.breaker.max_requests and not self._take_place(cluster):
            return
        if self.extra_lines is None:
            try:
                if self.chain is not None and (request.target is not self.asked or request.method not in USUAL_METHODS):
                    check_request_line(request)
                if route.changes_request:
                    route.finalize_request(self)
            except HeadgateError as error:
                _LOG.error("route %s: the request cannot be sent on: %s", route.config_path, error)
                self.local_reply(error.status if isinstance(error, RoutingError) else 500, 0, b"")
                return
            self.extra_lines = self.snapshot.forwarding.lines(request, self.connection)
            if not self.request_ended or self.held_request or request.content_length > 0:
                self._frame_body()
        # Without filters nothing has taken time since the stream's birth.
        now = self.info.start_time if self.chain is None else monotonic()
        if self.request_ended:
            self._start_deadline(now)
        else:
            self.sender.want_body()
        self.attempt(False, now)

    def _take_place(self, cluster: Cluster) -> bool:
        """Take a place in the cluster's breaker; False: there is none, the request was answered."""
        if cluster.breaker.try_acquire_request():
            self.request_slot_taken = True
            return True
        cluster.stats.request_pending_overflow += 1
        self.info.upstream_failure = "too many requests to the cluster"
        self.local_reply(503, UPSTREAM_OVERFLOW, b"")
        return False

    def _frame_body(self) -> None:
        """State the length that the body has behind the filters, where it is another one."""
        if self.request_ended and not self.held_request:
            if self.request.content_length > 0:
                self._state_length(0)
        elif self.chain is not None and self.chain.request_chunks:
            whole = self.request_ended and self.request.trailers is None  # trailers need chunks
            self._state_length(self.held_request_bytes if whole else -1)

    def _state_length(self, length: int) -> None:
        self.request.content_length = length
        self.request.headers.changed = True

    def _start_deadline(self, now: float) -> None:
        """The route's timeout: from the request's end (or its sending, whichever is later) to the response's head."""
        route = self.matched
        assert route is not None
        timeout = route.timeout
        if self._variables is not None or _GLOBAL_TIMEOUT in self.request.headers.keys:
            timeout = self._timeout("proxy_global_timeout", _GLOBAL_TIMEOUT, timeout)
        if timeout > 0.0:
            self.deadline = now + timeout
            self.sender.set_deadline(self.deadline)

    def _timeout(self, variable: str, header: str, configured: float) -> float:
        """Seconds: a filter's variable wins; a client's header may only shorten what is configured (MOSN lets it lengthen too)."""
        variables = self._variables
        if variables is not None:
            value = variables.get(variable)
            if isinstance(value, (int, float, str)):
                try:
                    return float(value) / 1000.0
                except ValueError:
                    pass
        if header in self.request.headers.keys:
            text = self.request.headers.get(header) or ""
            if text.isascii() and text.isdigit() and len(text) < 10:
                asked = int(text) / 1000.0
                if asked > 0.0 and (configured == 0.0 or asked < configured):
                    return asked
        return configured

    def attempt(self, fresh: bool, now: float) -> None:
        """Send the request to the chosen host."""
        cluster = self.cluster
        host = self.chosen
        assert cluster is not None and host is not None
        self.info.upstream_attempts += 1
        pool = self.snapshot.pools.pool(cluster, host)
        stats = host.stats
        host.active_requests += 1
        stats.request_total += 1
        stats.request_active += 1
        self.upstream_started = now
        connection = pool.acquire(self, fresh)
        if connection is not None:
            self._send_on(connection)
        elif self.upstream_started != 0.0:
            self.pool = pool  # it waits there; else a limit was reached, and the request has been answered

    def on_pool_ready(self, connection: Http1ClientConnection) -> None:
        """The connection that was waited for."""
        self.pool = None
        self._send_on(connection)

    def _send_on(self, connection: Http1ClientConnection) -> None:
        """Send what there is."""
        self.upstream = connection
        info = self.info
        info.upstream_local_address = connection.local_address
        info.upstream_connection_id = connection.id
        route = self.matched
        request = self.request
        extra = self.extra_lines
        assert route is not None and extra is not None
        retry = route.retry
        if retry is not None and retry.per_try_timeout > 0.0 and (route.timeout == 0.0 or retry.per_try_timeout < route.timeout):
            per_try = self._timeout("proxy_try_timeout", "x-mosn-try-timeout", retry.per_try_timeout)
            connection.set_try_deadline(monotonic() + per_try)
        held = self.held_request
        self.sent_upstream = True
        if self.request_ended and not held and request.trailers is None:
            connection.send_request(self, request, extra)
            return
        connection.start(self)
        if self.replay is None and self.replay_bytes == 0:
            self.replay = []
        connection.send_request_head(request, extra, False)
        if held:
            self.held_request = []
            self.held_request_bytes = 0
            for data in held:
                self.forward_request_data(data)
        if self.request_ended:
            self.forward_request_end()
        else:
            self.resume_request()
            connection.flush_request()

    def on_request_flush(self) -> None:
        """Nothing more of the body for the moment."""
        if self.upstream is not None:
            self.upstream.flush_request()

    def forward_request_data(self, data: bytes) -> None:
        """Send a chunk, and keep it as long as a retry could need it."""
        replay = self.replay
        if replay is not None:
            self.replay_bytes += len(data)
            if self.replay_bytes > REPLAY_LIMIT:
                self.replay = None
            else:
                replay.append(data)
        if self.upstream is not None:
            self.upstream.send_request_data(data)

    def forward_request_end(self) -> None:
        """End the request upstream."""
        upstream = self.upstream
        if upstream is None:
            if self.step == UPSTREAM and self.deadline == 0.0:
                self._start_deadline(monotonic())  # it still waits for a connection
            return
        trailers = self.request.trailers
        chain = self.chain
        if trailers is not None and chain is not None and chain.request_trailers:
            for slot in chain.receivers:
                if slot.capabilities.request_trailers and not self.call_trailers(slot, trailers, False):
                    return
        upstream.send_request_end(trailers)
        if self.deadline == 0.0 and self.response is None:
            self._start_deadline(monotonic())

    # --- the response (ResponseReceiver)

    def on_response_head(self, head: ResponseHead, end_stream: bool) -> None:
        """The final response's head arrived: retry, or send it down."""
        now = monotonic()
        if self.retried(head.status, end_stream, now):
            return
        self.info.response_received = now
        if self.deadline != 0.0:
            self.deadline = 0.0
            self.sender.set_deadline(0.0)
        if end_stream:
            self._exchange_over(head.status, now)
        self.begin_response(head, end_stream)

    def on_response(self, head: ResponseHead, body: bytes, received: float) -> None:
        """The final response arrived whole: the same in one step."""
        route = self.matched
        assert route is not None
        if route.retry is not None and self.retried(head.status, True, received):
            return
        # The deadline stands until the exchange with the client is over, which is soon; a stream that responds does not heed it.
        self.info.response_received = received
        self.upstream = None
        self.release_host(head.status >= 500, received)
        if self.request_slot_taken or self.retry_slot_taken:
            self.release_request()
        chain = self.chain
        if not route.changes_response and (chain is None or not chain.senders):
            self.pass_response(head, body)
            return
        self.held_response.append(body)
        self.held_response_bytes = len(body)
        self.begin_response(head, True)

    def on_informational(self, head: ResponseHead) -> None:
        """An interim response passes."""
        if not self.head_sent:
            self.sender.send_informational(head)

    def on_response_data(self, data: bytes) -> None:
        """A part of the body arrived."""
        self.response_data(data)

    def on_response_end(self, trailers: Headers | None) -> None:
        """The response is complete."""
        response = self.response
        self._exchange_over(response.status if response is not None else 0, monotonic())
        self.response_end(trailers)

    def on_upstream_full(self) -> None:
        """The host reads slowly."""
        self.pause_request()

    def on_upstream_drained(self) -> None:
        """It has caught up."""
        self.resume_request()

    # --- failure

    def on_pool_failure(self, reason: int, detail: str) -> None:
        """No connection."""
        self.pool = None
        self._failed(reason, detail)

    def on_upstream_reset(self, reason: int, detail: str) -> None:
        """The exchange failed."""
        self.upstream = None
        stats = self.chosen.stats if self.chosen is not None else None
        if stats is not None:
            if reason == TIMEOUT:
                stats.request_timeout += 1
            else:
                stats.request_remote_reset += 1
        self._failed(reason, detail)

    def _failed(self, reason: int, detail: str) -> None:
        self.release_host(True, monotonic())
        if self.step == FINISHED:
            return
        self.info.upstream_failure = detail
        if self.response is None and self.step == UPSTREAM and self.may_repeat(reason):
            return
        self.release_request()
        self.local_reply(_STATUS.get(reason, 502), _FLAGS.get(reason, UPSTREAM_LOCAL_RESET), b"")

    # --- the end of an exchange

    def _exchange_over(self, status: int, now: float) -> None:
        """Request and response are through; the connection is the pool's again."""
        self.upstream = None
        self.release_host(status >= 500, now)
        if self.request_slot_taken or self.retry_slot_taken:
            self.release_request()

    def drop_upstream(self) -> None:
        """Give up whatever is under way upstream: the request is cancelled, its connection not used again."""
        pool = self.pool
        if pool is not None:
            self.pool = None
            pool.cancel(self)
        upstream = self.upstream
        if upstream is not None:
            self.upstream = None
            if self.chosen is not None:
                self.chosen.stats.request_local_reset += 1
            upstream.cancel()
        self.release_host(True, monotonic())
        self.release_request()

    def on_downstream_deadline(self) -> None:
        """The route's timeout has passed before the response's head."""
        if self.step >= RESPONDING:
            return
        self.deadline = 0.0
        self.info.upstream_failure = "no response within the route's timeout"
        if self.chosen is not None and self.upstream is not None:
            self.chosen.stats.request_timeout += 1
        self.local_reply(504, UPSTREAM_REQUEST_TIMEOUT, b"")
