"""Whether a request is sent again (see ``stream_state`` for the theory of a stream's life).

What may be repeated, and when:

- *no connection could be made*: nothing was sent, so another host is tried, at most three times, whatever the method (MOSN does the same);
- *a reused connection ended before any byte of the response*: once, on a fresh connection, if the method is idempotent
  (RFC 9110 section 9.2.2) and what was sent of the body is still known;
- *the route's retry policy says so* (``retry_on``): on its status codes, connection failures, resets before the response and per-try
  timeouts, up to ``num_retries``, within the cluster's breaker, as long as what was sent of the body is known (64 KiB are kept).

The decision is taken before any sender filter sees the response (MOSN: after).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from headgate.observe.stream_info import UPSTREAM_OVERFLOW
from headgate.protocols.exchange import CONNECTION_FAILED, OVERFLOW, STALE_CONNECTION
from headgate.proxy.receive_path import ReceivePath
from headgate.proxy.stream_state import UPSTREAM

CONNECT_RETRIES: Final = 3
RETRY_DELAY: Final = 0.01
"""Seconds before a retry, as in MOSN."""

_IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))


class RetryPath(ReceivePath):
    """The layer that keeps count of tries."""

    def attempt(self, fresh: bool, now: float) -> None:
        """Send the request to the chosen host (upstream path).

        :param fresh: not on a connection that has been used before
        :param now: on the clock of ``time.monotonic``
        """
        raise NotImplementedError

    # --- decisions

    def retried(self, status: int, end_stream: bool, now: float) -> bool:
        """The retry policy throws a response with this status away."""
        route = self.matched
        assert route is not None
        retry = route.retry
        if retry is None or not retry.retries_status(status) or not self._may_retry():
            return False
        upstream = self.upstream
        self.upstream = None
        if upstream is not None and not end_stream:
            upstream.discard()
        self.release_host(False, now)
        self.retry_later()
        return True

    def may_repeat(self, reason: int) -> bool:
        """Repeat the request after a failure, if that is allowed; True: it is under way."""
        if reason == STALE_CONNECTION and not self.stale_retried and self.request.method in _IDEMPOTENT and self.replayable():
            self.stale_retried = True
            self.rewind()
            self.attempt(True, monotonic())
            return True
        if reason == OVERFLOW:
            return False
        route = self.matched
        assert route is not None
        retry = route.retry
        if reason == CONNECTION_FAILED and (retry is None or not retry.retry_on):
            cluster = self.cluster
            if cluster is None or self.info.upstream_attempts > CONNECT_RETRIES or self.retry_disabled():
                return False
            if self.chosen is not None:
                self.tried = [*self.tried, self.chosen]
            if len(self.tried) >= len(cluster.hosts):
                return False
            self._count_retry()
            self.retry_later()
            return True
        if retry is None or not retry.retry_on or not self._may_retry():
            return False
        self.retry_later()
        return True

    def _may_retry(self) -> bool:
        """Whether the retry policy has one more; takes it."""
        route = self.matched
        cluster = self.cluster
        assert route is not None and cluster is not None
        if self.retries_left < 0:
            self.retries_left = route.retry.num_retries if route.retry is not None else 0
        if self.retries_left == 0 or not self.replayable() or self.retry_disabled():
            return False
        if not self.retry_slot_taken:
            if not cluster.breaker.try_acquire_retry():
                cluster.stats.request_retry_overflow += 1
                self.info.response_flags |= UPSTREAM_OVERFLOW
                return False
            self.retry_slot_taken = True
        self.retries_left -= 1
        if self.chosen is not None:
            self.tried = [*self.tried, self.chosen]
        self._count_retry()
        return True

    def _count_retry(self) -> None:
        assert self.cluster is not None
        self.cluster.stats.request_retry += 1
        if self.chosen is not None:
            self.chosen.stats.request_retry += 1

    def retry_disabled(self) -> bool:
        variables = self._variables
        return variables is not None and variables.get("proxy_disable_retry") is True

    def replayable(self) -> bool:
        """What was sent of the body is still known."""
        return not self.sent_upstream or self.replay is not None or (self.request_ended and self.replay_bytes == 0)

    def rewind(self) -> None:
        """Put what was sent back in front of what is held."""
        if self.sent_upstream:
            self.sent_upstream = False
            if self.replay:
                self.held_request = self.replay + self.held_request
                self.held_request_bytes += self.replay_bytes
                self.replay = []
                self.replay_bytes = 0

    def retry_later(self) -> None:
        self.rewind()
        asyncio.get_running_loop().call_later(RETRY_DELAY, self._retry)

    def _retry(self) -> None:
        cluster = self.cluster
        if self.step != UPSTREAM or cluster is None:
            return
        if len(self.tried) >= len(cluster.hosts):
            self.tried = []  # all have had their turn: begin again
        if self.choose_host_of(cluster):
            self.attempt(False, monotonic())

    # --- the end of a try

    def release_host(self, failed: bool, now: float) -> None:
        """Count the attempt as over."""
        host = self.chosen
        started = self.upstream_started
        if host is None or started == 0.0:
            return
        self.upstream_started = 0.0
        stats = host.stats
        host.active_requests -= 1
        stats.request_active -= 1
        elapsed = (now - started) * 1000.0
        self.upstream_time += elapsed
        stats.request_duration_time.observe(elapsed)
        if failed:
            stats.response_failed += 1
        else:
            stats.response_success += 1

    def release_request(self) -> None:
        """Give the places in the breaker back."""
        cluster = self.cluster
        if cluster is None:
            return
        if self.request_slot_taken:
            self.request_slot_taken = False
            cluster.breaker.release_request()
        if self.retry_slot_taken:
            self.retry_slot_taken = False
            cluster.breaker.release_retry()
