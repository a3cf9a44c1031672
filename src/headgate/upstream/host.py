"""One upstream host of a cluster. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

from typing import Final

from headgate.api.errors import ConfigError
from headgate.api.stream import HostInfo
from headgate.config.addresses import AddressError, parse_host_address
from headgate.config.models import HostConfig
from headgate.observe.upstream_stats import HostStats
from headgate.upstream.host_tls import HostTls

MAX_WEIGHT: Final = 128
"""Greatest weight of a host (MOSN)."""


class Host:
    """A host as one worker sees it.

    Two hosts are the same only if they are the same object: a new configuration has new ones, its statistics are kept.

    :ivar info: what filters see of it
    :ivar address: as configured
    :ivar cluster_name: the cluster that it belongs to
    :ivar ip: IP address; empty for a unix socket
    :ivar port: TCP port; 0 for a unix socket
    :ivar unix_path: path of the unix socket; empty for TCP
    :ivar weight: its share under a weighted policy
    :ivar tls_disable: plain text even if the cluster has TLS
    :ivar tls: how connections to it are secured; None: plain text
    :ivar healthy: it may be chosen
    :ivar active_requests: requests of this worker under way at it, counted by the engine
    :ivar stats: its statistics, which outlive it
    """

    def __init__(self, info: HostInfo, cluster_name: str, weight: int, stats: HostStats) -> None:
        self.info: HostInfo = info
        self.address: str = info.address
        self.cluster_name: str = cluster_name
        self.ip: str = ""
        self.port: int = 0
        self.unix_path: str = ""
        self.weight: int = weight
        self.tls_disable: bool = False
        self.tls: HostTls | None = None
        self.healthy: bool = True
        self.active_requests: int = 0
        self.stats: HostStats = stats

    def __repr__(self) -> str:
        return f"Host({self.cluster_name}, {self.address})"


def build_host(config: HostConfig, cluster_name: str, path: str, stats: HostStats) -> Host:
    """Make a host.

    :param path: where it stands
    :raises ConfigError: for an address that is none, or a weight outside of 1 to 128
    """
    try:
        address = parse_host_address(config.address)
    except AddressError as error:
        raise ConfigError(f"{path}.address", str(error), error.hint) from None
    if not 1 <= config.weight <= MAX_WEIGHT:
        raise ConfigError(f"{path}.weight", f"{config.weight} is out of range", f"1 to {MAX_WEIGHT}")
    info = HostInfo(config.address, config.hostname or config.address, config.metadata)
    host = Host(info, cluster_name, config.weight, stats)
    host.ip = address.host
    host.port = address.port
    host.unix_path = address.path
    host.tls_disable = config.tls_disable
    return host
