"""What is known and not implemented so far, key by key.

A key is *refused* where leaving it out would change what traffic is let through or where it goes; it has *no effect*, with a
warning, where that is not so. When a feature is built, its row goes; a row is also what the reference of keys shows.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from headgate.config.models import (
    AdminConfig,
    ClusterConfig,
    ClusterManagerConfig,
    CodecConfig,
    ConfigModel,
    ExtendConfig,
    FilterChainConfig,
    HeadgateConfig,
    ListenerConfig,
    MetricsConfig,
    NetworkFilterConfig,
    ProxyConfig,
    RouteActionConfig,
    RouteConfig,
    RouteMatchConfig,
    ServerConfig,
    StreamFilterConfig,
    TlsContextConfig,
    VirtualHostConfig,
    WeightedClusterTarget,
)


class Support(NamedTuple):
    """How far a key is supported. A rule speaks up when the key is given and its value is not empty, zero or false.

    :ivar refused: an error; otherwise a warning
    :ivar note: what is missing, or why the key has no effect
    """

    refused: bool
    note: str


def _refused(note: str = "") -> Support:
    return Support(True, note)


def _no_effect(note: str) -> Support:
    return Support(False, note)


_XDS: Final = "control planes over xDS are not supported yet"
_DNS_ONLY: Final = "only clusters of type STRICT_DNS use it"
_ONE_PROCESS: Final = "there is no hot upgrade yet"

SUPPORT: Final[dict[type[ConfigModel], dict[str, Support]]] = {
    HeadgateConfig: {
        "dynamic_resources": _refused("control planes over xDS"),
        "static_resources": _refused("Envoy's static resources"),
        "layered_runtime": _refused("Envoy's runtime layers"),
        "overload_manager": _refused("Envoy's overload actions"),
        "bootstrap_extensions": _refused("Envoy's bootstrap extensions"),
        "hds_config": _refused("health discovery"),
        "node": _no_effect(_XDS),
        "stats_config": _no_effect("Envoy's statistics settings"),
        "stats_sinks": _no_effect("metrics are served at /metrics of the admin server"),
        "stats_flush_interval": _no_effect("metrics are served at /metrics of the admin server"),
        "flags_path": _no_effect("an Envoy setting"),
        "uds_dir": _no_effect(_ONE_PROCESS),
        "inherit_old_mosnconfig": _no_effect(_ONE_PROCESS),
    },
    AdminConfig: {"access_log_path": _no_effect("an Envoy setting; the admin server writes to the log")},
    MetricsConfig: {
        "sinks": _no_effect("metrics are served in Prometheus form at /metrics of the admin server"),
        "stats_matcher": _no_effect("all metrics are kept"),
        "shm_zone": _no_effect(_ONE_PROCESS),
        "shm_size": _no_effect(_ONE_PROCESS),
        "flush_mosn": _no_effect("metrics are served at /metrics of the admin server"),
        "lazy_flush": _no_effect("metrics are served at /metrics of the admin server"),
        "sample": _no_effect("histograms have fixed buckets"),
        "ewma": _no_effect("LB_PEAK_EWMA is not supported yet"),
    },
    ServerConfig: {
        "global_log_roller": _no_effect("log files are rotated from outside, by signal"),
        "use_netpoll_mode": _no_effect("a setting of MOSN's network layer"),
    },
    ListenerConfig: {
        "use_original_dst": _refused("transparent proxying"),
        "default_read_buffer_size": _no_effect("a setting of MOSN's network layer"),
        "log_path": _no_effect("MOSN no longer reads it; use 'access_logs'"),
    },
    FilterChainConfig: {"match": _no_effect("MOSN does not use it either")},
    ProxyConfig: {
        "fallback_for_unknown_protocol": _refused("protocol detection"),
        "concurrency_num": _no_effect("a setting of MOSN's goroutines"),
    },
    ExtendConfig: {
        "http2": _no_effect("only HTTP/1.1 is spoken so far"),
        "bolt": _no_effect("only HTTP/1.1 is spoken so far"),
        "boltv2": _no_effect("only HTTP/1.1 is spoken so far"),
        "dubbo": _no_effect("only HTTP/1.1 is spoken so far"),
        "dubbo_thrift": _no_effect("only HTTP/1.1 is spoken so far"),
        "tars": _no_effect("only HTTP/1.1 is spoken so far"),
        "http2_use_stream": _no_effect("only HTTP/1.1 is spoken so far"),
        "enable_bolt_goaway": _no_effect("only HTTP/1.1 is spoken so far"),
    },
    TlsContextConfig: {"sds_source": _refused("secrets from a control plane (SDS)")},
    RouteConfig: {"request_mirror_policies": _refused("mirroring")},
    RouteMatchConfig: {"dsl_expressions": _refused("MOSN's expression language")},
    RouteActionConfig: {
        "cluster_header": _refused("use 'cluster_variable' with request_header_<name>"),
        "hash_policy": _refused("consistent hashing"),
        "metadata_match": _refused("subsets of hosts"),
        "auto_host_rewrite": _refused(),
        "auto_host_rewrite_header": _refused(),
    },
    WeightedClusterTarget: {"metadata_match": _refused("subsets of hosts")},
    ClusterManagerConfig: {"cluster_pool_enable": _no_effect("connections are kept for each host of each cluster")},
    ClusterConfig: {
        "mark": _refused("SO_MARK on upstream sockets"),
        "keepalive": _no_effect("heartbeats belong to RPC protocols"),
        "original_dst_lb_config": _no_effect("only LB_ORIGINAL_DST uses it"),
        "cluster_pool_enable": _no_effect("connections are kept for each host of each cluster"),
        "dns_refresh_rate": _no_effect(_DNS_ONLY),
        "respect_dns_ttl": _no_effect(_DNS_ONLY),
        "dns_lookup_family": _no_effect(_DNS_ONLY),
        "dns_resolvers": _no_effect(_DNS_ONLY),
        "dns_resolver_file": _no_effect(_DNS_ONLY),
        "dns_resolver_port": _no_effect(_DNS_ONLY),
    },
}
"""Model -> attribute -> how far it is supported."""

SUPPORT_BY_VALUE: Final[dict[type[ConfigModel], dict[str, str]]] = {
    HeadgateConfig: {
        "extends": "Not supported yet",
        "tracing": "No effect yet",
        "pprof": "No effect: it profiles Go programs",
        "disable_upgrade": "There is no hot upgrade yet",
    },
    CodecConfig: {"enable": "Not supported yet"},
    ListenerConfig: {"network": "`udp` is not supported yet", "listener_filters": "Not supported yet"},
    NetworkFilterConfig: {"type": "Of MOSN's, only `proxy` is supported so far"},
    StreamFilterConfig: {
        "type": "MOSN's own filters are not supported yet",
    },
    ProxyConfig: {
        "downstream_protocol": "Other protocols are not supported yet",
        "router_handler_name": "Handlers other than `default` are not supported yet",
    },
    VirtualHostConfig: {"require_tls": "`EXTERNAL_ONLY` is not supported yet"},
    RouteActionConfig: {"upstream_protocol": "Only `Http1` is supported so far"},
    ClusterConfig: {
        "type": "Other types are not supported yet",
        "lb_type": "MOSN's other policies are not supported yet",
        "health_check": "Not supported yet with a `service_name`",
        "slow_start": "Not supported yet with a `mode`",
        "lb_subset_config": "Not supported yet with `subset_selectors`",
        "spec": "Not supported yet with a `subscribe`",
    },
}
"""Model -> attribute -> what the reference says of keys that are supported with some values only; checked in ``unsupported.py``."""


def support_note(model: type[ConfigModel], attribute: str) -> str:
    """How far a key is supported, as a sentence; an empty text if it is, wholly."""
    by_value = SUPPORT_BY_VALUE.get(model, {}).get(attribute)
    if by_value is not None:
        return f"{by_value}."
    support = SUPPORT.get(model, {}).get(attribute)
    if support is None:
        return ""
    state = "Not supported yet" if support.refused else "No effect"
    return f"{state}: {support.note}." if support.note else f"{state}."
