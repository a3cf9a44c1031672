"""``LB_RANDOM``: any host, with equal chances, whatever its weight. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

from headgate.api.stream import Stream
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LOAD_BALANCERS, LoadBalancer


class RandomPick(LoadBalancer):
    """Draws a host for each request."""

    def choose(self, stream: Stream, tried: list[Host]) -> Host | None:
        """Draw among all; only if that host is not usable, among those that are, so that none inherits another's share."""
        hosts = self.hosts
        if not hosts:
            return None
        host = hosts[self.below(len(hosts))]
        if host.healthy and (not tried or host not in tried):
            return host
        usable = [other for other in hosts if other.healthy and other not in tried]
        if not usable:
            usable = [other for other in hosts if other.healthy]
        return usable[self.below(len(usable))] if usable else None


LOAD_BALANCERS.register("LB_RANDOM", RandomPick, origin=__name__)
