"""The store: one object per thing, kept across reloads, forgotten when the configuration has dropped it; keys as catalogued."""

import json
from time import time

import pytest

from headgate.observe.custom_metrics import COUNTER, CUSTOM_METRICS
from headgate.observe.metric_catalog import LABELS, METRICS
from headgate.observe.stats import COUNTED_STATUSES, MetricGroup, PluginProcessStats, ServerStats, StatsStore
from headgate.observe.tls_stats import CertificateStats


@pytest.fixture(autouse=True)
def _own_custom_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's collection may hold what other tests' extensions have counted."""
    monkeypatch.setattr(CUSTOM_METRICS, "_metrics", {})


def _full_store() -> StatsStore:
    store = StatsStore()
    store.listener("in", "edge")
    store.cluster("backend")
    store.host("backend", "127.0.0.1:8080")
    store.filter("in", "auth")
    store.access_log("/var/log/access.log")
    store.plugin("checker")
    CUSTOM_METRICS.define("wasm", "vm_restarts_total", COUNTER)
    store.tls("listener", "in")
    store.tls("cluster", "backend")
    store.publish_certificates([CertificateStats("listener", "in", "example.org", 1e9)])
    return store


def test_the_same_name_gives_the_same_object() -> None:
    store = StatsStore()
    assert store.listener("a", "p") is store.listener("a", "p")
    assert store.listener("a", "p") is not store.listener("b", "p")
    assert store.host("c", "h") is store.host("c", "h")
    assert store.host("c", "h") is not store.host("d", "h")
    assert store.cluster("c") is store.cluster("c")
    assert store.filter("a", "f") is store.filter("a", "f")
    assert store.access_log("/x") is store.access_log("/x")


def test_status_codes_are_counted_as_in_mosn() -> None:
    listener = StatsStore().listener("a", "")
    for code in (200, 200, 404, 418, 504):
        listener.count_status(code)
    counters = listener.snapshot()["counters"]
    assert counters["request_200_total"] == 2
    assert counters["request_404_total"] == 1
    assert counters["request_504_total"] == 1
    assert counters["request_other_code"] == 1
    assert sum(counters[f"request_{code}_total"] for code in COUNTED_STATUSES) == 4


@pytest.mark.parametrize("kind", ["counter", "gauge", "histogram"])
def test_snapshots_hold_exactly_the_catalogued_keys(kind: str) -> None:
    groups = [*_full_store().snapshot(), ServerStats().snapshot(), *PluginProcessStats("checker").snapshot()]
    found = {(group["type"], key) for group in groups for key in _values(group, kind)}
    assert found == {(metric.type, metric.key) for metric in METRICS if metric.kind == kind}


def _values(group: MetricGroup, kind: str) -> list[str]:
    keys: dict[str, list[str]] = {"counter": [*group["counters"]], "gauge": [*group["gauges"]], "histogram": [*group["histograms"]]}
    return keys[kind]


def test_labels_are_as_catalogued() -> None:
    for group in _full_store().snapshot():
        documented = LABELS[group["type"]].split(", ")
        assert set(group["labels"]) <= set(documented)


def test_snapshot_survives_json() -> None:
    snapshot = _full_store().snapshot()
    assert json.loads(json.dumps(snapshot)) == snapshot


def test_retain_forgets_what_a_configuration_no_longer_has() -> None:
    store = _full_store()
    store.listener("gone", "edge")
    store.filter("gone", "auth")
    store.cluster("gone")
    store.host("backend", "127.0.0.1:1")
    kept = store.listener("in", "edge")
    kept.request_total = 7
    store.retain({"in"}, {"backend"}, {("backend", "127.0.0.1:8080")})
    assert store.listener("in", "edge") is kept
    labels = [group["labels"] for group in store.snapshot()]
    assert not any("gone" in label.values() or "127.0.0.1:1" in label.values() for label in labels)
    assert {"cluster": "backend", "host": "127.0.0.1:8080"} in labels
    assert {"listener": "in", "filter": "auth"} in labels
    assert {"path": "/var/log/access.log"} in labels
    store.retain({"in"}, {"backend"}, set(), access_logs={"/other"})
    assert {"path": "/var/log/access.log"} not in [group["labels"] for group in store.snapshot()]


def test_published_certificates_take_the_place_of_all_before() -> None:
    def days(store: StatsStore) -> dict[str, float]:
        return {
            group["labels"]["context"]: group["gauges"]["days_to_expiry"] for group in store.snapshot() if group["type"] == "certificate"
        }

    store = _full_store()
    now = time()
    twins = [CertificateStats("listener", "in", "twin", now + 86400.0 * (number + 0.5)) for number in (9, 3, 7)]
    store.publish_certificates([*twins, CertificateStats("cluster", "backend", "other", now - 43200.0)])
    assert days(store) == {"twin": 3, "other": -1}
    store.publish_certificates([])
    assert days(store) == {}


def test_values_reach_the_snapshot() -> None:
    store = StatsStore()
    host = store.host("c", "h")
    host.request_total += 3
    host.connection_active += 1
    host.request_duration_time.observe(12.7)
    group = host.snapshot()
    assert group["counters"]["request_total"] == 3
    assert group["counters"]["request_duration_time_total"] == 12
    assert group["gauges"]["connection_active"] == 1
    assert sum(group["histograms"]["request_duration_time"]["counts"]) == 1
