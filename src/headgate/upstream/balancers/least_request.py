"""``LB_LEAST_REQUEST``: a host with few requests under way. Compiled by mypyc; interpreted otherwise.

Counted are the requests of this worker. Two ways, as in MOSN and Envoy:

- All weights equal: ``choice_count`` hosts are drawn and the least busy of them is taken (the power of two choices). Drawing keeps
  workers, and proxies, from all running to the same idle host at once.
- Weights differ: earliest deadline first. A host that is chosen is due again after a time of 1 / its present weight, which is
  ``weight / (active requests + 1) ** active_request_bias``. With a bias of 0 that is a weighted round robin; 1 is the default.
"""

from __future__ import annotations

from heapq import heapify, heapreplace
from random import Random

from headgate.api.stream import Stream
from headgate.config.models import ClusterConfig
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LOAD_BALANCERS, LoadBalancer


class LeastRequest(LoadBalancer):
    """Prefers hosts with few requests under way."""

    def __init__(self, hosts: list[Host], config: ClusterConfig, source: Random | None = None) -> None:
        super().__init__(hosts, config, source)
        self._choices: int = max(config.lbconfig.choice_count, 1)
        self._bias: float = max(config.lbconfig.active_request_bias, 0.0)
        self._weighted: bool = len({host.weight for host in hosts}) > 1
        # Due times at first are random within one period, so that workers do not begin alike and equal hosts do not stand together.
        self._queue: list[tuple[float, int]] = [(self.source.random() / host.weight, i) for i, host in enumerate(hosts)]
        heapify(self._queue)

    def choose(self, stream: Stream, tried: list[Host]) -> Host | None:
        """A host that is not busy, compared with others."""
        if not self.hosts:
            return None
        return self._earliest(tried) if self._weighted else self._least_of_drawn(tried)

    def _least_of_drawn(self, tried: list[Host]) -> Host | None:
        hosts = self.hosts
        count = len(hosts)
        if count <= self._choices:
            return self._least_of_all(tried)
        best: Host | None = None
        index = self.below(count)
        for _ in range(self._choices):
            host = hosts[index]
            if host.healthy and (best is None or host.active_requests < best.active_requests) and host not in tried:
                best = host
            # Never the same one twice running: drawing two of two hosts would else be drawing one in every second case.
            index = (index + 1 + self.below(count - 1)) % count
        return best if best is not None else self._least_of_all(tried)

    def _least_of_all(self, tried: list[Host]) -> Host | None:
        """The least busy host, from a random one on; one that was tried only if no other is healthy."""
        hosts = self.hosts
        count = len(hosts)
        start = self.below(count)
        best: Host | None = None
        spare: Host | None = None
        for i in range(count):
            host = hosts[(start + i) % count]
            if not host.healthy:
                continue
            if host in tried:
                if spare is None or host.active_requests < spare.active_requests:
                    spare = host
            elif best is None or host.active_requests < best.active_requests:
                best = host
        return best if best is not None else spare

    def _earliest(self, tried: list[Host]) -> Host | None:
        queue = self._queue
        for _ in range(len(self.hosts)):
            due, index = queue[0]
            host = self.hosts[index]
            period = float(host.active_requests + 1) ** self._bias / host.weight
            heapreplace(queue, (due + period, index))
            if host.healthy and host not in tried:
                return host
        return self._least_of_all(tried)


LOAD_BALANCERS.register("LB_LEAST_REQUEST", LeastRequest, origin=__name__)
