"""A cluster: hosts that serve the same, and what one worker allows itself towards them. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from headgate.api.stream import Stream
from headgate.config.models import ClusterConfig
from headgate.observe.upstream_stats import ClusterStats
from headgate.upstream.circuit_breaker import CircuitBreaker
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LoadBalancer

_LOG: Final = logging.getLogger("headgate.upstream")


class Cluster:
    """One cluster in one worker.

    :param hosts: its hosts
    :param balance: makes the load balancer for a list of hosts
    :param stats: its statistics, which outlive it

    :ivar name: unique
    :ivar config: its configuration
    :ivar hosts: its present hosts; replaced as a whole, never changed
    :ivar breaker: limits on what may be under way
    :ivar stats: what concerns the cluster and no host
    """

    def __init__(
        self,
        config: ClusterConfig,
        hosts: list[Host],
        balance: Callable[[list[Host], ClusterConfig], LoadBalancer],
        stats: ClusterStats,
    ) -> None:
        self.name: str = config.name
        self.config: ClusterConfig = config
        self.hosts: list[Host] = hosts
        self.breaker: CircuitBreaker = CircuitBreaker.from_config(config.circuit_breakers)
        self.stats: ClusterStats = stats
        self._balance: Callable[[list[Host], ClusterConfig], LoadBalancer] = balance
        self._balancer: LoadBalancer = balance(hosts, config)

    def choose_host(self, stream: Stream, tried: list[Host]) -> Host | None:
        """The host for a request by the cluster's load balancer; None, and counted as ``lb_no_host``, if none is usable.

        A load balancer of an extension that raises has found none: the request fails, everything else goes on.

        :param tried: hosts that the request was sent to before: taken again only if no other is left
        """
        try:
            host = self._balancer.choose(stream, tried)
        except Exception:
            _LOG.exception("cluster %s: load balancer %s failed", self.name, self.config.lb_type)
            host = None
        if host is None:
            self.stats.lb_no_host += 1
        return host

    def set_hosts(self, hosts: list[Host]) -> None:
        """Replace all hosts; requests under way stay where they are.

        Whatever the load balancer's create function raises leaves the present hosts in place.
        """
        balancer = self._balance(hosts, self.config)
        self.hosts = hosts
        self._balancer = balancer
