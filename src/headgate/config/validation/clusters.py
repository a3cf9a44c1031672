"""Checks of clusters and their hosts."""

from __future__ import annotations

from headgate.config.addresses import AddressError, HostNameError, parse_host_address
from headgate.config.findings import Findings
from headgate.config.models import ClusterConfig, ClusterManagerConfig, HostConfig
from headgate.config.validation.texts import check_positive, check_unique


def validate_clusters(manager: ClusterManagerConfig, findings: Findings) -> None:
    """Unique names, hosts that can be connected to, times and weights in range."""
    path = "cluster_manager.clusters"
    check_unique([cluster.name for cluster in manager.clusters], path, "name", "cluster", findings)
    for i, cluster in enumerate(manager.clusters):
        _validate_cluster(cluster, f"{path}[{i}]", findings)


def _validate_cluster(cluster: ClusterConfig, path: str, findings: Findings) -> None:
    check_positive(cluster.connect_timeout, f"{path}.connect_timeout", findings)
    check_positive(cluster.idle_timeout, f"{path}.idle_timeout", findings)
    if cluster.lbconfig.choice_count < 1:
        findings.error(f"{path}.lbconfig.choice_count", "must be at least 1")
    if cluster.conn_buffer_limit_bytes == 0:
        findings.error(f"{path}.conn_buffer_limit_bytes", "must be more than 0", "it cannot be without a limit")
    if len(cluster.circuit_breakers) > 1:
        findings.warn(f"{path}.circuit_breakers", "only the first entry counts", "as in MOSN")
    if not cluster.hosts and cluster.type in ("SIMPLE", "STATIC"):
        findings.warn(f"{path}.hosts", "there are none", "every request to this cluster is answered with 502")
    first: dict[str, int] = {}
    for i, host in enumerate(cluster.hosts):
        item = f"{path}.hosts[{i}]"
        _validate_host(host, item, findings)
        if host.address in first:
            findings.error(
                f"{item}.address", f"{host.address} stands twice in this cluster", f"the other is {path}.hosts[{first[host.address]}]"
            )
        elif host.address:
            first[host.address] = i


def _validate_host(host: HostConfig, path: str, findings: Findings) -> None:
    if not 1 <= host.weight <= 128:
        findings.error(f"{path}.weight", f"{host.weight} is out of range", "1 to 128")
    if not host.address:
        return  # told as a missing key
    try:
        parse_host_address(host.address)
    except HostNameError as error:
        findings.unsupported(f"{path}.address", f"{error}; {error.hint}")
    except AddressError as error:
        findings.error(f"{path}.address", str(error), error.hint)
