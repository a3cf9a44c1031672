"""All clusters of one configuration in one worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected, ExtensionLoadError, NotSupportedYet
from headgate.api.registry import ExtensionScope
from headgate.config.models import ClusterConfig, ClusterManagerConfig
from headgate.config.mosn_names import CLUSTER_TYPES as MOSN_CLUSTER_TYPES
from headgate.config.mosn_names import UNSUPPORTED_LB_TYPES
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.stats_store import StatsStore
from headgate.upstream import balancers as _builtin_balancers  # registers them
from headgate.upstream.cluster import Cluster
from headgate.upstream.cluster_tls import build_cluster_tls
from headgate.upstream.host import Host, build_host
from headgate.upstream.host_source import CLUSTER_TYPES
from headgate.upstream.load_balancer import LOAD_BALANCERS, LoadBalancer

BUILT_IN_MODULES: Final = tuple(f"{_builtin_balancers.__name__}.{name}" for name in _builtin_balancers.__all__)
"""Origins of the load balancers that ship with Headgate."""


class ClusterManager:
    """Finds clusters by name. Never changed after it was made: a new configuration makes a new one."""

    def __init__(self, clusters: dict[str, Cluster]) -> None:
        self.clusters: dict[str, Cluster] = clusters

    @staticmethod
    def from_config(
        config: ClusterManagerConfig,
        path: str,
        stats: StatsStore,
        scope: ExtensionScope | None = None,
        certificates: TlsBuilder | None = None,
    ) -> ClusterManager:
        """Make all clusters.

        :param path: where the configuration stands: ``cluster_manager``
        :param stats: the worker's statistics
        :param scope: the extensions of the configuration at hand
        :param certificates: builds and keeps TLS contexts
        :raises ConfigRejected: with everything that is wrong
        """
        findings: list[ConfigError] = []
        clusters: dict[str, Cluster] = {}
        for i, cluster_config in enumerate(config.clusters):
            where = f"{path}.clusters[{i}]"
            if cluster_config.name in clusters:
                findings.append(ConfigError(f"{where}.name", f"cluster {cluster_config.name!r} stands twice"))
                continue
            cluster = _build_cluster(cluster_config, where, stats, findings, scope)
            if cluster is not None:
                clusters[cluster.name] = cluster
                build_cluster_tls(cluster, config, where, certificates or TlsBuilder(stats, scope), findings)
        if findings:
            raise ConfigRejected(findings)
        return ClusterManager(clusters)

    def get(self, name: str) -> Cluster | None:
        """The cluster of that name, or None."""
        return self.clusters.get(name)


def _build_cluster(
    config: ClusterConfig, path: str, stats: StatsStore, findings: list[ConfigError], scope: ExtensionScope | None
) -> Cluster | None:
    """A cluster; None if something is wrong with it."""
    known = len(findings)
    balance = _balance(config, path, findings, scope)
    hosts = _hosts(config, path, stats, findings, scope)
    if balance is None or len(findings) > known:
        return None
    try:
        return Cluster(config, hosts, balance, stats.cluster(config.name))
    except Exception as error:  # an extension's create function
        findings.append(ConfigError(f"{path}.lb_type", f"load balancer {config.lb_type!r} cannot be made: {error!r}"))
    return None


def _balance(
    config: ClusterConfig, path: str, findings: list[ConfigError], scope: ExtensionScope | None
) -> Callable[[list[Host], ClusterConfig], LoadBalancer] | None:
    try:
        return LOAD_BALANCERS.find(config.lb_type, f"{path}.lb_type", scope).create
    except ConfigError as error:
        unsupported = config.lb_type in UNSUPPORTED_LB_TYPES
        findings.append(NotSupportedYet(f"{path}.lb_type", config.lb_type) if unsupported else error)
    except ExtensionLoadError as error:
        findings.append(ConfigError(f"{path}.lb_type", str(error)))
    return None


def _hosts(config: ClusterConfig, path: str, stats: StatsStore, findings: list[ConfigError], scope: ExtensionScope | None) -> list[Host]:
    try:
        configs = CLUSTER_TYPES.find(config.type, f"{path}.type", scope).create(config).hosts()
    except ConfigError as error:
        unsupported = config.type in MOSN_CLUSTER_TYPES
        findings.append(NotSupportedYet(f"{path}.type", f"clusters of type {config.type}") if unsupported else error)
        return []
    except Exception as error:  # an extension's
        findings.append(ConfigError(f"{path}.type", f"cluster type {config.type!r} cannot be made: {error!r}"))
        return []
    hosts: list[Host] = []
    for i, host_config in enumerate(configs):
        try:
            hosts.append(build_host(host_config, config.name, f"{path}.hosts[{i}]", stats.host(config.name, host_config.address)))
        except ConfigError as error:
            findings.append(error)
    return hosts
