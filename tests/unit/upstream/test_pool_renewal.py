"""A pool whose TLS context has changed lends out no connection from before."""

from __future__ import annotations

import asyncio

import pytest

from headgate.api.errors import ConfigRejected
from headgate.config.models import ClusterConfig, ClusterManagerConfig, HostConfig, TlsContextConfig
from headgate.net.deadlines import DeadlineWheel
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.stats_store import StatsStore
from headgate.protocols.http1.client_connection import Http1ClientConnection
from headgate.testing.memory_transport import MemoryTransport
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.host import Host
from headgate.upstream.pool import ConnectionPool, PoolWaiter


class Waiter(PoolWaiter):
    """Is never called."""


async def _never(pool: ConnectionPool, connection: Http1ClientConnection, host: Host, timeout: float) -> None:
    """Makes no connection by itself."""


def test_renewed() -> None:
    store = StatsStore()
    builder = TlsBuilder(store, None)
    tls = TlsContextConfig(status=True, insecure_skip=True)
    config = ClusterConfig(name="c", tls_context=tls, hosts=[HostConfig(address="127.0.0.1:1")])
    manager = ClusterManager.from_config(ClusterManagerConfig(clusters=[config]), "cluster_manager", store, None, builder)
    cluster = manager.clusters["c"]
    host = cluster.hosts[0]

    async def main() -> None:
        pool = ConnectionPool(cluster, host, DeadlineWheel(), _never)
        connection = Http1ClientConnection(1, pool, host.stats, DeadlineWheel(), 60.0, 60.0, 65536)
        transport = MemoryTransport(lambda data: None, lambda: connection.connection_lost(None))
        connection.connection_made(transport)
        pool.connected(connection)
        assert pool.acquire(Waiter(), False) is connection
        pool.connection_idle(connection)
        builder.contexts[0].epoch += 1
        assert pool.acquire(Waiter(), False) is None
        assert transport.closed
        assert store.tls("cluster", "c").renewals == 1

    asyncio.run(main())


def test_a_host_without_a_name_to_verify() -> None:
    config = ClusterConfig(name="c", tls_context=TlsContextConfig(status=True), hosts=[HostConfig(address="unix:/run/x.sock")])
    with pytest.raises(ConfigRejected, match=r"hosts\[0\]\.hostname: missing"):
        ClusterManager.from_config(ClusterManagerConfig(clusters=[config]), "cluster_manager", StatsStore())
