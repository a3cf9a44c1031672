"""Connections that close in the moment in which they stand: the pool must not take them for open ones."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable

import pytest
import trustme

from headgate.config.models import ClusterConfig, ClusterManagerConfig, HostConfig, TlsContextConfig
from headgate.net.deadlines import DeadlineWheel
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.stats_store import StatsStore
from headgate.protocols.http1.client_connection import Http1ClientConnection
from headgate.testing.memory_transport import MemoryTransport
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.connector import connect
from headgate.upstream.pool import ConnectionPool, PoolWaiter


class Waiter(PoolWaiter):
    """A request that waits."""

    def __init__(self) -> None:
        self.failure = ""

    def on_pool_ready(self, connection: Http1ClientConnection) -> None:
        raise AssertionError("a dead connection was lent")

    def on_pool_failure(self, reason: int, detail: str) -> None:
        self.failure = detail


class ClosingHost:
    """Takes a connection, shakes hands if it has a context, and closes."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context

    async def create_connection(self, factory: Callable[[], asyncio.Protocol], host: str, port: int) -> None:
        """In place of the loop's."""
        protocol = factory()
        transport = MemoryTransport(lambda data: None, lambda: None)
        protocol.connection_made(transport)
        if self._context is not None:
            self._shake_hands(self._context, protocol, transport)
        protocol.connection_lost(None)

    def _shake_hands(self, context: ssl.SSLContext, protocol: asyncio.Protocol, transport: MemoryTransport) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)
        for _ in range(2):
            incoming.write(transport.written)
            transport.written = b""
            with contextlib.suppress(ssl.SSLWantReadError):
                session.do_handshake()
            protocol.data_received(outgoing.read())


@pytest.mark.parametrize("tls", [False, True])
def test_closed_as_soon_as_it_stands(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(server)
    store = StatsStore()
    context = TlsContextConfig(status=True, insecure_skip=True) if tls else None
    config = ClusterConfig(name="c", tls_context=context, hosts=[HostConfig(address="127.0.0.1:1")])
    manager = ClusterManager.from_config(ClusterManagerConfig(clusters=[config]), "cluster_manager", store, None, TlsBuilder(store, None))
    cluster = manager.clusters["c"]

    async def main() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", ClosingHost(server if tls else None).create_connection)
        pool = ConnectionPool(cluster, cluster.hosts[0], DeadlineWheel(), connect)
        waiter = Waiter()
        assert pool.acquire(waiter, False) is None
        while not waiter.failure:
            await asyncio.sleep(0)
        assert "closed the connection as soon as it stood" in waiter.failure
        assert pool.open_connections == 0
        assert cluster.hosts[0].stats.connection_active == 0
        assert store.tls("cluster", "c").handshakes == int(tls)

    asyncio.run(asyncio.wait_for(main(), 20))
