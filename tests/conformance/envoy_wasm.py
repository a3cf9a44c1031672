"""Envoy with a WASM filter, as an oracle: the same module, the same requests, the same visible results."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.conformance.envoy_program import envoy_program
from tests.conformance.programs import Programs

_TYPES = "type.googleapis.com"
_FILTERS = f"{_TYPES}/envoy.extensions.filters"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_envoy(
    programs: Programs, module: Path, clusters: dict[str, str], configuration: str = "", http2: tuple[str, ...] = ()
) -> tuple[str, int]:
    """Start Envoy with a module before everything else, and wait until it listens.

    :param clusters: name -> ``ip:port``; everything goes to ``upstream``
    :param http2: those that speak HTTP/2
    :returns: where it listens
    """
    port = _free_port()
    file = programs.folder / f"envoy-{port}.json"
    file.write_text(json.dumps(_bootstrap(port, module, clusters, configuration, http2)))
    arguments = ("-c", str(file), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "--base-id", str(port))
    programs.serve(envoy_program(), port, *arguments)
    return "127.0.0.1", port


def _bootstrap(port: int, module: Path, clusters: dict[str, str], configuration: str, http2: tuple[str, ...]) -> dict[str, object]:
    wasm = {
        "@type": f"{_FILTERS}.http.wasm.v3.Wasm",
        "config": {
            "name": "wasm",
            "root_id": "",
            "configuration": {"@type": f"{_TYPES}/google.protobuf.StringValue", "value": configuration},
            "vm_config": {"vm_id": "vm", "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(module)}}},
        },
    }
    manager = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "codec_type": "HTTP1",
        "http_filters": [
            {"name": "wasm", "typed_config": wasm},
            {"name": "router", "typed_config": {"@type": f"{_FILTERS}.http.router.v3.Router"}},
        ],
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]}]
        },
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "static_resources": {
            "listeners": [{"name": "front", "address": _address("127.0.0.1", port), "filter_chains": [chain]}],
            "clusters": [_cluster(name, address, name in http2) for name, address in clusters.items()],
        }
    }


def _cluster(name: str, address: str, http2: bool) -> dict[str, object]:
    host, _, port = address.rpartition(":")
    endpoint = {"endpoint": {"address": _address(host, int(port))}}
    cluster: dict[str, object] = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if http2:
        kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        options = {"@type": f"{_TYPES}/{kind}", "explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {kind: options}
    return cluster


def _address(host: str, port: int) -> dict[str, object]:
    return {"socket_address": {"address": host, "port_value": port}}
