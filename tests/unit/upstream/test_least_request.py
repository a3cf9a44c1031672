from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from headgate.api import Stream
from headgate.upstream.balancers.least_request import LeastRequest

if TYPE_CHECKING:
    from tests.unit.upstream.conftest import MakeBalancer, MakeHosts


@pytest.mark.parametrize("count", [2, 3])
def test_with_as_many_choices_as_hosts_the_least_busy_is_taken(
    count: int, make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream
) -> None:
    hosts = make_hosts(*[1] * count)
    balancer = make_balancer(LeastRequest, hosts, choice_count=3)
    for i, host in enumerate(hosts):
        host.active_requests = 5 - i
    for _ in range(20):
        assert balancer.choose(stream, []) is hosts[-1]
    assert balancer.choose(stream, [hosts[-1]]) is hosts[-2]


def test_of_two_drawn_the_less_busy_is_taken(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    hosts = make_hosts(*[1] * 10)
    balancer = make_balancer(LeastRequest, hosts)
    hosts[3].active_requests = 1
    counts = Counter(chosen.address for _ in range(5000) if (chosen := balancer.choose(stream, [])))
    assert counts["d"] == 0  # two different hosts are drawn, so the busy one is never alone
    assert len(counts) == 9


def test_more_choices_find_the_idle_host_more_often(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    found = []
    for choice_count in (1, 2, 5):
        hosts = make_hosts(*[1] * 20)
        balancer = make_balancer(LeastRequest, hosts, choice_count=choice_count)
        for host in hosts[1:]:
            host.active_requests = 9
        found.append(sum(balancer.choose(stream, []) is hosts[0] for _ in range(4000)))
    assert 120 < found[0] < 280  # 1 in 20
    assert found[0] < found[1] < found[2]


def test_requests_under_way_level_out(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    hosts = make_hosts(*[1] * 10)
    balancer = make_balancer(LeastRequest, hosts)
    for _ in range(1000):
        chosen = balancer.choose(stream, [])
        assert chosen is not None
        chosen.active_requests += 1
    active = [host.active_requests for host in hosts]
    assert max(active) - min(active) <= 6  # drawing at random alone gives about 40


def test_idle_hosts_get_requests_by_weight(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    balancer = make_balancer(LeastRequest, make_hosts(1, 2, 5))
    counts = Counter(chosen.address for _ in range(800) if (chosen := balancer.choose(stream, [])))
    assert abs(counts["a"] - 100) <= 2 and abs(counts["b"] - 200) <= 2 and abs(counts["c"] - 500) <= 2


def test_busy_hosts_weigh_less(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    hosts = make_hosts(1, 4)
    balancer = make_balancer(LeastRequest, hosts)
    hosts[1].active_requests = 7  # 4 / (7 + 1): half of what the idle light host weighs
    counts = Counter(chosen.address for _ in range(300) if (chosen := balancer.choose(stream, [])))
    assert abs(counts["a"] - 200) <= 2


def test_a_bias_of_nothing_is_a_weighted_round_robin(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    hosts = make_hosts(1, 4)
    balancer = make_balancer(LeastRequest, hosts, active_request_bias=0.0)
    hosts[1].active_requests = 1000
    counts = Counter(chosen.address for _ in range(500) if (chosen := balancer.choose(stream, [])))
    assert abs(counts["a"] - 100) <= 2


def test_a_heavy_host_that_is_down(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    hosts = make_hosts(128, 1, 2)
    balancer = make_balancer(LeastRequest, hosts)
    hosts[0].healthy = False
    for _ in range(50):
        assert balancer.choose(stream, []) in hosts[1:]
