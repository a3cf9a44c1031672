"""Where the hosts of a cluster come from: its type.

A type is registered in :data:`CLUSTER_TYPES`. So far there are those whose hosts stand in the configuration; a source that
learns of hosts later (DNS, a registry, a control plane) hands them to :meth:`Cluster.set_hosts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headgate.api.registry import Registry
from headgate.config.models import ClusterConfig, HostConfig


class HostSource:
    """Knows the hosts of one cluster.

    :param config: the cluster's configuration
    """

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config

    def hosts(self) -> Sequence[HostConfig]:
        """The hosts that are known when the cluster is made."""
        raise NotImplementedError


class StaticHosts(HostSource):
    """``SIMPLE`` and ``STATIC``: the hosts that the configuration lists."""

    def hosts(self) -> Sequence[HostConfig]:
        """The hosts as listed."""
        return self.config.hosts


CreateHostSource = Callable[[ClusterConfig], HostSource]
"""A create function: a cluster's configuration in, source out."""

CLUSTER_TYPES: Registry[HostSource] = Registry("cluster_types")
"""Host sources by the cluster's ``type``; entry-point group ``headgate.cluster_types``."""

CLUSTER_TYPES.register("SIMPLE", StaticHosts, origin=__name__)
CLUSTER_TYPES.register("STATIC", StaticHosts, origin=__name__)
