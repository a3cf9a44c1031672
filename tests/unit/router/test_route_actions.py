from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import ConfigError
from headgate.config.models import WeightedClusterConfig
from headgate.router import DIRECT, ROUTE
from headgate.router.filter_config import merge_filter_configs
from headgate.router.retry import DEFAULT_RETRIES
from headgate.router.weighted_clusters import build_weighted_clusters

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeRoute, MakeStream, Rejected


def test_forward(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route({"prefix": "/"}, {"name": "vh"}, name="r", metadata={"a": 1})
    assert route.kind == ROUTE
    assert (route.info.name, route.info.virtual_host, route.info.cluster_name, route.info.metadata) == ("r", "vh", "c", {"a": 1})
    assert route.pick_cluster(make_stream()) == "c"
    assert route.timeout == 60.0
    assert route.retry is None


def test_timeout(make_route: MakeRoute) -> None:
    assert make_route(route={"cluster_name": "c", "timeout": "1500ms"}).timeout == 1.5
    assert make_route(route={"cluster_name": "c", "timeout": "0s"}).timeout == 60.0


def test_cluster_variable(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route(route={"cluster_variable": "request_header_x-cluster"})
    assert route.pick_cluster(make_stream(X_Cluster="blue")) == "blue"
    assert route.pick_cluster(make_stream()) == ""
    stream = make_stream()
    stream.variables["target"] = "green"
    assert make_route(route={"cluster_variable": "target"}).pick_cluster(stream) == "green"


def weighted(**weights: int) -> list[WeightedClusterConfig]:
    return [WeightedClusterConfig.model_validate({"cluster": {"name": name, "weight": weight}}) for name, weight in weights.items()]


class Sequence(random.Random):
    """Yields given numbers instead of random ones."""

    def __init__(self, numbers: list[float]) -> None:
        super().__init__()
        self.numbers = numbers

    def random(self) -> float:
        return self.numbers.pop(0)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=8).filter(any))
def test_each_point_of_the_total_belongs_to_one_cluster(weights: list[int]) -> None:
    names = {f"c{i}": weight for i, weight in enumerate(weights)}
    total = sum(weights)
    draw = build_weighted_clusters(weighted(**names), "path", Sequence([i / total for i in range(total)]))
    counts = Counter(draw.pick() for _ in range(total))
    # i / total * total can fall just below i: one point at each bound may go to the neighbour.
    assert all(abs(counts[name] - weight) <= 1 for name, weight in names.items())
    assert all(counts[name] == 0 for name, weight in names.items() if weight == 0)


def test_weighted_clusters_of_a_route(make_route: MakeRoute, make_stream: MakeStream) -> None:
    targets = [{"cluster": {"name": "a", "weight": 40}}, {"cluster": {"name": "b", "weight": 60}}]
    route = make_route(route={"weighted_clusters": targets})
    assert route.info.cluster_name == ""
    assert route.weighted_clusters is not None
    route.weighted_clusters._source = random.Random(7)
    counts = Counter(route.pick_cluster(make_stream()) for _ in range(10_000))
    assert counts.total() == 10_000 and 3_800 < counts["a"] < 4_200  # 40 %, four standard deviations are 196


def test_no_weight_at_all() -> None:
    with pytest.raises(ConfigError, match="path: no cluster has a weight above 0"):
        build_weighted_clusters(weighted(a=0, b=0), "path")


def test_direct_response(make_route: MakeRoute) -> None:
    route = make_route(direct_response={"status": 500, "body": "интернал"})
    assert route.kind == DIRECT
    assert (route.direct_status, route.direct_body) == (500, "интернал".encode())
    assert (make_route().direct_status, make_route().direct_body) == (0, b"")


def test_retry_policy(make_route: MakeRoute) -> None:
    policy = {"retry_on": True, "retry_timeout": "5s", "num_retries": 2, "status_codes": [502, 503]}
    retry = make_route(route={"cluster_name": "c", "retry_policy": policy}).retry
    assert retry is not None
    assert (retry.retry_on, retry.per_try_timeout, retry.num_retries) == (True, 5.0, 2)
    assert [code for code in (200, 404, 500, 502, 503, 504) if retry.retries_status(code)] == [502, 503]


def test_retry_policy_defaults(make_route: MakeRoute) -> None:
    retry = make_route(route={"cluster_name": "c", "retry_policy": {"retry_on": True}}).retry
    assert retry is not None and retry.num_retries == DEFAULT_RETRIES == 3
    assert [code for code in (200, 404, 499, 500, 503) if retry.retries_status(code)] == [500, 503]
    off = make_route(route={"cluster_name": "c", "retry_policy": {"status_codes": [500]}}).retry
    assert off is not None and not off.retries_status(500)


def test_filter_configs_of_route_over_virtual_host(make_route: MakeRoute) -> None:
    host: dict[str, Any] = {"per_filter_config": {"auth": {"user": "host", "realm": "r", "deep": {"a": 1}}, "gzip": {"level": 1}}}
    route = make_route({"prefix": "/"}, host, per_filter_config={"auth": {"user": "route", "deep": {"b": 2}}, "fault": {}})
    assert route.per_filter_config == {"auth": {"user": "route", "realm": "r", "deep": {"b": 2}}, "gzip": {"level": 1}, "fault": {}}
    assert host["per_filter_config"]["auth"]["user"] == "host"


_CONFIGS = st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.integers()))


@given(_CONFIGS, _CONFIGS)
def test_merge_changes_neither_side(virtual_host: Any, route: Any) -> None:
    before = repr((virtual_host, route))
    merged = merge_filter_configs(virtual_host, route)
    assert repr((virtual_host, route)) == before
    assert set(merged) == set(virtual_host) | set(route)
    for name, config in merged.items():
        assert config == {**virtual_host.get(name, {}), **route.get(name, {})}


def test_each_route_has_its_own_parsed_filter_configs(make_route: MakeRoute) -> None:
    assert make_route().filter_configs is not make_route().filter_configs


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"route": None}, "routers[0]: a route has exactly one of 'route', 'redirect' and 'direct_response' (given: none)"),
        ({"route": {"cluster_name": "c"}, "direct_response": {"status": 200}}, "(given: route and direct_response)"),
        ({"route": {}}, "routers[0].route: a route leads to exactly one of 'cluster_name', 'cluster_variable' and 'weighted_clusters'"),
        ({"route": {"cluster_name": "c", "cluster_variable": "v"}}, "(given: cluster_name and cluster_variable)"),
        ({"route": {"weighted_clusters": [{"cluster": {"name": "a", "weight": 0}}]}}, "route.weighted_clusters: no cluster has a weight"),
        ({"route": {"cluster_name": "c", "retry_policy": {"status_codes": [99]}}}, "retry_policy.status_codes[0]: not a status code: 99"),
        ({"direct_response": {"status": 100}}, "direct_response.status: not the status of a response: 100"),
        ({"direct_response": {"status": 204, "body": "x"}}, "direct_response.body: a response with status 204 has no body"),
    ],
)
def test_errors(keys: dict[str, Any], message: str, make_route: MakeRoute, rejected: Rejected) -> None:
    (line,) = rejected(make_route, **keys)
    assert message in line
