"""Adding up the statistics of several workers.

Counters and gauges are summed, histograms merged bucket by bucket. What a worker had counted when it died goes on counting: its
last snapshot is added to a base, so that no counter of the whole proxy ever falls because a process was replaced. Its gauges are
dropped with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from headgate.observe.metric_group import HistogramSnapshot, MetricGroup, metric_group

LEAST: Final = frozenset({"days_to_expiry"})
"""Gauges of which the least counts, not the sum."""

GLOBAL_PROXY: Final = "global"
"""Name under which MOSN shows the sum over all listeners: ``downstream.proxy.global``."""


def group_key(group: MetricGroup) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What makes two groups the same thing in different workers: type and labels."""
    return group["type"], tuple(sorted(group["labels"].items()))


def sum_groups(snapshots: Iterable[Iterable[MetricGroup]]) -> list[MetricGroup]:
    """Add up the groups of several workers. The arguments are not changed.

    :returns: one group for each type and labels, in the order of first appearance
    """
    total: dict[tuple[str, tuple[tuple[str, str], ...]], MetricGroup] = {}
    for groups in snapshots:
        for group in groups:
            key = group_key(group)
            if key not in total:
                total[key] = metric_group(group["type"], dict(group["labels"]))
            add_group(total[key], group)
    return list(total.values())


def add_group(total: MetricGroup, group: MetricGroup) -> None:
    """Add the values of ``group`` to ``total``; labels are not compared."""
    for key, value in group["counters"].items():
        total["counters"][key] = total["counters"].get(key, 0) + value
    for key, value in group["gauges"].items():
        present_value = total["gauges"].get(key)
        if present_value is None:
            total["gauges"][key] = value
        else:
            total["gauges"][key] = min(present_value, value) if key in LEAST else present_value + value
    for key, histogram in group["histograms"].items():
        present = total["histograms"].get(key)
        total["histograms"][key] = _copied(histogram) if present is None else merged(present, histogram)


def merged(first: HistogramSnapshot, second: HistogramSnapshot) -> HistogramSnapshot:
    """The sum of two histograms.

    Histograms of other bounds (a worker of another version during an upgrade) cannot be added: the second is then left out.
    """
    if second["bounds"] != first["bounds"] or not any(second["counts"]):
        return _copied(first)
    if not any(first["counts"]):
        return _copied(second)
    return {
        "bounds": list(first["bounds"]),
        "counts": [a + b for a, b in zip(first["counts"], second["counts"], strict=True)],
        "sum": first["sum"] + second["sum"],
        "min": min(first["min"], second["min"]),
        "max": max(first["max"], second["max"]),
    }


def _copied(histogram: HistogramSnapshot) -> HistogramSnapshot:
    return {
        "bounds": list(histogram["bounds"]),
        "counts": list(histogram["counts"]),
        "sum": histogram["sum"],
        "min": histogram["min"],
        "max": histogram["max"],
    }


class StatsAggregate:
    """The statistics of all workers, dead and alive. Workers are told apart by any hashable key, best slot and process id."""

    def __init__(self) -> None:
        self._latest: dict[Hashable, list[MetricGroup]] = {}
        self._base: list[MetricGroup] = []

    def update(self, worker: Hashable, groups: list[MetricGroup]) -> None:
        """Take a worker's present statistics in place of its earlier ones."""
        self._latest[worker] = groups

    def worker_died(self, worker: Hashable) -> None:
        """Keep what a worker had counted by its last snapshot, without its gauges. Unknown workers are ignored."""
        groups = self._latest.pop(worker, None)
        if groups is not None:
            self._base = sum_groups([self._base, [_without_gauges(group) for group in groups]])

    def retain(self, listeners: set[str], clusters: set[str], plugins: set[str]) -> None:
        """After a reload: forget what dead workers had counted for listeners, clusters and plugins that no longer exist."""
        self._base = [group for group in self._base if _remains(group["labels"], listeners, clusters, plugins)]

    def total(self) -> list[MetricGroup]:
        """The sum over all workers, dead and alive."""
        return sum_groups([*self._latest.values(), self._base])


def _without_gauges(group: MetricGroup) -> MetricGroup:
    return {
        "type": group["type"],
        "labels": group["labels"],
        "counters": group["counters"],
        "gauges": {},
        "histograms": group["histograms"],
    }


def _remains(labels: dict[str, str], listeners: set[str], clusters: set[str], plugins: set[str]) -> bool:
    kept = {"listener": listeners, "cluster": clusters, "plugin": plugins}
    return all(not labels.get(label) or labels[label] in names for label, names in kept.items())


def with_totals(groups: Iterable[MetricGroup]) -> list[MetricGroup]:
    """Groups as MOSN shows them: one for each listener, each proxy and the whole, one for each cluster (its hosts included) and host.

    Only for display: a listener's values then appear in three groups, so these must not be summed again.
    """
    shown: list[MetricGroup] = []
    for group in groups:
        labels = group["labels"]
        if group["type"] == "downstream" and "listener" in labels:
            views = [{"listener": labels["listener"]}, {"proxy": GLOBAL_PROXY}]
            if labels.get("proxy", "") not in ("", GLOBAL_PROXY):
                views.append({"proxy": labels["proxy"]})
        elif group["type"] == "upstream" and "host" in labels:
            views = [labels, {"cluster": labels["cluster"]}]
        else:
            views = [labels]
        shown.extend({**group, "labels": view} for view in views)
    return sum_groups([shown])
