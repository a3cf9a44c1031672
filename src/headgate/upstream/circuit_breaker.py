"""A cluster's limits on what may be under way at once. Compiled by mypyc; interpreted otherwise.

The limits hold in each worker: workers share no memory, and asking another one would cost more than the request. With N workers a
cluster can see up to N times the limit. What is refused is counted by whoever asked, where the host is known.
"""

from __future__ import annotations

from headgate.config.models import CircuitBreakerConfig


class CircuitBreaker:
    """Counts what is under way in one cluster. A limit of 0 is none; MOSN's ``circuit_breakers``.

    Whoever acquires releases, exactly once, also when the configuration has been replaced in the meantime.

    :ivar connections: connections that stand or are being made
    :ivar pending: requests that wait for a connection
    :ivar requests: requests under way, waiting ones included
    :ivar retries: requests under way that have been retried
    """

    def __init__(self, max_connections: int = 0, max_pending: int = 0, max_requests: int = 0, max_retries: int = 0) -> None:
        self.max_connections: int = max_connections
        self.max_pending: int = max_pending
        self.max_requests: int = max_requests
        self.max_retries: int = max_retries
        self.connections: int = 0
        self.pending: int = 0
        self.requests: int = 0
        self.retries: int = 0

    @staticmethod
    def from_config(configs: list[CircuitBreakerConfig]) -> CircuitBreaker:
        """The breaker of a cluster: of several entries the first counts (MOSN); without one there are no limits."""
        if not configs:
            return CircuitBreaker()
        limits = configs[0]
        return CircuitBreaker(limits.max_connections, limits.max_pending_requests, limits.max_requests, limits.max_retries)

    def try_acquire_connection(self) -> bool:
        """A place for one more connection; False: there is none."""
        if self.max_connections and self.connections >= self.max_connections:
            return False
        self.connections += 1
        return True

    def force_acquire_connection(self) -> None:
        """A place beyond the limit: every host gets one connection (Envoy), or a request to it could wait for ever."""
        self.connections += 1

    def release_connection(self) -> None:
        """A connection is closed or could not be made."""
        self.connections -= 1

    def try_acquire_pending(self) -> bool:
        """A place for one more request that waits for a connection; False: there is none."""
        if self.max_pending and self.pending >= self.max_pending:
            return False
        self.pending += 1
        return True

    def release_pending(self) -> None:
        """A request waits no more."""
        self.pending -= 1

    def try_acquire_request(self) -> bool:
        """A place for one more request; False: there is none."""
        if self.max_requests and self.requests >= self.max_requests:
            return False
        self.requests += 1
        return True

    def release_request(self) -> None:
        """A request has ended."""
        self.requests -= 1

    def try_acquire_retry(self) -> bool:
        """A place for one more retry; False: there is none."""
        if self.max_retries and self.retries >= self.max_retries:
            return False
        self.retries += 1
        return True

    def release_retry(self) -> None:
        """A retried request has ended."""
        self.retries -= 1
