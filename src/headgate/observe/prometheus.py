"""Statistics in the text format of Prometheus, through prometheus_client.

A metric's name is ``<type>_<key>``, MOSN's key unchanged, so that dashboards made for MOSN work. The client library insists that a
counter's name ends in ``_total``; those of MOSN's counters that do not (``upstream_request_timeout``) are therefore declared
``untyped``. Prometheus computes rates of them all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from headgate.observe.metric_catalog import HELP
from headgate.observe.metric_group import HistogramSnapshot, MetricGroup

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_]")


class GroupCollector(Collector):
    """Presents groups to a prometheus_client registry."""

    def __init__(self, groups: Iterable[MetricGroup]) -> None:
        self._groups = groups

    def collect(self) -> Iterator[Metric]:
        """One family for each metric, with a sample (or a histogram's samples) for each group that has it."""
        families: dict[str, Metric] = {}
        for group in self._groups:
            for key, value in group["counters"].items():
                name = _name(group["type"], key)
                kind = "counter" if name.endswith("_total") else "unknown"
                _family(families, name, kind, group["type"], key).add_sample(name, _labels(group), value)
            for key, value in group["gauges"].items():
                name = _name(group["type"], key)
                _family(families, name, "gauge", group["type"], key).add_sample(name, _labels(group), value)
            for key, histogram in group["histograms"].items():
                name = _name(group["type"], key)
                _add_histogram(_family(families, name, "histogram", group["type"], key), name, _labels(group), histogram)
        yield from families.values()


def prometheus_text(groups: Iterable[MetricGroup]) -> bytes:
    """All groups in the text exposition format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(GroupCollector(groups))
    return generate_latest(registry)


def _name(type: str, key: str) -> str:
    return _FOREIGN.sub("_", f"{type}_{key}")


def _labels(group: MetricGroup) -> dict[str, str]:
    return {_FOREIGN.sub("_", name): value for name, value in group["labels"].items()}


def _family(families: dict[str, Metric], name: str, kind: str, type: str, key: str) -> Metric:
    family = families.get(name)
    if family is None:
        # The library appends _total to the name of a counter's family by itself.
        family_name = name.removesuffix("_total") if kind == "counter" else name
        family = families[name] = Metric(family_name, HELP.get((type, key), f"{type} {key}"), kind)
    return family


def _add_histogram(family: Metric, name: str, labels: dict[str, str], histogram: HistogramSnapshot) -> None:
    below = 0
    bounds = [*[repr(float(bound)) for bound in histogram["bounds"]], "+Inf"]
    for bound, count in zip(bounds, histogram["counts"], strict=True):
        below += count
        family.add_sample(f"{name}_bucket", {**labels, "le": bound}, below)
    family.add_sample(f"{name}_sum", labels, histogram["sum"])
    family.add_sample(f"{name}_count", labels, below)
