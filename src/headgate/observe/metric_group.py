"""The form in which statistics leave a worker: plain data that JSON can carry.

One group holds the values of one thing (a listener, a host, a filter) under its labels, as in MOSN: metric type, labels, values.
Counters only grow, gauges go up and down, histograms are counts per bucket.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import TypedDict


class HistogramSnapshot(TypedDict):
    """The values of one histogram.

    ``bounds`` are the upper bounds of the buckets (inclusive); ``counts`` has one entry more, the last for what exceeds all bounds.
    ``counts`` are per bucket, not cumulative. ``min`` and ``max`` are 0.0 while nothing was observed.
    """

    bounds: list[float]
    counts: list[int]
    sum: float
    min: float
    max: float


class MetricGroup(TypedDict):
    """The values of one thing: its ``type`` (``downstream``, ``upstream``, ``filter``, ...), its ``labels`` and its values by key."""

    type: str
    labels: dict[str, str]
    counters: dict[str, int]
    gauges: dict[str, int]
    histograms: dict[str, HistogramSnapshot]


def metric_group(type: str, labels: dict[str, str]) -> MetricGroup:
    """An empty group.

    :param type: the metric type, the first part of the metrics' Prometheus names
    :param labels: label names and values, in the order in which they are shown
    """
    return {"type": type, "labels": labels, "counters": {}, "gauges": {}, "histograms": {}}
