"""``LB_WEIGHTED_ROUNDROBIN``: the hosts in turn, each as often as its weight says. Compiled by mypyc; interpreted otherwise.

The order of one cycle is laid down when the balancer is made, so that a choice is one step along a list. A cycle has as many turns as
the sum of the weights (divided by their greatest common divisor), and each host has exactly its weight's number of them: over any
stretch of that length the shares are exact.

Turns are spread evenly: the k-th of a host of weight w stands at (k + offset) / w of the cycle. Hosts of one weight have their offsets
evenly apart, so a hundred light hosts come between the turns of a heavy one, and not one behind the other.
"""

from __future__ import annotations

from math import gcd
from random import Random

from headgate.config.models import ClusterConfig
from headgate.upstream.balancers.rotation import Rotation
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LOAD_BALANCERS


def cycle_of(weights: list[int]) -> list[int]:
    """The order of one cycle.

    :param weights: each at least 1
    :returns: indexes of the weights; each as often as its weight, divided by the greatest common divisor of all
    """
    divisor = gcd(*weights) if weights else 1
    peers: dict[int, int] = {}
    for weight in weights:
        peers[weight] = peers.get(weight, 0) + 1
    seen: dict[int, int] = {}
    turns: list[tuple[float, int]] = []
    for index, weight in enumerate(weights):
        rank = seen.get(weight, 0)
        seen[weight] = rank + 1
        offset = (rank + 0.5) / peers[weight]
        share = weight // divisor
        turns.extend([((k + offset) / share, index) for k in range(share)])
    turns.sort()
    return [index for _, index in turns]


class WeightedRoundRobin(Rotation):
    """Goes round one cycle again and again."""

    def __init__(self, hosts: list[Host], config: ClusterConfig, source: Random | None = None) -> None:
        super().__init__(hosts, config, source, [hosts[index] for index in cycle_of([host.weight for host in hosts])])


LOAD_BALANCERS.register("LB_WEIGHTED_ROUNDROBIN", WeightedRoundRobin, origin=__name__)
