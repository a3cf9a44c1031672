"""All connection pools of one worker under one configuration.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.net.deadlines import DeadlineWheel
from headgate.upstream.cluster import Cluster
from headgate.upstream.grpc_pool import GrpcConnector, GrpcPool
from headgate.upstream.host import Host
from headgate.upstream.pool import ConnectionPool, Connector


class Pools:
    """Pools by host, made when a host is first used."""

    def __init__(self, wheel: DeadlineWheel, connector: Connector, grpc_connector: GrpcConnector) -> None:
        self._wheel = wheel
        self._connector = connector
        self._grpc_connector = grpc_connector
        self._pools: dict[Host, ConnectionPool] = {}
        self._grpc_pools: dict[Host, GrpcPool] = {}

    def pool(self, cluster: Cluster, host: Host) -> ConnectionPool:
        """The pool of a host."""
        pool = self._pools.get(host)
        if pool is None:
            pool = self._pools[host] = ConnectionPool(cluster, host, self._wheel, self._connector)
        return pool

    def grpc_pool(self, cluster: Cluster, host: Host) -> GrpcPool:
        """The gRPC connection of a host."""
        pool = self._grpc_pools.get(host)
        if pool is None:
            pool = self._grpc_pools[host] = GrpcPool(cluster, host, self._wheel, self._grpc_connector)
        return pool

    def close(self) -> None:
        """Close what is idle, and everything else as soon as it is."""
        for pool in self._pools.values():
            pool.close()
        for grpc_pool in self._grpc_pools.values():
            grpc_pool.close()
