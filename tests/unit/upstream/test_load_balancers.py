"""What all load balancers keep to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.api import Stream
from headgate.upstream.balancers.least_request import LeastRequest
from headgate.upstream.balancers.random_pick import RandomPick
from headgate.upstream.balancers.round_robin import RoundRobin
from headgate.upstream.balancers.weighted_round_robin import WeightedRoundRobin
from headgate.upstream.load_balancer import LoadBalancer

if TYPE_CHECKING:
    from tests.unit.upstream.conftest import MakeBalancer, MakeHosts

ALL: list[type[LoadBalancer]] = [RandomPick, RoundRobin, WeightedRoundRobin, LeastRequest]
every = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)


@every
def test_no_hosts(kind: type[LoadBalancer], make_balancer: MakeBalancer, stream: Stream) -> None:
    assert make_balancer(kind, []).choose(stream, []) is None


@every
@pytest.mark.parametrize("weights", [(1,), (1, 1, 1), (5, 1, 2)])
def test_all_unhealthy(
    kind: type[LoadBalancer], weights: tuple[int, ...], make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream
) -> None:
    hosts = make_hosts(*weights)
    balancer = make_balancer(kind, hosts)
    for host in hosts:
        host.healthy = False
    assert balancer.choose(stream, []) is None
    assert balancer.choose(stream, hosts[:1]) is None
    hosts[-1].healthy = True
    assert balancer.choose(stream, []) is hosts[-1]


@every
@given(
    weights=st.lists(st.integers(1, 128), min_size=1, max_size=6),
    unhealthy=st.sets(st.integers(0, 5)),
    tried=st.lists(st.integers(0, 5), max_size=4),
    active=st.lists(st.integers(0, 20), min_size=6, max_size=6),
    seed=st.integers(0, 1000),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_only_usable_hosts(
    kind: type[LoadBalancer],
    weights: list[int],
    unhealthy: set[int],
    tried: list[int],
    active: list[int],
    seed: int,
    make_balancer: MakeBalancer,
    make_hosts: MakeHosts,
    stream: Stream,
) -> None:
    hosts = make_hosts(*weights)
    balancer = make_balancer(kind, hosts, seed)
    for i, host in enumerate(hosts):
        host.healthy = i not in unhealthy
        host.active_requests = active[i]
    avoided = [hosts[i] for i in tried if i < len(hosts)]
    healthy = [host for host in hosts if host.healthy]
    preferred = [host for host in healthy if host not in avoided]
    for _ in range(10):
        chosen = balancer.choose(stream, avoided)
        assert chosen in (preferred or healthy) if healthy else chosen is None


@every
def test_hosts_of_another_cluster_among_those_tried(
    kind: type[LoadBalancer], make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream
) -> None:
    hosts = make_hosts(1, 1)
    assert make_balancer(kind, hosts).choose(stream, make_hosts(1, 1)) in hosts


@every
def test_workers_begin_at_different_places(
    kind: type[LoadBalancer], make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream
) -> None:
    first = Counter(
        chosen.address for seed in range(200) if (chosen := make_balancer(kind, make_hosts(1, 1, 1, 1), seed).choose(stream, []))
    )
    assert len(first) == 4 and min(first.values()) > 20  # 50 expected, five standard deviations are 31


@every
def test_equal_hosts_get_equal_shares(kind: type[LoadBalancer], make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    balancer = make_balancer(kind, make_hosts(7, 7, 7, 7))
    counts = Counter(chosen.address for _ in range(4000) if (chosen := balancer.choose(stream, [])))
    assert counts.total() == 4000
    assert all(850 < count < 1150 for count in counts.values())  # 1000 expected; drawing: five standard deviations are 137
