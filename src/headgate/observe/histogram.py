"""Histograms with fixed buckets: observing a value costs next to nothing, and memory does not grow with what was observed.

Bounds are fixed per unit, so that the histograms of several workers can be added bucket by bucket.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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


_TOGETHER: Final = 128
"""So many values wait before they are counted: sorted, they take one look for each bound, and not a search for each value."""


class Histogram:
    """Counts of observed values per bucket, with their sum, least and greatest.

    Observing notes a value; what was noted is counted when there is enough of it, or when somebody looks.
    """

    def __init__(self, bounds: list[float]) -> None:
        """:param bounds: upper bounds, rising; not copied"""
        self.bounds: list[float] = bounds
        self._noted: list[float] = []
        self._counts: list[int] = [0] * (len(bounds) + 1)
        self._sum: float = 0.0
        self._least: float = 0.0
        self._greatest: float = -1.0  # below every value, so that the first one sets both

    def observe(self, value: float) -> None:
        """Count one value, zero or more, in the unit of the bounds."""
        noted = self._noted
        noted.append(value)
        if len(noted) >= _TOGETHER:
            self._count()

    def _count(self) -> None:
        """Count what was noted."""
        noted = self._noted
        if not noted:
            return
        noted.sort()
        if self._greatest < 0.0 or noted[0] < self._least:
            self._least = noted[0]
        if noted[-1] > self._greatest:
            self._greatest = noted[-1]
        self._sum += sum(noted)
        counts = self._counts
        size = len(noted)
        at = bisect_left(self.bounds, noted[0])
        done = 0
        while done < size and at < len(self.bounds):
            upto = bisect_right(noted, self.bounds[at], done)
            counts[at] += upto - done
            done = upto
            at += 1
        counts[at] += size - done
        noted.clear()

    @property
    def counts(self) -> list[int]:
        """Per bucket; one entry more than there are bounds."""
        self._count()
        return self._counts

    @property
    def sum(self) -> float:
        """Of all observed values, in the unit of the bounds."""
        self._count()
        return self._sum

    def snapshot(self) -> HistogramSnapshot:
        """The present values, independent of further observations."""
        self._count()
        return {
            "bounds": self.bounds,
            "counts": self._counts.copy(),
            "sum": self._sum,
            "min": self._least,
            "max": self._greatest if self._greatest > 0.0 else 0.0,
        }
