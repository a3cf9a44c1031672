"""The configuration that tests begin with: one listener, one router, one cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def simple_config(
    *hosts: str,
    routes: Sequence[Mapping[str, object]] = ({"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},),
    stream_filters: Sequence[Mapping[str, object]] = (),
    http1: Mapping[str, object] | None = None,
    listener: Mapping[str, object] | None = None,
    cluster: Mapping[str, object] | None = None,
    virtual_host: Mapping[str, object] | None = None,
    server: Mapping[str, object] | None = None,
    top: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """A configuration with one listener ``listener``, one router ``router``, one cluster ``upstream`` and an admin server.

    :param hosts: addresses of the cluster's hosts
    :param http1: ``extend_config.Http1`` of the proxy filter
    :param listener: more keys of the listener; likewise ``cluster``, ``virtual_host``, ``server``, and ``top`` for the top level
    """
    return {
        "servers": [
            {
                "default_log_path": "stderr",
                "routers": [
                    {
                        "router_config_name": "router",
                        "virtual_hosts": [{"name": "host", "domains": ["*"], "routers": list(routes), **(virtual_host or {})}],
                    }
                ],
                "listeners": [_listener(stream_filters, http1 or {}, listener or {})],
                **(server or {}),
            }
        ],
        "cluster_manager": {"clusters": [_cluster(hosts or ("127.0.0.1:9",), cluster or {})]},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        **(top or {}),
    }


def _listener(stream_filters: Sequence[Mapping[str, object]], http1: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    proxy = {
        "type": "proxy",
        "config": {"downstream_protocol": "Http1", "router_config_name": "router", "extend_config": {"Http1": dict(http1)}},
    }
    return {
        "name": "listener",
        "address": "127.0.0.1:0",
        "bind_port": True,
        "filter_chains": [{"filters": [proxy]}],
        "stream_filters": list(stream_filters),
        **more,
    }


def _cluster(hosts: Sequence[str], more: Mapping[str, object]) -> dict[str, object]:
    return {
        "name": "upstream",
        "type": "STATIC",
        "lb_type": "LB_ROUNDROBIN",
        "hosts": [{"address": host} for host in hosts],
        **more,
    }
