"""Load balancers: which host of a cluster gets a request. Compiled by mypyc; interpreted otherwise.

A balancer sees the hosts of one cluster in one worker. It is made anew whenever the hosts change. What all of them keep to:

- a host that is not healthy is not chosen; if none is healthy there is no choice, and the request is answered with 502
- a host that this request has been sent to already is chosen only if no other is left, so that a retry goes elsewhere
- workers know nothing of each other, so they start at random places, not all with the first host
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from mypy_extensions import mypyc_attr

from headgate.api.registry import Registry
from headgate.api.stream import Stream
from headgate.config.models import ClusterConfig
from headgate.upstream.host import Host


@mypyc_attr(allow_interpreted_subclasses=True)
class LoadBalancer:
    """Base of all load balancers.

    :param hosts: the hosts of the cluster; not changed while the balancer lives, but each host's ``healthy`` is
    :param config: the cluster's configuration
    :param source: where randomness comes from; default: seeded by the operating system
    """

    def __init__(self, hosts: list[Host], config: ClusterConfig, source: Random | None = None) -> None:
        self.hosts: list[Host] = hosts
        self.config: ClusterConfig = config
        self.source: Random = Random() if source is None else source

    def choose(self, stream: Stream, tried: list[Host]) -> Host | None:
        """The host for a request, or None if no host is usable.

        :param stream: the request
        :param tried: hosts that it was sent to before
        """
        raise NotImplementedError

    def below(self, bound: int) -> int:
        """A random number from 0 to below ``bound``."""
        return int(self.source.random() * bound)


BalancerT = TypeVar("BalancerT", bound=LoadBalancer)

CreateLoadBalancer = Callable[[list[Host], ClusterConfig], LoadBalancer]
"""A create function: the hosts and the configuration of a cluster in, balancer out."""

LOAD_BALANCERS: Registry[LoadBalancer] = Registry("load_balancers")
"""Load balancers by the cluster's ``lb_type``; entry-point group ``headgate.load_balancers``."""


def load_balancer(name: str) -> Callable[[type[BalancerT]], type[BalancerT]]:
    """Register the decorated class as a load balancer; for extensions.

    :param name: the cluster's ``lb_type``
    :raises RegistrationError: if the name is taken
    """

    def register(balancer: type[BalancerT]) -> type[BalancerT]:
        LOAD_BALANCERS.register(name, balancer, origin=balancer.__module__)
        return balancer

    return register
