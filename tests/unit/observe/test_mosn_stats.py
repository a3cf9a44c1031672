"""MOSN's shape of statistics: strings, sorted labels, histograms as least and greatest."""

from headgate.observe.mosn_stats import find_group, mosn_stats, mosn_values, namespace
from headgate.observe.stats import ServerStats, StatsStore


def test_labels_are_sorted_and_joined() -> None:
    assert namespace({"host": "127.0.0.1:80", "cluster": "c"}) == "cluster.c.host.127.0.0.1:80"
    assert namespace({"listener": "in"}) == "listener.in"
    assert namespace({}) == "server"


def test_values_are_strings_and_histograms_are_min_and_max() -> None:
    host = StatsStore().host("c", "h")
    host.request_total = 3
    host.request_active = 1
    host.request_duration_time.observe(2.9)
    host.request_duration_time.observe(40.0)
    values = mosn_values(host.snapshot())
    assert values["request_total"] == "3"
    assert values["request_active"] == "1"
    assert values["request_duration_time_min"] == "2"
    assert values["request_duration_time_max"] == "40"
    assert "request_duration_time" not in values
    assert all(isinstance(value, str) for value in values.values())


def test_groups_stand_by_type_and_namespace() -> None:
    store = StatsStore()
    store.host("c", "h")
    store.cluster("c")
    shape = mosn_stats([*store.snapshot(), ServerStats().snapshot()])
    assert set(shape) == {"upstream", "server"}
    assert set(shape["upstream"]) == {"cluster.c", "cluster.c.host.h"}
    assert shape["server"]["server"]["workers"] == "0"


def test_a_group_is_found_by_its_full_name() -> None:
    groups = StatsStore()
    groups.host("c", "h")
    assert find_group(groups.snapshot(), "upstream.cluster.c.host.h") is not None
    assert find_group(groups.snapshot(), "upstream.cluster.c") is None
