"""Metrics that extensions in other languages define while they run: counters, gauges and histograms under names of their own.

One collection for each process, as several filters may count on one metric; what it holds leaves the worker with the statistics of
:class:`~headgate.observe.stats_store.StatsStore`.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from headgate.observe.metric_group import HistogramSnapshot, MetricGroup, metric_group

MAX_METRICS: Final = 4096
"""Metrics in one process; a guest that defines more is refused."""

_BOUNDS: Final = (0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 30000.0, 60000.0)
"""Envoy's buckets."""

COUNTER: Final = 0
GAUGE: Final = 1
HISTOGRAM: Final = 2


class CustomMetric:
    """One metric.

    :ivar kind: :data:`COUNTER`, :data:`GAUGE` or :data:`HISTOGRAM`
    :ivar value: of a counter or gauge
    """

    def __init__(self, name: str, kind: int) -> None:
        self.name = name
        self.kind = kind
        self.value = 0
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0
        self._least = 0.0
        self._greatest = 0.0

    def observe(self, value: int) -> None:
        """Record a value of a histogram."""
        first = not any(self._counts)
        self._counts[bisect_left(_BOUNDS, value)] += 1
        self._sum += value
        self._least = float(value) if first else min(self._least, value)
        self._greatest = float(value) if first else max(self._greatest, value)

    def histogram(self) -> HistogramSnapshot:
        """The values of a histogram."""
        return {
            "bounds": list(_BOUNDS),
            "counts": list(self._counts),
            "sum": self._sum,
            "min": self._least,
            "max": self._greatest,
        }


class CustomMetrics:
    """All of one process, by group type (``wasmcustom``) and name."""

    def __init__(self) -> None:
        self._metrics: dict[tuple[str, str], CustomMetric] = {}

    def define(self, type: str, name: str, kind: int) -> CustomMetric | None:
        """The metric of that name, made if it is not there yet; None if it is there with another kind, or there are too many."""
        found = self._metrics.get((type, name))
        if found is None:
            if len(self._metrics) >= MAX_METRICS:
                return None
            found = self._metrics[type, name] = CustomMetric(name, kind)
        return found if found.kind == kind else None

    def snapshot(self) -> list[MetricGroup]:
        """One group for each type."""
        groups: dict[str, MetricGroup] = {}
        for (type_, name), metric in self._metrics.items():
            group = groups.get(type_)
            if group is None:
                group = groups[type_] = metric_group(type_, {})
            if metric.kind == COUNTER:
                group["counters"][name] = metric.value
            elif metric.kind == GAUGE:
                group["gauges"][name] = metric.value
            else:
                group["histograms"][name] = metric.histogram()
        return list(groups.values())


CUSTOM_METRICS: Final = CustomMetrics()
"""The process's."""
