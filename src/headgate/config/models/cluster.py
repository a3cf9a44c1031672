"""Clusters: groups of upstream hosts, and how connections to them are made and shared."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from headgate.config.models.base import ByteSize, ConfigModel, Duration, FreeMapping, UInt32
from headgate.config.models.tls import TlsContextConfig


class HostConfig(ConfigModel):
    """One upstream host."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"address"})

    address: str = Field(default="", description="`ip:port`, `[ipv6]:port`, or `unix:/path`.")
    hostname: str = Field(default="", description="Its name; empty: the address.")
    weight: UInt32 = Field(default=1, description="Share of the requests under a weighted policy, 1 to 128.")
    metadata: FreeMapping = Field(default_factory=dict, description="Metadata, readable by filters.")
    tls_disable: bool = Field(default=False, description="Plain text to this host even if the cluster has TLS.")


class CircuitBreakerConfig(ConfigModel):
    """Limits of one cluster in each worker; 0: no limit."""

    max_connections: UInt32 = Field(default=0, description="Open connections.")
    max_pending_requests: UInt32 = Field(default=0, description="Requests waiting for a connection.")
    max_requests: UInt32 = Field(default=0, description="Requests under way.")
    max_retries: UInt32 = Field(default=0, description="Retries under way.")


class HealthCheckConfig(ConfigModel):
    """Active health checks; off without `service_name`."""

    protocol: str = Field(default="", description="Protocol of the check; without one for it, a TCP connection is tried.")
    timeout: Duration = Field(default=1.0, description="Time for one check.")
    interval: Duration = Field(default=15.0, description="Time between checks.")
    interval_jitter: Duration = Field(default=0.005, description="Random part of the interval.")
    initial_delay_seconds: Duration = Field(default=1.0, description="Time before the first check.")
    healthy_threshold: UInt32 = Field(default=1, description="Good checks in a row that make a host healthy.")
    unhealthy_threshold: UInt32 = Field(default=1, description="Bad checks in a row that make a host unhealthy.")
    service_name: str = Field(default="", description="Name of the checked service; without it the check is off.")
    check_config: FreeMapping = Field(default_factory=dict, description="Settings of the check, by protocol.")
    event_log_path: str = Field(default="", description="File that changes of health are written to.")
    common_callbacks: list[str] = Field(default_factory=list, description="Callbacks told about changes of health.")


class LbSubsetConfig(ConfigModel):
    """Balancing over subsets of hosts."""

    fall_back_policy: UInt32 = Field(default=0, description="0: none, 1: any host, 2: the default subset.")
    default_subset: dict[str, str] = Field(default_factory=dict, description="The default subset.")
    subset_selectors: list[list[str]] = Field(default_factory=list, description="Metadata keys that make subsets.")


class LbConfig(ConfigModel):
    """Settings of the load balancer."""

    choice_count: UInt32 = Field(default=2, description="LB_LEAST_REQUEST: hosts drawn, of which the least busy is taken.")
    active_request_bias: float = Field(default=1.0, description="How strongly active requests count against a host's weight.")
    client_error_bias: float = Field(default=0.0, description="LB_PEAK_EWMA: how strongly client errors count.")
    server_error_bias: float = Field(default=0.0, description="LB_PEAK_EWMA: how strongly server errors count.")


class OriginalDstLbConfig(ConfigModel):
    """Settings of LB_ORIGINAL_DST."""

    use_header: bool = Field(default=False, description="Take the destination from a header.")
    header_name: str = Field(default="", description="That header; empty: host.")
    replace_local: bool = Field(default=False, description="Put 127.0.0.1 in the destination's place.")


class SlowStartConfig(ConfigModel):
    """Raise the weight of new hosts step by step; off without `mode`."""

    mode: str = Field(default="", description="`duration`, or empty: off.")
    slow_start_duration: Duration = Field(default=0.0, description="Time until a host has its full weight.")
    aggression: float = Field(default=1.0, description="Form of the rise.")
    min_weight_percent: float = Field(default=0.10, description="Share of the weight to begin with.")


class KeepAliveConfig(ConfigModel):
    """Heartbeats of RPC protocols on upstream connections."""

    interval: Duration = Field(default=0.0, description="Time between heartbeats.")
    timeout: Duration = Field(default=0.0, description="Time for an answer.")


class SubscribeConfig(ConfigModel):
    """One subscription of a registry."""

    subscriber: str = Field(default="", description="The registry.")
    service_name: str = Field(default="", description="The service.")


class ClusterSpecConfig(ConfigModel):
    """Where a cluster's hosts come from, for registries."""

    subscribe: list[SubscribeConfig] = Field(default_factory=list, description="Subscriptions.")


class DnsResolversConfig(ConfigModel):
    """DNS servers of a STRICT_DNS cluster, as in resolv.conf."""

    servers: list[str] = Field(default_factory=list, description="Addresses of the servers.")
    search: list[str] = Field(default_factory=list, description="Search domains.")
    port: str = Field(default="", description="Port of the servers.")
    ndots: int = Field(default=0, description="Dots that make a name absolute.")
    timeout: int = Field(default=0, description="Seconds for an answer.")
    attempts: int = Field(default=0, description="Number of tries.")


class ClusterConfig(ConfigModel):
    """A group of upstream hosts."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = Field(default="", description="Unique name.")
    type: str = Field(default="SIMPLE", description="`SIMPLE` or `STATIC`: the hosts are listed here.")
    sub_type: str = Field(default="", description="A label.")
    lb_type: str = Field(
        default="LB_ROUNDROBIN",
        description="`LB_RANDOM`, `LB_ROUNDROBIN`, `LB_WEIGHTED_ROUNDROBIN`, `LB_LEAST_REQUEST`, or an extension's name.",
    )
    max_request_per_conn: UInt32 = Field(default=1024, description="Requests on one connection before it is replaced.")
    conn_buffer_limit_bytes: ByteSize = Field(default=16384, description="Bytes waiting for a slow upstream before the client is paused.")
    circuit_breakers: list[CircuitBreakerConfig] = Field(default_factory=list, description="Limits; only the first entry counts.")
    health_check: HealthCheckConfig | None = Field(default=None, description="Active health checks.")
    spec: ClusterSpecConfig | None = Field(default=None, description="Subscriptions at registries.")
    lb_subset_config: LbSubsetConfig | None = Field(default=None, description="Balancing over subsets of hosts.")
    original_dst_lb_config: OriginalDstLbConfig | None = Field(default=None, description="Settings of LB_ORIGINAL_DST.")
    lbconfig: LbConfig = Field(default_factory=LbConfig, description="Settings of the load balancer.")
    slow_start: SlowStartConfig | None = Field(default=None, description="Raise the weight of new hosts step by step.")
    cluster_manager_tls: bool = Field(default=False, description="Use the cluster manager's `tls_context`.")
    tls_context: TlsContextConfig | None = Field(default=None, description="TLS towards the hosts.")
    hosts: list[HostConfig] = Field(default_factory=list, description="The hosts.")
    connect_timeout: Duration = Field(default=10.0, description="Time for a connection to be made.")
    idle_timeout: Duration = Field(default=60.0, description="Close upstream connections that were idle this long.")
    keepalive: KeepAliveConfig | None = Field(default=None, description="Heartbeats of RPC protocols.")
    dns_refresh_rate: Duration = Field(default=0.0, description="STRICT_DNS: time between look-ups.")
    respect_dns_ttl: bool = Field(default=False, description="STRICT_DNS: let the records say when to look up again.")
    dns_lookup_family: Literal["", "V4_ONLY", "V6_ONLY"] = Field(default="", description="STRICT_DNS: which addresses are asked for.")
    dns_resolvers: DnsResolversConfig | None = Field(default=None, description="STRICT_DNS: the servers.")
    dns_resolver_file: str = Field(default="", description="STRICT_DNS: a resolv.conf.")
    dns_resolver_port: str = Field(default="", description="STRICT_DNS: port of the servers.")
    mark: UInt32 = Field(default=0, description="SO_MARK of upstream sockets.")
    cluster_pool_enable: bool = Field(default=False, description="Share connections to one address among clusters.")


class ClusterManagerConfig(ConfigModel):
    """All clusters."""

    tls_context: TlsContextConfig | None = Field(default=None, description="TLS of clusters with `cluster_manager_tls`.")
    cluster_pool_enable: bool = Field(default=False, description="Share connections to one address among clusters.")
    clusters: list[ClusterConfig] = Field(default_factory=list, description="Clusters; either this or `clusters_configs`.")
    clusters_configs: str = Field(default="", description="Directory with one file for each cluster.")
