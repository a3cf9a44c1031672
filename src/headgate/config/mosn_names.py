"""Names that belong to MOSN: filters, load balancers, cluster types, protocols (sections 2 and 3 of its reference).

A name in here that is not implemented so far is answered with "not supported yet", so that nobody hunts for a spelling mistake.
Other names may be an extension's and are looked up in its registry when the configuration is put to work.
"""

from __future__ import annotations

from typing import Final

STREAM_FILTERS: Final = frozenset(
    {
        "dsl",
        "dubbo_stream",
        "fault",
        "fault_tolerance",
        "flowControlFilter",
        "grpc_metric",
        "gzip",
        "header_to_metadata",
        "healthcheck",
        "ip_access",
        "istio.stats",
        "jwt_authn",
        "mirror",
        "mixer",
        "payload_limit",
        "rbac",
        "seata",
        "transcoder",
    }
)
"""MOSN's stream filters. ``healthcheck`` stands in its samples only. ``echo`` and ``metadata``, which exist in its Envoy build alone,
are left free for extensions."""

NETWORK_FILTERS: Final = frozenset({"connection_manager", "fault_inject", "grpc", "tcp_proxy", "tunnel", "udp_proxy"})
"""MOSN's network filters, less ``proxy``."""

PROTOCOLS: Final = frozenset({"Http1", "Http2", "bolt", "boltv2", "dubbo", "dubbo-thrift", "tars", "X", "Auto"})
"""What ``downstream_protocol`` can name; ``X`` with ``sub_protocol`` is the older form for RPC protocols."""

CLUSTER_TYPES: Final = frozenset({"SIMPLE", "STATIC", "DYNAMIC", "EDS", "ORIGINAL_DST", "STRICT_DNS"})
SUPPORTED_CLUSTER_TYPES: Final = frozenset({"SIMPLE", "STATIC"})

UNSUPPORTED_LB_TYPES: Final = frozenset(
    {
        "LB_LEAST_CONNECTION",
        "LB_MAGLEV",
        "LB_ORIGINAL_DST",
        "LB_PEAK_EWMA",
        "LB_REQUEST_ROUNDROBIN",
    }
)
