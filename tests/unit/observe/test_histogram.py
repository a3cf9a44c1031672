"""Histograms: buckets, extremes, snapshots that stand alone."""

import json
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.observe.stats import MICROSECOND_BOUNDS, MILLISECOND_BOUNDS, Histogram


def test_empty_histogram_is_all_zero() -> None:
    snapshot = Histogram([1.0, 2.0]).snapshot()
    assert snapshot == {"bounds": [1.0, 2.0], "counts": [0, 0, 0], "sum": 0.0, "min": 0.0, "max": 0.0}


def test_upper_bounds_are_inclusive_and_the_last_bucket_is_open() -> None:
    histogram = Histogram([1.0, 2.0])
    for value in (0.5, 1.0, 1.5, 2.0, 99.0):
        histogram.observe(value)
    assert histogram.snapshot()["counts"] == [2, 2, 1]


def test_the_first_value_is_both_least_and_greatest() -> None:
    histogram = Histogram([1.0])
    histogram.observe(7.0)
    assert (histogram.snapshot()["min"], histogram.snapshot()["max"]) == (7.0, 7.0)


def test_snapshot_does_not_change_with_later_observations() -> None:
    histogram = Histogram([1.0])
    histogram.observe(0.5)
    before = histogram.snapshot()
    histogram.observe(5.0)
    assert before["counts"] == [1, 0]


@given(st.lists(st.floats(min_value=0, max_value=1e9, allow_nan=False), max_size=50))
def test_every_value_is_counted_once(values: list[float]) -> None:
    histogram = Histogram(MILLISECOND_BOUNDS)
    for value in values:
        histogram.observe(value)
    snapshot = histogram.snapshot()
    assert sum(snapshot["counts"]) == len(values)
    assert snapshot["min"] == min(values, default=0.0)
    assert snapshot["max"] == max(values, default=0.0)
    assert json.loads(json.dumps(snapshot)) == snapshot


@given(st.lists(st.floats(min_value=0, max_value=1e5, allow_nan=False), max_size=400), st.sets(st.integers(0, 400)))
def test_values_counted_together_fall_where_each_alone_would(values: list[float], looks: set[int]) -> None:
    histogram = Histogram(MILLISECOND_BOUNDS)
    counts = [0] * (len(MILLISECOND_BOUNDS) + 1)
    for i, value in enumerate(values):
        histogram.observe(value)
        counts[bisect_left(MILLISECOND_BOUNDS, value)] += 1
        if i in looks:
            assert histogram.counts == counts
    assert histogram.counts == counts
    assert histogram.sum == pytest.approx(sum(values))
    assert (histogram.snapshot()["min"], histogram.snapshot()["max"]) == (min(values, default=0.0), max(values, default=0.0))


def test_bounds_rise() -> None:
    for bounds in (MILLISECOND_BOUNDS, MICROSECOND_BOUNDS):
        assert bounds == sorted(set(bounds))


def test_a_first_value_of_zero_is_the_greatest_so_far() -> None:
    histogram = Histogram([1.0])
    histogram.observe(0.0)
    histogram.observe(0.5)
    assert (histogram.snapshot()["min"], histogram.snapshot()["max"]) == (0.0, 0.5)
