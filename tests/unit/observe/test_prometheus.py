"""The Prometheus exposition, read back by prometheus_client's own parser."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from headgate.observe.prometheus import prometheus_text
from headgate.observe.stats import MetricGroup, ServerStats, StatsStore, metric_group


def _parsed(groups: list[MetricGroup]) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(prometheus_text(groups).decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    return samples


def _everything() -> list[MetricGroup]:
    store = StatsStore()
    listener = store.listener("in", "edge")
    listener.request_total = 5
    listener.request_time.observe(0.1)
    listener.request_time.observe(70000.0)
    store.cluster("c")
    store.host("c", "h").request_timeout = 2
    store.filter("in", "auth").calls = 9
    store.access_log("/x")
    return [*store.snapshot(), ServerStats().snapshot()]


def test_names_are_mosns_behind_the_type() -> None:
    samples = _parsed(_everything())
    assert samples["downstream_request_total"][0].value == 5
    assert samples["downstream_request_total"][0].labels == {"proxy": "edge", "listener": "in"}
    assert samples["upstream_request_timeout"][0].value == 2
    assert samples["upstream_request_timeout"][0].labels == {"cluster": "c", "host": "h"}
    assert samples["filter_calls_total"][0].labels == {"listener": "in", "filter": "auth"}
    assert samples["server_workers"][0].labels == {}


def test_histograms_are_cumulative() -> None:
    samples = _parsed(_everything())
    buckets = {sample.labels["le"]: sample.value for sample in samples["downstream_request_time_bucket"]}
    assert buckets["0.25"] == 1
    assert buckets["60000.0"] == 1
    assert buckets["+Inf"] == 2
    assert samples["downstream_request_time_count"][0].value == 2
    assert samples["downstream_request_time_sum"][0].value == 70000.1


def test_every_name_has_help_and_type_exactly_once() -> None:
    lines = prometheus_text(_everything()).decode().splitlines()
    for word in ("# HELP ", "# TYPE "):
        names = [line.split()[2] for line in lines if line.startswith(word)]
        assert len(names) == len(set(names))
    typed = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE ")}
    assert typed["downstream_request_total"] == "counter"
    assert typed["upstream_request_timeout"] == "untyped"
    assert typed["upstream_connection_active"] == "gauge"
    assert typed["filter_time"] == "histogram"
    samples = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    bases = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in samples}
    assert bases == set(typed)


def test_each_event_stands_in_one_series_only() -> None:
    store = StatsStore()
    store.host("c", "h1").request_retry = 2
    store.host("c", "h2").request_retry = 3
    store.cluster("c").request_retry = 1
    assert sum(sample.value for sample in _parsed(store.snapshot())["upstream_request_retry"]) == 6


def test_label_values_cannot_break_the_format() -> None:
    store = StatsStore()
    store.listener('a"} 1\nevil_total 7', "back\\slash").request_total = 1
    samples = _parsed(store.snapshot())
    assert "evil_total" not in samples
    assert samples["downstream_request_total"][0].labels == {"listener": 'a"} 1\nevil_total 7', "proxy": "back\\slash"}


def test_foreign_characters_in_names_become_underscores() -> None:
    group = metric_group("my.type", {"a-b": "v"})
    group["counters"]["some-key_total"] = 1
    samples = _parsed([group])
    assert samples["my_type_some_key_total"][0].labels == {"a_b": "v"}


def test_no_groups_give_an_empty_exposition() -> None:
    assert prometheus_text([]) == b""
