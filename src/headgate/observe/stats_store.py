"""All statistics of one worker, by what they belong to. They outlive a configuration, so that a reload resets no counter.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.observe.access_log_stats import AccessLogStats
from headgate.observe.custom_metrics import CUSTOM_METRICS
from headgate.observe.filter_stats import FilterStats
from headgate.observe.listener_stats import ListenerStats
from headgate.observe.metric_group import MetricGroup
from headgate.observe.plugin_stats import PluginStats
from headgate.observe.tls_stats import CertificateStats, TlsStats
from headgate.observe.upstream_stats import ClusterStats, HostStats


class StatsStore:
    """One worker's statistics. The accessors make what does not exist yet; look up once and keep the object, not per request."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str, str], ListenerStats] = {}
        self._hosts: dict[tuple[str, str], HostStats] = {}
        self._clusters: dict[str, ClusterStats] = {}
        self._filters: dict[tuple[str, str], FilterStats] = {}
        self._access_logs: dict[str, AccessLogStats] = {}
        self._plugins: dict[str, PluginStats] = {}
        self._tls: dict[tuple[str, str], TlsStats] = {}
        self._certificates: dict[tuple[str, str, str], CertificateStats] = {}

    def listener(self, name: str, proxy_name: str) -> ListenerStats:
        """The statistics of a listener.

        :param name: the listener's name
        :param proxy_name: the ``name`` of its network filter ``proxy``, or an empty string
        """
        key = (name, proxy_name)
        found = self._listeners.get(key)
        if found is None:
            found = self._listeners[key] = ListenerStats(name, proxy_name)
        return found

    def host(self, cluster: str, address: str) -> HostStats:
        """The statistics of one host of a cluster, by its address as configured."""
        key = (cluster, address)
        found = self._hosts.get(key)
        if found is None:
            found = self._hosts[key] = HostStats(cluster, address)
        return found

    def cluster(self, name: str) -> ClusterStats:
        """The statistics of a cluster."""
        found = self._clusters.get(name)
        if found is None:
            found = self._clusters[name] = ClusterStats(name)
        return found

    def filter(self, listener: str, filter_name: str) -> FilterStats:
        """The statistics of a stream filter, by the display name that is unique in its listener."""
        key = (listener, filter_name)
        found = self._filters.get(key)
        if found is None:
            found = self._filters[key] = FilterStats(listener, filter_name)
        return found

    def access_log(self, path: str) -> AccessLogStats:
        """The statistics of an access log, by its path."""
        found = self._access_logs.get(path)
        if found is None:
            found = self._access_logs[path] = AccessLogStats(path)
        return found

    def tls(self, owner: str, name: str) -> TlsStats:
        """The TLS statistics of a listener or cluster.

        :param owner: ``listener`` or ``cluster``
        """
        key = (owner, name)
        found = self._tls.get(key)
        if found is None:
            found = self._tls[key] = TlsStats(owner, name)
        return found

    def publish_certificates(self, certificates: list[CertificateStats]) -> None:
        """Show these, all that the configuration in force has, and no others. Of several that are called the same, the first to expire."""
        shown: dict[tuple[str, str, str], CertificateStats] = {}
        for certificate in certificates:
            key = (certificate.owner, certificate.name, certificate.context)
            present = shown.get(key)
            if present is None or certificate.not_after < present.not_after:
                shown[key] = certificate
        self._certificates = shown

    def plugin(self, name: str) -> PluginStats:
        """The statistics of a plugin that runs as a process of its own."""
        found = self._plugins.get(name)
        if found is None:
            found = self._plugins[name] = PluginStats(name)
        return found

    def forget_plugin(self, name: str) -> None:
        """No configuration has that plugin any more."""
        self._plugins.pop(name, None)

    def retain(self, listeners: set[str], clusters: set[str], hosts: set[tuple[str, str]], access_logs: set[str] | None = None) -> None:
        """Forget what a new configuration no longer has, so that the store does not grow from reload to reload.

        Streams that are still under way keep counting on the forgotten objects; nobody sees those counts.

        :param listeners: names of the listeners that remain; filters go with their listener
        :param clusters: names of the clusters that remain
        :param hosts: (cluster, address) of the hosts that remain
        :param access_logs: paths of the access logs that remain; None: all
        """
        self._listeners = {key: value for key, value in self._listeners.items() if key[0] in listeners}
        self._filters = {key: value for key, value in self._filters.items() if key[0] in listeners}
        self._clusters = {key: value for key, value in self._clusters.items() if key in clusters}
        self._hosts = {key: value for key, value in self._hosts.items() if key in hosts}
        self._tls = {key: value for key, value in self._tls.items() if key[1] in (listeners if key[0] == "listener" else clusters)}
        if access_logs is not None:
            self._access_logs = {key: value for key, value in self._access_logs.items() if key in access_logs}

    def snapshot(self) -> list[MetricGroup]:
        """The present values of everything, as data that JSON can carry."""
        groups = [listener.snapshot() for listener in self._listeners.values()]
        groups.extend([cluster.snapshot() for cluster in self._clusters.values()])
        groups.extend([host.snapshot() for host in self._hosts.values()])
        groups.extend([filter_stats.snapshot() for filter_stats in self._filters.values()])
        groups.extend([access_log.snapshot() for access_log in self._access_logs.values()])
        groups.extend([tls.snapshot() for tls in self._tls.values()])
        groups.extend([certificate.snapshot() for certificate in self._certificates.values()])
        for plugin in self._plugins.values():
            groups.extend(plugin.snapshot())
        groups.extend(CUSTOM_METRICS.snapshot())
        return groups
