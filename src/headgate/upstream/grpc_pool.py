"""The gRPC connection of one worker to one host, over which all of its calls go.

Made when it is needed, closed when it was idle for the cluster's ``idle_timeout``; made anew for the next call once the host has closed it
or has said that it is going away. Calls wait for it; if it cannot be made, they fail.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine

from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.client_call import CALL_LOST, ClientCall
from headgate.protocols.grpc.status import UNAVAILABLE
from headgate.upstream.cluster import Cluster
from headgate.upstream.grpc_connection import GrpcConnectionOwner, GrpcHostConnection
from headgate.upstream.host import Host

GrpcConnector = Callable[["GrpcPool", GrpcHostConnection, Host, float], Coroutine[object, object, None]]
"""Makes a connection and tells the pool by ``connected`` or ``connect_failed``; see ``upstream.connector.connect_grpc``."""


class GrpcPool(GrpcConnectionOwner):
    """One host's."""

    def __init__(self, cluster: Cluster, host: Host, wheel: DeadlineWheel, connector: GrpcConnector) -> None:
        self._cluster = cluster
        self._host = host
        self._wheel = wheel
        self._connector = connector
        self._connection: GrpcHostConnection | None = None
        self._waiting: OrderedDict[ClientCall, float] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._closed: bool = False

    def start(self, call: ClientCall, deadline: float) -> None:
        """Start a call, as soon as there is a connection. It may fail before this returns.

        :param deadline: on the clock of ``time.monotonic``, seconds; 0.0: none. It is the caller's to watch until the call has begun
        """
        connection = self._connection
        if connection is not None and connection.usable:
            connection.start(call, deadline)
        elif self._closed:
            call.fail(CALL_LOST, UNAVAILABLE, "the configuration is no longer in force")
        elif not self._cluster.breaker.try_acquire_pending():
            self._host.stats.request_pending_overflow += 1
            call.fail(CALL_LOST, UNAVAILABLE, "too many requests wait for a connection")
        else:
            self._waiting[call] = deadline
            if self._task is None:
                self._connect()

    def forget(self, call: ClientCall) -> None:
        """A call has come to its end, perhaps before there was a connection."""
        if self._waiting.pop(call, -1.0) >= 0.0:
            self._cluster.breaker.release_pending()

    def close(self) -> None:
        """No new connection; the present one goes with its last call."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.retire()

    def _connect(self) -> None:
        # One connection serves all calls, and every host gets one: a limit on connections cannot be reached by this one.
        self._cluster.breaker.force_acquire_connection()
        config = self._cluster.config
        host = self._host
        connection = GrpcHostConnection(self, host.address, self._wheel, host.stats, config.connect_timeout, config.idle_timeout)
        self._task = asyncio.get_running_loop().create_task(self._connector(self, connection, host, config.connect_timeout))

    def connected(self, connection: GrpcHostConnection) -> None:
        """For the connector: the connection stands."""
        self._task = None
        stats = self._host.stats
        stats.connection_total += 1
        stats.connection_active += 1
        connection.counted = True
        connection.stands()
        if not self._closed:
            self._connection = connection
        while self._waiting and connection.usable:
            call, deadline = self._waiting.popitem(last=False)
            self._cluster.breaker.release_pending()
            connection.start(call, deadline)
        if self._closed:
            connection.retire()
        elif self._waiting and self._task is None:
            self._fail_waiting("the host closed the connection as soon as it stood")

    def connect_failed(self, detail: str) -> None:
        """For the connector: there is no connection."""
        self._task = None
        self._cluster.breaker.release_connection()
        self._host.stats.connection_con_fail += 1
        self._fail_waiting(detail)

    def _fail_waiting(self, detail: str) -> None:
        # Who is told may start another call: it is for the next connection.
        calls = list(self._waiting)
        for call in calls:
            call.fail(CALL_LOST, UNAVAILABLE, detail)

    def grpc_connection_gone(self, connection: GrpcHostConnection) -> None:
        """It has ended."""
        if connection is self._connection:
            self._connection = None
        if not connection.counted:
            return  # while it was being made: the connector tells
        self._cluster.breaker.release_connection()
        stats = self._host.stats
        stats.connection_close += 1
        stats.connection_active -= 1
        if connection.by_peer:
            stats.connection_remote_close += 1
            stats.connection_remote_close_with_active_request += connection.was_active
        else:
            stats.connection_local_close += 1
            stats.connection_local_close_with_active_request += connection.was_active
