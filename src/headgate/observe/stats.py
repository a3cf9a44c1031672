"""Statistics of a worker: counters as attributes of small classes, kept in one :class:`StatsStore`.

Counting is ``stats.request_total += 1``: one native attribute store when compiled. Nothing here takes a lock; a worker is one thread.
"""

from headgate.observe.access_log_stats import AccessLogStats
from headgate.observe.filter_stats import FilterStats
from headgate.observe.histogram import MICROSECOND_BOUNDS, MILLISECOND_BOUNDS, Histogram
from headgate.observe.listener_stats import COUNTED_STATUSES, ListenerStats
from headgate.observe.metric_group import HistogramSnapshot, MetricGroup, metric_group
from headgate.observe.plugin_stats import PluginProcessStats, PluginStats
from headgate.observe.server_stats import ServerStats
from headgate.observe.stats_store import StatsStore
from headgate.observe.upstream_stats import ClusterStats, HostStats

__all__ = [
    "COUNTED_STATUSES",
    "MICROSECOND_BOUNDS",
    "MILLISECOND_BOUNDS",
    "AccessLogStats",
    "ClusterStats",
    "FilterStats",
    "Histogram",
    "HistogramSnapshot",
    "HostStats",
    "ListenerStats",
    "MetricGroup",
    "PluginProcessStats",
    "PluginStats",
    "ServerStats",
    "StatsStore",
    "metric_group",
]
