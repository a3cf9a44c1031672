"""From a configuration to what forwards traffic: built as a whole, beside the one at work, and only then put in its place.

Life of a runtime: *built* (may fail, with every finding; nothing has changed then) -> *applied* to the worker's listeners -> *retired* when
a newer one is applied -> *closed* when its last stream has ended: pools, factories and access logs go.
"""

from __future__ import annotations

import logging
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.registry import ExtensionScope
from headgate.api.stream_filter import StreamFilterFactory
from headgate.api.upstream_call import calls_through
from headgate.config.models import HeadgateConfig, ListenerConfig, ProxyConfig
from headgate.net.tls.listener_tls import ListenerTls
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.access_log import AccessLog
from headgate.protocols.http1.settings import Http1Settings
from headgate.proxy.cluster_call import ClusterCaller
from headgate.proxy.filter_build import FilterBuilder
from headgate.proxy.forwarding_headers import ForwardingHeaders
from headgate.proxy.snapshot import Generation, ListenerSnapshot
from headgate.proxy.worker_context import WorkerContext
from headgate.router.table import RouterTable
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.pools import Pools

_LOG: Final = logging.getLogger("headgate.proxy")


class Runtime:
    """Everything that one configuration becomes in a worker.

    :ivar listeners: a snapshot for each listener, by name
    """

    def __init__(self, clusters: ClusterManager, pools: Pools, certificates: TlsBuilder) -> None:
        self._generation = Generation(self._close)
        self.listeners: dict[str, ListenerSnapshot] = {}
        self._clusters = clusters
        self._pools = pools
        self._certificates = certificates
        self._factories: list[StreamFilterFactory] = []
        self._logs: list[AccessLog] = []
        self._scope: ExtensionScope | None = None

    @staticmethod
    def build(config: HeadgateConfig, scope: ExtensionScope, context: WorkerContext) -> Runtime:
        """Build; may run in any thread.

        :param scope: the extensions that the configuration loaded
        :raises ConfigRejected: with every finding
        """
        return _Builder(config, scope, context).build()

    @property
    def access_logs(self) -> list[AccessLog]:
        """Every access log, for flushing and reopening."""
        return self._logs

    def adopt(self, factories: list[StreamFilterFactory], logs: list[AccessLog]) -> None:
        """For the builder: what goes when this runtime goes."""
        self._factories.extend(factories)
        self._logs.extend(logs)

    def own(self, scope: ExtensionScope) -> None:
        """The extensions were loaded for this runtime alone: they go with it."""
        self._scope = scope

    @property
    def generation(self) -> Generation:
        """Counts this configuration's streams."""
        return self._generation

    def retire(self) -> None:
        """A newer configuration has taken over: everything goes when the last stream has ended."""
        self._certificates.stop()
        self._generation.retire()

    def _close(self) -> None:
        self._pools.close()
        self._certificates.close()
        for factory in self._factories:
            try:
                factory.close()
            except Exception:
                _LOG.exception("a stream filter factory failed in close()")
        for log in self._logs:
            log.close()
        if self._scope is not None:
            self._scope.close()


class _Builder:
    """Builds one runtime and collects what is wrong on the way."""

    def __init__(self, config: HeadgateConfig, scope: ExtensionScope, context: WorkerContext) -> None:
        self._config = config
        self._scope = scope
        self._context = context
        self._errors: list[ConfigError] = []
        self._certificates = TlsBuilder(context.stats, scope)
        self._filters = FilterBuilder(scope, context.stats, config.extensions)
        self._logs: list[AccessLog] = []

    def build(self) -> Runtime:
        config = self._config
        try:
            clusters = ClusterManager.from_config(
                config.cluster_manager, "cluster_manager", self._context.stats, self._scope, self._certificates
            )
        except ConfigRejected:
            self._certificates.close()
            raise
        pools = Pools(self._context.wheel, self._context.connector, self._context.grpc_connector)
        runtime = Runtime(clusters, pools, self._certificates)
        server = config.servers[0]
        routers = self._routers()
        with calls_through(ClusterCaller(clusters, pools, self._context.wheel)):
            for position, listener in enumerate(server.listeners):
                path = f"servers[0].listeners[{position}]"
                snapshot = self._listener(listener, path, runtime, routers, clusters, pools)
                if snapshot is not None:
                    runtime.listeners[snapshot.name] = snapshot
        self._errors.extend(self._filters.errors)
        if self._errors:
            for factory in self._filters.factories:
                factory.close()
            for log in self._logs:
                log.close()
            self._certificates.close()
            raise ConfigRejected(self._errors)
        runtime.adopt(self._filters.factories, self._logs)
        return runtime

    def _routers(self) -> dict[str, RouterTable]:
        routers: dict[str, RouterTable] = {}
        for position, router in enumerate(self._config.servers[0].routers):
            try:
                routers[router.router_config_name] = RouterTable(router, f"servers[0].routers[{position}]", self._scope)
            except ConfigRejected as rejected:
                self._errors.extend(rejected.errors)
        return routers

    def _listener(
        self, listener: ListenerConfig, path: str, runtime: Runtime, routers: dict[str, RouterTable], clusters: ClusterManager, pools: Pools
    ) -> ListenerSnapshot | None:
        name = listener.name or listener.address
        proxy = self._proxy(listener, path)
        filters = self._filters.listener(listener, name, path)
        logs = self._access_logs(listener, name, path)
        tls = self._tls(listener, name, path)
        if proxy is None:
            return None
        table = routers.get(proxy.router_config_name)
        if table is None:
            return None  # the router itself has been found faulty
        self._filters.route_configs(table, filters)
        return ListenerSnapshot(
            name,
            runtime.generation,
            [built.entry for built in filters],
            table,
            clusters,
            pools,
            self._context,
            http1_settings(proxy, listener),
            forwarding_headers(proxy),
            logs,
            self._context.stats.listener(name, proxy.name),
            listener.max_connections,
            tls,
            self._certificates,
        )

    def _tls(self, listener: ListenerConfig, name: str, path: str) -> ListenerTls | None:
        chain = listener.filter_chains[0]
        at = f"{path}.filter_chains[0]"
        contexts = [(f"{at}.tls_context_set[{i}]", context) for i, context in enumerate(chain.tls_context_set)]
        if chain.tls_context is not None:
            contexts.append((f"{at}.tls_context", chain.tls_context))
        try:
            return self._certificates.listener(name, contexts, listener.inspector)
        except ConfigRejected as rejected:
            self._errors.extend(rejected.errors)
            return None

    def _proxy(self, listener: ListenerConfig, path: str) -> ProxyConfig | None:
        for position, network_filter in enumerate(listener.filter_chains[0].filters):
            if network_filter.type == "proxy":
                return ProxyConfig.model_validate(network_filter.config)
            at = f"{path}.filter_chains[0].filters[{position}].type"
            self._errors.append(ConfigError(at, f"unknown network filter {network_filter.type!r}", "known: proxy"))
        return None

    def _access_logs(self, listener: ListenerConfig, name: str, path: str) -> list[AccessLog]:
        logs: list[AccessLog] = []
        for position, log in enumerate(listener.access_logs):
            try:
                stats = self._context.stats.access_log(log.log_path)
                logs.append(AccessLog(log.log_path, log.log_format, f"{path}.access_logs[{position}]", stats, self._scope))
            except ConfigError as error:
                self._errors.append(error)
        self._logs.extend(logs)
        return logs


def http1_settings(proxy: ProxyConfig, listener: ListenerConfig) -> Http1Settings:
    """The limits of a listener's HTTP/1.1 connections."""
    http1 = proxy.extend_config.http1
    settings = Http1Settings()
    settings.max_header_size = http1.max_header_size
    settings.max_header_count = http1.max_header_count
    settings.max_target_length = http1.max_target_length
    settings.max_request_body_size = http1.max_request_body_size
    settings.header_timeout = http1.header_timeout
    settings.body_idle_timeout = http1.body_idle_timeout
    settings.idle_timeout = listener.connection_idle_timeout
    settings.max_requests_per_connection = http1.max_requests_per_connection
    settings.high_watermark = http1.write_high_watermark
    return settings


def forwarding_headers(proxy: ProxyConfig) -> ForwardingHeaders:
    """The fields that a listener adds to requests."""
    http1 = proxy.extend_config.http1
    client_cert = http1.x_forwarded_client_cert == "set"
    return ForwardingHeaders(http1.x_forwarded_for, http1.x_forwarded_proto, http1.x_request_id, http1.via, client_cert)
