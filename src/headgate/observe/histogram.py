"""Histograms with fixed buckets: observing a value allocates nothing.

Bounds are fixed per unit, so that the histograms of several workers can be added bucket by bucket.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from headgate.observe.metric_group import HistogramSnapshot

MILLISECOND_BOUNDS: Final[list[float]] = [
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 30000.0, 60000.0,
]  # fmt: skip
"""Upper bounds in milliseconds, for the times of requests."""

MICROSECOND_BOUNDS: Final[list[float]] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0, 20000.0, 100000.0, 1000000.0,
]  # fmt: skip
"""Upper bounds in microseconds, for the times of filters."""


class Histogram:
    """Counts of observed values per bucket, with their sum, least and greatest.

    :ivar counts: per bucket; one entry more than there are bounds
    :ivar sum: of all observed values, in the unit of the bounds
    :ivar least: the least observed value; 0.0 while there is none
    :ivar greatest: the greatest observed value; below zero while there is none
    """

    def __init__(self, bounds: list[float]) -> None:
        """:param bounds: upper bounds, rising; not copied"""
        self.bounds: list[float] = bounds
        self.counts: list[int] = [0] * (len(bounds) + 1)
        self.sum: float = 0.0
        self.least: float = 0.0
        self.greatest: float = -1.0  # below every value, so that the first one sets both

    def observe(self, value: float) -> None:
        """Count one value, zero or more, in the unit of the bounds."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
        if not self.least <= value <= self.greatest:
            self._extend(value)

    def _extend(self, value: float) -> None:
        if self.greatest < 0.0:
            self.least = value
            self.greatest = value
        elif value > self.greatest:
            self.greatest = value
        elif value < self.least:
            self.least = value

    def snapshot(self) -> HistogramSnapshot:
        """The present values, independent of further observations."""
        return {
            "bounds": self.bounds,
            "counts": self.counts.copy(),
            "sum": self.sum,
            "min": self.least,
            "max": self.greatest if self.greatest > 0.0 else 0.0,
        }
