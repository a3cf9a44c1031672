"""TLS of a cluster: which context it has, and what name each of its hosts must show."""

from __future__ import annotations

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.config.models import ClusterConfig, ClusterManagerConfig, TlsContextConfig
from headgate.net.tls.managed import ManagedContext
from headgate.net.tls.owners import TlsBuilder
from headgate.upstream.cluster import Cluster
from headgate.upstream.host import Host
from headgate.upstream.host_tls import HostTls


def cluster_context(cluster: ClusterConfig, manager: ClusterManagerConfig, path: str) -> tuple[TlsContextConfig, str] | None:
    """The TLS context of a cluster and where it stands; None for plain text. The manager's, where it is used, goes before its own."""
    if cluster.cluster_manager_tls and manager.tls_context is not None:
        found, at = manager.tls_context, "cluster_manager.tls_context"
    elif cluster.tls_context is not None:
        found, at = cluster.tls_context, f"{path}.tls_context"
    else:
        return None
    return (found, at) if found.status else None


def build_cluster_tls(
    cluster: Cluster, manager: ClusterManagerConfig, path: str, certificates: TlsBuilder, findings: list[ConfigError]
) -> None:
    """Give a cluster's hosts their TLS.

    :param path: where the cluster stands
    :param findings: takes what is wrong
    """
    found = cluster_context(cluster.config, manager, path)
    if found is None:
        return
    config, at = found
    try:
        managed = certificates.cluster(cluster.name, config, at)
    except ConfigRejected as rejected:
        findings.extend(rejected.errors)
        return
    except ConfigError as error:
        findings.append(error)
        return
    for i, host in enumerate(cluster.hosts):
        if not host.tls_disable:
            host.tls = _host_tls(host, config, managed, f"{path}.hosts[{i}]", certificates, findings)


def _host_tls(
    host: Host, config: TlsContextConfig, managed: ManagedContext, path: str, certificates: TlsBuilder, findings: list[ConfigError]
) -> HostTls:
    hostname = host.info.hostname if host.info.hostname != host.address else ""
    name = config.server_name or hostname or host.ip
    if not name and not config.insecure_skip and config.type != "sni_verify":
        findings.append(
            ConfigError(f"{path}.hostname", "missing: there is no name to verify the host by", "or a 'server_name' in the TLS context")
        )
    return HostTls(managed, name, config.handshake_timeout, config.fall_back, certificates.stats("cluster", host.cluster_name))
