"""From a configuration to what forwards traffic: built as a whole, beside the one at work, and only then put in its place.

Life of a runtime: *built* (may fail, with every finding; nothing has changed then) -> *applied* to the worker's listeners -> *retired* when
a newer one is applied -> *closed* when its last stream has ended: pools, factories and access logs go.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from typing import Final

from headgate.api.entry_settings import EntrySettings, building_entry
from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.isolation import ISOLATIONS, IsolatedEntry
from headgate.api.registry import ExtensionScope, Registration
from headgate.api.stream_filter import STREAM_FILTERS, StreamFilterFactory
from headgate.api.upstream_call import calls_through
from headgate.config.models import HeadgateConfig, ListenerConfig, ProxyConfig, StreamFilterConfig
from headgate.net.tls.listener_tls import ListenerTls
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.access_log import AccessLog
from headgate.protocols.http1.settings import Http1Settings
from headgate.proxy.cluster_call import ClusterCaller
from headgate.proxy.entry_match import build_match
from headgate.proxy.filter_entry import FilterEntry, Quarantine
from headgate.proxy.forwarding_headers import ForwardingHeaders
from headgate.proxy.snapshot import Generation, ListenerSnapshot
from headgate.proxy.worker_context import WorkerContext
from headgate.router.table import RouterTable
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.pools import Pools

_LOG: Final = logging.getLogger("headgate.proxy")
_entry_ids: Final = itertools.count(1)


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


class _Builder:
    """Builds one runtime and collects what is wrong on the way."""

    def __init__(self, config: HeadgateConfig, scope: ExtensionScope, context: WorkerContext) -> None:
        self._config = config
        self._scope = scope
        self._context = context
        self._errors: list[ConfigError] = []
        self._certificates = TlsBuilder(context.stats, scope)
        self._factories: list[StreamFilterFactory] = []
        self._logs: list[AccessLog] = []

    def build(self) -> Runtime:
        config = self._config
        clusters = ClusterManager.from_config(
            config.cluster_manager, "cluster_manager", self._context.stats, self._scope, self._certificates
        )
        pools = Pools(self._context.wheel, self._context.connector)
        runtime = Runtime(clusters, pools, self._certificates)
        server = config.servers[0]
        routers = self._routers()
        with calls_through(ClusterCaller(clusters, pools, self._context.wheel)):
            for position, listener in enumerate(server.listeners):
                path = f"servers[0].listeners[{position}]"
                snapshot = self._listener(listener, path, runtime, routers, clusters, pools)
                if snapshot is not None:
                    runtime.listeners[snapshot.name] = snapshot
        if self._errors:
            for factory in self._factories:
                factory.close()
            for log in self._logs:
                log.close()
            self._certificates.close()
            raise ConfigRejected(self._errors)
        runtime.adopt(self._factories, self._logs)
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
        entries = self._entries(listener, name, path)
        logs = self._access_logs(listener, name, path)
        tls = self._tls(listener, name, path)
        if proxy is None:
            return None
        table = routers.get(proxy.router_config_name)
        if table is None:
            return None  # the router itself has been found faulty
        self._route_configs(table, entries, proxy.router_config_name)
        return ListenerSnapshot(
            name,
            runtime.generation,
            [entry for entry, _ in entries],
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

    # --- stream filters

    def _entries(self, listener: ListenerConfig, listener_name: str, path: str) -> list[tuple[FilterEntry, _Source]]:
        entries: list[tuple[FilterEntry, _Source]] = []
        names: set[str] = set()
        for position, entry in enumerate(listener.stream_filters):
            at = f"{path}.stream_filters[{position}]"
            name = entry.name or entry.type
            number = 2
            while name in names:
                name = f"{entry.name or entry.type}#{number}"
                number += 1
            names.add(name)
            try:
                registration = STREAM_FILTERS.find(entry.registered_type, f"{at}.type", self._scope)
                entries.append((self._entry(entry, name, listener_name, at, registration), _Source(registration, entry.config)))
            except ConfigRejected as rejected:
                self._errors.extend(rejected.errors)
            except ConfigError as error:
                self._errors.append(error)
        return entries

    def _entry(
        self, entry: StreamFilterConfig, name: str, listener_name: str, at: str, registration: Registration[StreamFilterFactory]
    ) -> FilterEntry:
        parsed = registration.parse(entry.config, f"{at}.config")
        settings = EntrySettings(name, entry.type, listener_name, at, entry.timeout, entry.max_body, entry.file, entry.export)
        factory = self._factory(entry, settings, registration, parsed)
        self._factories.append(factory)
        quarantine = entry.quarantine
        try:
            return FilterEntry(
                next(_entry_ids),
                name,
                entry.type,
                factory,
                entry.on_error == "deny",
                entry.timeout,
                entry.max_body,
                build_match(entry.match, f"{at}.match"),
                Quarantine(quarantine.max_failures, quarantine.window, quarantine.backoff),
                self._context.stats.filter(listener_name, name),
            )
        except ValueError as error:
            raise ConfigError(f"{at}.type", f"stream filter {entry.type!r}: {error}") from error

    def _factory(
        self, entry: StreamFilterConfig, settings: EntrySettings, registration: Registration[StreamFilterFactory], parsed: object
    ) -> StreamFilterFactory:
        """Call the create function, or have the entry's isolation make a factory in its place."""
        at = settings.path
        try:
            with building_entry(settings):
                if entry.isolation == "inline":
                    factory = registration.create(parsed)
                else:
                    isolation = ISOLATIONS.find(entry.isolation, f"{at}.isolation", self._scope)
                    factory = isolation.create(IsolatedEntry(settings, registration, entry.config, parsed, tuple(self._config.extensions)))
        except ConfigError:
            raise
        except Exception as error:
            _LOG.debug("stream filter %s", settings.name, exc_info=error)
            raise ConfigError(
                f"{at}.config", f"stream filter {entry.type!r} cannot be created: {type(error).__name__}: {error}", registration.origin
            ) from error
        if not isinstance(factory, StreamFilterFactory):
            raise ConfigError(at, f"the create function of stream filter {entry.type!r} returned {factory!r}, not a StreamFilterFactory")
        return factory

    def _route_configs(self, table: RouterTable, entries: list[tuple[FilterEntry, _Source]], router: str) -> None:
        """Parse what routes say about this listener's filters: route over virtual host over listener, key by key."""
        known = {entry.type for entry, _ in entries} | {entry.name for entry, _ in entries}
        for route in table.routes():
            at = route.config_path
            for key in route.per_filter_config:
                if key not in known and key not in STREAM_FILTERS.names(self._scope):
                    self._errors.append(ConfigError(f"{at}.per_filter_config.{key}", f"unknown stream filter {key!r}"))
            for entry, source in entries:
                override = route.per_filter_config.get(entry.name) or route.per_filter_config.get(entry.type)
                if override is None:
                    continue
                merged = {**source.config, **override}
                key = f"{at}.per_filter_config.{entry.type}"
                try:
                    route.filter_configs[entry.id] = entry.factory.route_config(source.registration.parse(merged, key), merged)
                    if entry.simple is not None:  # a route may ask for hooks that the entry's first class has not
                        entry.simple_capabilities = entry.capabilities_of(entry.simple.filter_class)
                except ConfigRejected as rejected:
                    self._errors.extend(rejected.errors)
                except ConfigError as error:
                    self._errors.append(error)
                except Exception as error:
                    self._errors.append(ConfigError(key, str(error) or type(error).__name__))


class _Source:
    """Where an entry came from: what per-route configurations are merged with."""

    def __init__(self, registration: Registration[StreamFilterFactory], config: Mapping[str, object]) -> None:
        self.registration = registration
        self.config = config


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
