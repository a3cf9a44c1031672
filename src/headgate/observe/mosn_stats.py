"""Statistics in the shape of MOSN's ``/api/v1/stats``: every value is a string, a histogram is its ``_min`` and ``_max``."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.observe.metric_group import MetricGroup


def namespace(labels: dict[str, str]) -> str:
    """The name of a group within its type: ``label.value``, joined by dots, labels sorted; ``server`` if it has none."""
    return ".".join(f"{name}.{labels[name]}" for name in sorted(labels)) or "server"


def mosn_values(group: MetricGroup) -> dict[str, str]:
    """The values of one group by key."""
    values = {key: str(value) for key, value in group["counters"].items()}
    values.update((key, str(value)) for key, value in group["gauges"].items())
    for key, histogram in group["histograms"].items():
        values[f"{key}_min"] = str(int(histogram["min"]))
        values[f"{key}_max"] = str(int(histogram["max"]))
    return dict(sorted(values.items()))


def mosn_stats(groups: Iterable[MetricGroup]) -> dict[str, dict[str, dict[str, str]]]:
    """All groups: type -> namespace -> key -> value."""
    result: dict[str, dict[str, dict[str, str]]] = {}
    for group in groups:
        result.setdefault(group["type"], {})[namespace(group["labels"])] = mosn_values(group)
    return result


def find_group(groups: Iterable[MetricGroup], name: str) -> MetricGroup | None:
    """The group of a full name such as ``downstream.listener.main``, or None."""
    for group in groups:
        if f"{group['type']}.{namespace(group['labels'])}" == name:
            return group
    return None
