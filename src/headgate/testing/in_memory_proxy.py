"""A whole worker in memory: configuration, engine and codecs are the real ones, only sockets are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from headgate.api.registry import ExtensionScope
from headgate.config import parse
from headgate.observe.stats_store import StatsStore
from headgate.protocols.http1.client_connection import Http1ClientConnection
from headgate.proxy.listener import ListenerRuntime
from headgate.proxy.runtime import Runtime
from headgate.proxy.worker_context import WorkerContext
from headgate.testing.exchange import ReceivedRequest, Reply
from headgate.testing.memory_client import MemoryClient
from headgate.testing.memory_upstream import MemoryUpstream
from headgate.upstream.grpc_connection import GrpcHostConnection
from headgate.upstream.grpc_pool import GrpcPool
from headgate.upstream.host import Host
from headgate.upstream.pool import ConnectionPool

Responder = Callable[[ReceivedRequest], Reply]


class InMemoryProxy:
    """One worker with one upstream host in memory, to which every configured host leads. Lives within a running event loop.

    :param mapping: a configuration as a file would hold it
    :param scope: extensions
    :param responder: what the upstream host answers
    :param stats: where it counts
    :ivar upstream: the host; its ``refuse`` makes connections to it fail
    :raises ConfigRejected: if the configuration would be refused at load
    """

    def __init__(self, mapping: Mapping[str, object], scope: ExtensionScope, responder: Responder, stats: StatsStore) -> None:
        self.upstream = MemoryUpstream(responder)
        self._scope = scope
        self._context = WorkerContext(stats, self._connect, self._connect_grpc)
        self._runtime = Runtime.build(parse(mapping).config, scope, self._context)
        self._listeners = {name: ListenerRuntime(name) for name in self._runtime.listeners}
        for name, listener in self._listeners.items():
            listener.apply(self._runtime.listeners[name])

    def connect(self, listener: str) -> MemoryClient:
        """A client connects to a listener."""
        self._context.bind(asyncio.get_running_loop())
        return MemoryClient(self._listeners[listener])

    def reload(self, mapping: Mapping[str, object]) -> None:
        """Put another configuration in place; a faulty one changes nothing.

        :raises ConfigRejected: if it would be refused at load
        """
        runtime = Runtime.build(parse(mapping).config, self._scope, self._context)
        previous, self._runtime = self._runtime, runtime
        for name, listener in self._listeners.items():
            listener.apply(runtime.listeners[name])
        previous.retire()

    def close(self) -> None:
        """End: connections break, the configuration is retired."""
        for listener in self._listeners.values():
            listener.close()
        self._runtime.retire()

    async def _connect(self, pool: ConnectionPool, connection: Http1ClientConnection, host: Host, timeout: float) -> None:
        if self.upstream.refuse:
            pool.connect_failed(f"no connection to {host.address}: refused")
            return
        self.upstream.connect(connection)
        pool.connected(connection)

    async def _connect_grpc(self, pool: GrpcPool, connection: GrpcHostConnection, host: Host, timeout: float) -> None:
        pool.connect_failed(f"no connection to {host.address}: there is no gRPC server in memory")
