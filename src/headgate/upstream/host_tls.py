"""How connections to one host are secured, and one handshake with it. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final, cast

from headgate.net.deadlines import DeadlineWheel
from headgate.net.tls.context import TlsContext
from headgate.net.tls.events import PendingConnection, PendingOwner
from headgate.net.tls.layer import TlsLayer
from headgate.net.tls.managed import ManagedContext
from headgate.observe.tls_stats import TlsStats
from headgate.protocols.http1.client_connection import Http1ClientConnection

_LOG_INTERVAL: Final = 1.0
"""Seconds between two log lines about one host's failing handshakes."""


class HostTls:
    """TLS towards one host.

    :param managed: the cluster's context
    :ivar server_name: the name asked for and verified
    :ivar timeout: seconds for a handshake
    :ivar fall_back: where the handshake fails, plain text is spoken
    :ivar stats: the cluster's TLS statistics
    """

    def __init__(self, managed: ManagedContext, server_name: str, timeout: float, fall_back: bool, stats: TlsStats) -> None:
        self._managed = managed
        self._logged: float = 0.0
        self.server_name: str = server_name
        self.timeout: float = timeout
        self.fall_back: bool = fall_back
        self.stats: TlsStats = stats

    @property
    def epoch(self) -> int:
        """Goes up whenever the context changes: connections made before are then renewed."""
        return self._managed.epoch

    @property
    def context(self) -> TlsContext | None:
        """The present context."""
        return self._managed.context

    def should_log(self) -> bool:
        """Whether a failure is worth a line in the log: not one for each request of a busy second."""
        now = monotonic()
        if now - self._logged < _LOG_INTERVAL:
            return False
        self._logged = now
        return True


class ClientHandshake(PendingOwner):
    """One handshake with a host.

    :param connection: gets the plain text
    :ivar layer: the protocol of the socket
    :ivar done: its result is an empty text, or why the handshake failed
    """

    def __init__(self, tls: HostTls, context: TlsContext, connection: Http1ClientConnection, wheel: DeadlineWheel) -> None:
        self._connection = connection
        self._stats = tls.stats
        self.layer: TlsLayer = TlsLayer.client(self, wheel, tls.timeout, context, tls.server_name)
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def pending_opened(self, pending: PendingConnection) -> bool:
        """The socket is connected."""
        return True

    def pending_secured(self, pending: PendingConnection) -> asyncio.Protocol | None:
        """The handshake is complete."""
        self._stats.handshakes += 1
        if self.done.done():
            return None  # nobody waits any more
        self.done.set_result("")
        connection: object = self._connection
        return cast(asyncio.Protocol, connection)

    def pending_failed(self, pending: PendingConnection, reason: str, detail: str) -> None:
        """The handshake has failed."""
        self._stats.count_failure(reason)
        if not self.done.done():
            self.done.set_result(detail or reason)

    def pending_plain(self, pending: PendingConnection) -> asyncio.Protocol:
        """Never called on this side."""
        raise NotImplementedError

    def pending_tls(self, pending: PendingConnection) -> asyncio.Protocol:
        """Never called on this side."""
        raise NotImplementedError
