"""Envoy's HTTP filters that do the article's check: in Lua, in WASM, in another process (ext_proc)."""

from __future__ import annotations

from pathlib import Path

Entry = dict[str, object]
"""One entry of ``http_filters``, or of ``clusters``."""

_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
EXT_PROC_CLUSTER = "ext-proc"

ROUTER: Entry = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_FILTERS}.router.v3.Router"}}
"""The last of every chain."""


def lua(script: str) -> Entry:
    """The filter that runs a script."""
    return {
        "name": "envoy.filters.http.lua",
        "typed_config": {"@type": f"{_FILTERS}.lua.v3.Lua", "default_source_code": {"inline_string": script}},
    }


def wasm(module: Path) -> Entry:
    """The filter that runs a proxy-wasm module in V8, with what compiles to machine code.

    :param module: in WASM's binary form
    """
    machine = {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(module)}}}
    return {"name": "envoy.filters.http.wasm", "typed_config": {"@type": f"{_FILTERS}.wasm.v3.Wasm", "config": {"vm_config": machine}}}


def ext_proc() -> Entry:
    """The filter that shows request heads, and nothing else, to another process."""
    return {
        "name": "envoy.filters.http.ext_proc",
        "typed_config": {
            "@type": f"{_FILTERS}.ext_proc.v3.ExternalProcessor",
            "grpc_service": {"envoy_grpc": {"cluster_name": EXT_PROC_CLUSTER}},
            "message_timeout": "1s",
            "processing_mode": {
                "request_header_mode": "SEND",
                "response_header_mode": "SKIP",
                "request_body_mode": "NONE",
                "response_body_mode": "NONE",
                "request_trailer_mode": "SKIP",
                "response_trailer_mode": "SKIP",
            },
        },
    }


def ext_proc_cluster(path: Path) -> Entry:
    """The cluster of that process.

    :param path: its Unix socket
    """
    return {
        "name": EXT_PROC_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "10s",
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": EXT_PROC_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(path)}}}}]}],
        },
    }
