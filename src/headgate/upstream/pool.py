"""Connection pools: one per host and worker.

HTTP/1.1 carries one request at a time on a connection, so a request takes an idle connection, the one used last first, or waits for a new
one. Whichever is ready first goes to the request that has waited longest; a connection that comes too late stays idle for the next.
A connection that the host closed while it was idle leaves the pool when that is noticed; the rest of that race is the engine's
(a request on a reused connection that ends before any byte of a response is repeated, if that is safe).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Final

from mypy_extensions import trait

from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.exchange import CONNECTION_FAILED, OVERFLOW
from headgate.protocols.http1.client_connection import ClientConnectionOwner, Http1ClientConnection
from headgate.upstream.cluster import Cluster
from headgate.upstream.host import Host

MAX_IDLE: Final = 1024
"""Idle connections kept for each host and worker."""
_UNLIMITED: Final = 1 << 62
BODY_IDLE_TIMEOUT: Final = 60.0
"""Seconds between two parts of a response's body."""


@trait
class PoolWaiter:
    """A request that waits for a connection."""

    def on_pool_ready(self, connection: Http1ClientConnection) -> None:
        """Here it is."""
        raise NotImplementedError

    def on_pool_failure(self, reason: int, detail: str) -> None:
        """There will be none.

        :param reason: ``CONNECTION_FAILED`` or ``OVERFLOW`` of ``protocols.exchange``
        """
        raise NotImplementedError


Connector = Callable[["ConnectionPool", Http1ClientConnection, Host, float], Coroutine[object, object, None]]
"""Makes a connection and tells the pool by ``connected`` or ``connect_failed``; see ``upstream.connector.connect``."""


class _Ids:
    def __init__(self) -> None:
        self.last: int = 0


_IDS: Final = _Ids()


class ConnectionPool(ClientConnectionOwner):
    """The connections of one worker to one host."""

    def __init__(self, cluster: Cluster, host: Host, wheel: DeadlineWheel, connector: Connector) -> None:
        self._cluster = cluster
        self._host = host
        self._wheel = wheel
        self._connector = connector
        self._idle: list[Http1ClientConnection] = []
        self._waiters: deque[PoolWaiter] = deque()
        self._all: set[Http1ClientConnection] = set()
        self._connecting: int = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed: bool = False
        self._stale: set[Http1ClientConnection] = set()
        self._tls_epoch: int = host.tls.epoch if host.tls is not None else 0
        config = cluster.config
        self._max_requests: int = config.max_request_per_conn or _UNLIMITED
        self._connect_timeout: float = config.connect_timeout
        self._idle_timeout: float = config.idle_timeout
        self._watermark: int = max(config.conn_buffer_limit_bytes, 4096)

    def acquire(self, waiter: PoolWaiter, fresh: bool) -> Http1ClientConnection | None:
        """A connection at once, or None: the waiter hears later (possibly before this returns, if a limit is reached).

        :param fresh: not one that has been used before
        """
        tls = self._host.tls
        if tls is not None and tls.epoch != self._tls_epoch:
            self._renew(tls.epoch)
        idle = self._idle
        while idle and not fresh:
            connection = idle.pop()
            if connection.open:
                return connection
        breaker = self._cluster.breaker
        if not breaker.try_acquire_pending():
            self._host.stats.request_pending_overflow += 1
            waiter.on_pool_failure(OVERFLOW, "too many requests wait for a connection")
            return None
        self._waiters.append(waiter)
        if self._connecting < len(self._waiters):
            self._connect()
        return None

    def cancel(self, waiter: PoolWaiter) -> None:
        """The waiter has lost interest."""
        try:
            self._waiters.remove(waiter)
        except ValueError:
            return
        self._cluster.breaker.release_pending()

    def _renew(self, epoch: int) -> None:
        """TLS towards the host has changed: no connection from before serves another request."""
        self._tls_epoch = epoch
        if self._host.tls is not None:
            self._host.tls.stats.renewals += 1
        idle = self._idle
        self._idle = []
        self._stale.update(self._all)
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """No new connections; idle ones close now, the others when their exchange ends."""
        self._closed = True
        for connection in list(self._idle):
            connection.close()
        self._idle.clear()

    @property
    def wheel(self) -> DeadlineWheel:
        """The worker's deadlines."""
        return self._wheel

    @property
    def open_connections(self) -> int:
        """Connections that stand or are being made."""
        return len(self._all) + self._connecting

    def _connect(self) -> None:
        breaker = self._cluster.breaker
        if not breaker.try_acquire_connection():
            if self.open_connections > 0:
                return  # the next connection of this host that is given back serves the waiter
            # Every host gets at least one connection (as in Envoy), or a waiter here would wait for other hosts' for ever.
            breaker.force_acquire_connection()
        self._connecting += 1
        _IDS.last += 1
        connection = Http1ClientConnection(
            _IDS.last, self, self._host.stats, self._wheel, self._idle_timeout, BODY_IDLE_TIMEOUT, self._watermark
        )
        task = asyncio.get_running_loop().create_task(self._connector(self, connection, self._host, self._connect_timeout))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def connected(self, connection: Http1ClientConnection) -> None:
        """For the connector: the connection stands."""
        self._connecting -= 1
        self._all.add(connection)
        stats = self._host.stats
        stats.connection_total += 1
        stats.connection_active += 1
        self._offer(connection)

    def connect_failed(self, detail: str) -> None:
        """For the connector: there is no connection."""
        self._connecting -= 1
        self._cluster.breaker.release_connection()
        self._host.stats.connection_con_fail += 1
        if self._waiters:
            waiter = self._waiters.popleft()
            self._cluster.breaker.release_pending()
            waiter.on_pool_failure(CONNECTION_FAILED, detail)

    def _offer(self, connection: Http1ClientConnection) -> None:
        while self._waiters and connection.usable:
            waiter = self._waiters.popleft()
            self._cluster.breaker.release_pending()
            waiter.on_pool_ready(connection)
        if connection.usable:
            if self._closed or len(self._idle) >= MAX_IDLE:
                connection.close()
            else:
                connection.wait_in_pool()
                self._idle.append(connection)

    # --- ClientConnectionOwner

    def connection_idle(self, connection: Http1ClientConnection) -> None:
        """Its exchange is complete."""
        idle = self._idle
        if self._closed or connection.requests >= self._max_requests or (self._stale and connection in self._stale):
            connection.close()
        elif self._waiters:
            asyncio.get_running_loop().call_soon(self._offer, connection)
        elif len(idle) >= MAX_IDLE:
            connection.close()
        else:
            if not connection.watched:
                connection.wait_in_pool()
            idle.append(connection)

    def connection_gone(self, connection: Http1ClientConnection, active: bool, by_peer: bool) -> None:
        """It is closed."""
        if connection not in self._all:
            return
        self._all.discard(connection)
        self._stale.discard(connection)
        if not active and connection in self._idle:
            self._idle.remove(connection)
        self._cluster.breaker.release_connection()
        stats = self._host.stats
        stats.connection_close += 1
        stats.connection_active -= 1
        if by_peer:
            stats.connection_remote_close += 1
            if active:
                stats.connection_remote_close_with_active_request += 1
        else:
            stats.connection_local_close += 1
            if active:
                stats.connection_local_close_with_active_request += 1
        if self._waiters and self._connecting < len(self._waiters) and not self._closed:
            self._connect()
