from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise
from math import gcd
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.api import Stream
from headgate.upstream.balancers.random_pick import RandomPick
from headgate.upstream.balancers.round_robin import RoundRobin
from headgate.upstream.balancers.weighted_round_robin import WeightedRoundRobin, cycle_of
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LoadBalancer

if TYPE_CHECKING:
    from tests.unit.upstream.conftest import MakeBalancer, MakeHosts

with_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def choices(balancer: LoadBalancer, stream: Stream, count: int) -> list[str]:
    return [chosen.address for _ in range(count) if (chosen := balancer.choose(stream, []))]


def test_in_turn(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    order = choices(make_balancer(RoundRobin, make_hosts(1, 128, 3)), stream, 7)
    assert "".join(order) in "abcabcabcabc"


def test_one_that_is_down_loses_its_turn(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    hosts = make_hosts(1, 1, 1)
    balancer = make_balancer(RoundRobin, hosts)
    hosts[0].healthy = False
    assert "".join(choices(balancer, stream, 6)) in ("bcbcbc", "cbcbcb")
    hosts[0].healthy = True
    assert Counter(choices(balancer, stream, 6)) == {"a": 2, "b": 2, "c": 2}


def test_a_retry_goes_to_the_next(make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream) -> None:
    balancer = make_balancer(RoundRobin, make_hosts(1, 1, 1))
    tried: list[Host] = []
    for _ in range(3):
        host = balancer.choose(stream, tried)
        assert host is not None and host not in tried
        tried.append(host)
    assert balancer.choose(stream, tried) in tried


@given(st.lists(st.integers(1, 128), min_size=1, max_size=12))
def test_a_cycle_has_exactly_the_weights(weights: list[int]) -> None:
    divisor = gcd(*weights)
    counts = Counter(cycle_of(weights))
    assert counts == {i: weight // divisor for i, weight in enumerate(weights)}


@given(weights=st.lists(st.integers(1, 20), min_size=1, max_size=6), start=st.integers(0, 100), seed=st.integers(0, 100))
@with_fixtures
def test_shares_are_exact_over_every_stretch_of_one_cycle(
    weights: list[int], start: int, seed: int, make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream
) -> None:
    hosts = make_hosts(*weights)
    balancer = make_balancer(WeightedRoundRobin, hosts, seed)
    choices(balancer, stream, start)
    divisor = gcd(*weights)
    counts = Counter(choices(balancer, stream, sum(weights) // divisor))
    assert counts == {host.address: host.weight // divisor for host in hosts}


@given(weights=st.lists(st.integers(1, 20), min_size=2, max_size=6), down=st.integers(0, 5))
@with_fixtures
def test_the_others_keep_their_shares_when_one_is_down(
    weights: list[int], down: int, make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream
) -> None:
    hosts = make_hosts(*weights)
    divisor = gcd(*weights)
    balancer = make_balancer(WeightedRoundRobin, hosts)
    hosts[down % len(hosts)].healthy = False
    left = {host.address: host.weight // divisor for host in hosts if host.healthy}
    assert Counter(choices(balancer, stream, sum(left.values()))) == left


def test_turns_are_spread() -> None:
    assert "".join("abc"[i] for i in cycle_of([5, 1, 1])) == "abaaaca"
    # A hundred light hosts and a heavy one as heavy as all of them: they take turns.
    cycle = cycle_of([100] + [1] * 100)
    assert max(len(list(run)) for _, run in groupby(cycle, lambda i: i == 0)) == 1
    assert cycle_of([3, 3, 3]) == [0, 1, 2]
    assert cycle_of([]) == []


@given(st.lists(st.integers(1, 128), min_size=2, max_size=8))
def test_no_host_waits_much_longer_than_its_share(weights: list[int]) -> None:
    cycle = cycle_of(weights) * 2
    total = len(cycle) // 2
    for i, share in Counter(cycle[:total]).items():
        places = [place for place, turn in enumerate(cycle) if turn == i]
        longest = max(later - earlier for earlier, later in pairwise(places))
        assert longest <= total / share + len(weights)


@pytest.mark.parametrize("down", [0, 1, 2])
def test_random_gives_the_share_of_a_host_that_is_down_to_all_others(
    down: int, make_balancer: MakeBalancer, make_hosts: MakeHosts, stream: Stream
) -> None:
    hosts = make_hosts(1, 1, 1)
    balancer = make_balancer(RandomPick, hosts, seed=3)
    hosts[down].healthy = False
    counts = Counter(choices(balancer, stream, 3000))
    assert len(counts) == 2
    assert all(1350 < count < 1650 for count in counts.values())  # 1500 expected, five standard deviations are 137
