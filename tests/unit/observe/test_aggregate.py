"""Several workers added up, dead ones included."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from headgate.observe.aggregate import StatsAggregate, merged, sum_groups, with_totals
from headgate.observe.mosn_stats import find_group, mosn_stats
from headgate.observe.stats import Histogram, HistogramSnapshot, MetricGroup, StatsStore


def _worker(requests: int, active: int, times: list[float]) -> list[MetricGroup]:
    store = StatsStore()
    listener = store.listener("in", "edge")
    listener.request_total = requests
    listener.request_active = active
    for value in times:
        listener.request_time.observe(value)
    return store.snapshot()


def _histogram(values: list[float]) -> HistogramSnapshot:
    histogram = Histogram([1.0, 10.0])
    for value in values:
        histogram.observe(value)
    return histogram.snapshot()


def test_counters_gauges_and_histograms_are_summed() -> None:
    (total,) = sum_groups([_worker(3, 1, [4.0]), _worker(5, 2, [2.0, 9.0])])
    assert total["labels"] == {"proxy": "edge", "listener": "in"}
    assert total["counters"]["request_total"] == 8
    assert total["gauges"]["request_active"] == 3
    histogram = total["histograms"]["request_time"]
    assert (sum(histogram["counts"]), histogram["sum"], histogram["min"], histogram["max"]) == (3, 15.0, 2.0, 9.0)


def test_summing_changes_no_argument() -> None:
    first, second = _worker(1, 1, [1.0]), _worker(2, 2, [2.0])
    before = copy.deepcopy([first, second])
    sum_groups([first, second])
    assert [first, second] == before


def test_different_labels_stay_apart() -> None:
    store = StatsStore()
    store.host("c", "a").request_total = 1
    store.host("c", "b").request_total = 2
    assert [group["counters"]["request_total"] for group in sum_groups([store.snapshot()])] == [1, 2]


def test_histograms_of_other_bounds_are_left_out() -> None:
    other: HistogramSnapshot = {"bounds": [5.0], "counts": [1, 1], "sum": 7.0, "min": 1.0, "max": 6.0}
    assert merged(_histogram([3.0]), other) == _histogram([3.0])


@given(st.lists(st.floats(0, 100)), st.lists(st.floats(0, 100)))
def test_merging_is_as_observing_all_in_one(first: list[float], second: list[float]) -> None:
    total, expected = merged(_histogram(first), _histogram(second)), _histogram(first + second)
    assert total["counts"] == expected["counts"]
    assert (total["min"], total["max"]) == (expected["min"], expected["max"])


def test_a_dead_worker_keeps_counting_but_has_nothing_active() -> None:
    aggregate = StatsAggregate()
    aggregate.update(("slot 0", 100), _worker(10, 4, [1.0]))
    aggregate.update(("slot 1", 101), _worker(1, 1, []))
    aggregate.worker_died(("slot 0", 100))
    aggregate.update(("slot 0", 102), _worker(2, 0, [3.0]))
    (total,) = aggregate.total()
    assert total["counters"]["request_total"] == 13
    assert total["gauges"]["request_active"] == 1
    assert sum(total["histograms"]["request_time"]["counts"]) == 2


def test_two_deaths_are_both_kept_and_an_unknown_worker_is_ignored() -> None:
    aggregate = StatsAggregate()
    for worker in range(3):
        aggregate.update(worker, _worker(1, 0, []))
        aggregate.worker_died(worker)
    aggregate.worker_died("never seen")
    (total,) = aggregate.total()
    assert total["counters"]["request_total"] == 3


def test_an_update_replaces_the_earlier_one() -> None:
    aggregate = StatsAggregate()
    aggregate.update(0, _worker(1, 0, []))
    aggregate.update(0, _worker(2, 0, []))
    assert aggregate.total()[0]["counters"]["request_total"] == 2


def test_retain_forgets_dead_workers_counts_of_dropped_things() -> None:
    store = StatsStore()
    store.listener("in", "")
    store.filter("in", "auth")
    store.filter("out", "auth")
    store.cluster("gone")
    store.host("kept", "h")
    store.plugin("checker").calls = 1
    store.plugin("former").calls = 1
    aggregate = StatsAggregate()
    aggregate.update(0, store.snapshot())
    aggregate.worker_died(0)
    aggregate.retain({"in"}, {"kept"}, {"checker"})
    labels = [group["labels"] for group in aggregate.total() if group["type"] != "plugin"]
    expected = [{"proxy": "", "listener": "in"}, {"cluster": "kept", "host": "h"}, {"listener": "in", "filter": "auth"}]
    assert labels == expected
    assert {group["labels"]["plugin"] for group in aggregate.total() if group["type"] == "plugin"} == {"checker"}


def _two_listeners() -> list[MetricGroup]:
    store = StatsStore()
    store.listener("a", "edge").request_total = 1
    store.listener("b", "edge").request_total = 2
    store.listener("c", "").request_total = 4
    return store.snapshot()


def test_totals_have_mosns_views_of_downstream() -> None:
    groups = with_totals(_two_listeners())
    values = {name: group["request_total"] for name, group in mosn_stats(groups)["downstream"].items()}
    assert values == {"listener.a": "1", "listener.b": "2", "listener.c": "4", "proxy.edge": "3", "proxy.global": "7"}


def test_totals_of_a_cluster_are_its_own_and_those_of_its_hosts() -> None:
    store = StatsStore()
    store.cluster("c").request_retry_overflow = 1
    store.cluster("c").lb_no_host = 5
    store.host("c", "h1").request_retry_overflow = 2
    store.host("c", "h2").request_retry_overflow = 4
    groups = with_totals(store.snapshot())
    cluster = find_group(groups, "upstream.cluster.c")
    assert cluster is not None
    assert cluster["counters"]["request_retry_overflow"] == 7
    assert cluster["counters"]["lb_no_host_total"] == 5
    host = find_group(groups, "upstream.cluster.c.host.h2")
    assert host is not None
    assert host["counters"]["request_retry_overflow"] == 4


def test_totals_change_no_argument() -> None:
    groups = _two_listeners()
    before = copy.deepcopy(groups)
    with_totals(groups)
    assert groups == before
