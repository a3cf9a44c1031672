"""All statistics of one worker, by what they belong to. They outlive a configuration, so that a reload resets no counter.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.observe.access_log_stats import AccessLogStats
from headgate.observe.filter_stats import FilterStats
from headgate.observe.listener_stats import ListenerStats
from headgate.observe.metric_group import MetricGroup
from headgate.observe.upstream_stats import ClusterStats, HostStats


class StatsStore:
    """One worker's statistics. The accessors make what does not exist yet; look up once and keep the object, not per request."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str, str], ListenerStats] = {}
        self._hosts: dict[tuple[str, str], HostStats] = {}
        self._clusters: dict[str, ClusterStats] = {}
        self._filters: dict[tuple[str, str], FilterStats] = {}
        self._access_logs: dict[str, AccessLogStats] = {}

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
        if access_logs is not None:
            self._access_logs = {key: value for key, value in self._access_logs.items() if key in access_logs}

    def snapshot(self) -> list[MetricGroup]:
        """The present values of everything, as data that JSON can carry."""
        groups = [listener.snapshot() for listener in self._listeners.values()]
        groups.extend([cluster.snapshot() for cluster in self._clusters.values()])
        groups.extend([host.snapshot() for host in self._hosts.values()])
        groups.extend([filter_stats.snapshot() for filter_stats in self._filters.values()])
        groups.extend([access_log.snapshot() for access_log in self._access_logs.values()])
        return groups
