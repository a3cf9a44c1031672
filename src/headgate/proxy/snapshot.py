"""What one configuration means to one listener: everything a stream needs, swapped as a whole on reload.

A stream keeps the snapshot that it was born with until its end, so one request never sees two configurations.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from headgate.net.tls.listener_tls import ListenerTls
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.access_log import AccessLog
from headgate.observe.listener_stats import ListenerStats
from headgate.protocols.http1.settings import Http1Settings
from headgate.proxy.filter_chain import FilterChain, quiet_chain
from headgate.proxy.filter_entry import FilterEntry
from headgate.proxy.forwarding_headers import ForwardingHeaders
from headgate.proxy.worker_context import WorkerContext
from headgate.router.table import RouterTable
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.pools import Pools


class Generation:
    """One configuration's streams: when it is retired and the last has ended, its resources go.

    :param on_end: lets them go
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end: Callable[[], None] | None = on_end
        self.active_streams: int = 0
        self.retired: bool = False

    def stream_ended(self) -> None:
        """One of its streams has ended."""
        self.active_streams -= 1
        if self.retired and self.active_streams == 0:
            self._end()

    def retire(self) -> None:
        """A newer configuration has taken over."""
        if not self.retired:
            self.retired = True
            if self.active_streams == 0:
                self._end()

    def _end(self) -> None:
        on_end = self._on_end
        if on_end is not None:
            self._on_end = None  # else it and its owner would hold each other
            on_end()


class ListenerSnapshot:
    """One listener under one configuration."""

    def __init__(
        self,
        name: str,
        generation: Generation,
        entries: list[FilterEntry],
        router: RouterTable,
        clusters: ClusterManager,
        pools: Pools,
        context: WorkerContext,
        settings: Http1Settings,
        forwarding: ForwardingHeaders,
        access_logs: list[AccessLog],
        stats: ListenerStats,
        max_connections: int,
        tls: ListenerTls | None,
        certificates: TlsBuilder,
    ) -> None:
        self.name = name
        self.generation = generation
        self.entries = entries
        self.quiet_chain: FilterChain | None = quiet_chain(entries)
        self.router = router
        self.clusters = clusters
        self.pools = pools
        self.settings = settings
        self.forwarding = forwarding
        self.access_logs = access_logs
        self.stats = stats
        self.context = context
        self.watch = context.watch
        self.max_connections = max_connections
        self.tls = tls
        self.certificates = certificates
