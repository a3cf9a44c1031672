"""``LB_ROUNDROBIN``: the hosts in turn, whatever their weights (MOSN). Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

from random import Random

from headgate.config.models import ClusterConfig
from headgate.upstream.balancers.rotation import Rotation
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LOAD_BALANCERS


class RoundRobin(Rotation):
    """Takes the hosts in the order in which they are configured."""

    def __init__(self, hosts: list[Host], config: ClusterConfig, source: Random | None = None) -> None:
        super().__init__(hosts, config, source, hosts)


LOAD_BALANCERS.register("LB_ROUNDROBIN", RoundRobin, origin=__name__)
