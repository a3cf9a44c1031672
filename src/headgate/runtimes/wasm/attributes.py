"""Envoy's attributes, as far as they are known here (envoyproxy.io, "Attributes").

Text is given as it is, numbers as 8 bytes little-endian, truth values as one byte, maps as header maps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, cast

from headgate.api.headers import Headers
from headgate.proxy.stream_state import StreamState
from headgate.runtimes.wasm.contexts import HttpContext
from headgate.runtimes.wasm.maps import HeaderMap, RequestMap, ResponseMap, raw
from headgate.runtimes.wasm.pairs import encode
from headgate.runtimes.wasm.settings import PluginSettings

PREFIX: Final = "wasm."
"""What the variables begin with that hold the properties which guests have set."""


def _number(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


def _truth(value: bool) -> bytes:
    return b"\1" if value else b"\0"


def _header(headers: Headers, name: str) -> bytes | None:
    value = headers.get(name)
    return None if value is None else raw(value)


def _state(context: HttpContext) -> StreamState:
    return cast(StreamState, context.stream)


def plugin_attribute(parts: list[str], plugin: PluginSettings, vm_id: str) -> bytes | None:
    """What is known of a plugin, in any context."""
    name = parts[0]
    if len(parts) != 1:
        return None
    if name == "plugin_name":
        return plugin.name.encode()
    if name == "plugin_root_id":
        return plugin.root_id.encode()
    return vm_id.encode() if name == "plugin_vm_id" else None


def attribute(parts: list[str], context: HttpContext) -> bytes | None:
    """An attribute of a stream by its path; None if it is not known."""
    group = parts[0]
    if group in ("request", "response") and len(parts) == 3 and parts[1] in ("headers", "trailers"):
        fields = _map(group, parts[1], context)
        return fields.get(parts[2].lower()) if fields is not None else None
    if group in ("request", "response") and len(parts) == 2 and parts[1] in ("headers", "trailers"):
        fields = _map(group, parts[1], context)
        return None if fields is None else encode(fields.pairs())
    found = _ATTRIBUTES.get(".".join(parts))
    return None if found is None else found(context)


def _map(group: str, kind: str, context: HttpContext) -> HeaderMap | None:
    stream = context.stream
    if kind == "trailers":
        trailers = context.request_trailers if group == "request" else context.response_trailers
        return None if trailers is None else HeaderMap(trailers)
    if group == "request":
        return RequestMap(stream.request)
    return None if stream.response is None else ResponseMap(stream.response)


def _route(context: HttpContext) -> bytes | None:
    route = context.stream.route
    return None if route is None else route.name.encode()


def _cluster(context: HttpContext) -> bytes | None:
    name = _state(context).info.upstream_cluster
    route = context.stream.route
    return (name or (route.cluster_name if route is not None else "")).encode() or None


def _upstream_port(context: HttpContext) -> bytes | None:
    host = context.stream.host
    port = host.address.rpartition(":")[2] if host is not None else ""
    return _number(int(port)) if port.isdigit() else None


def _code(context: HttpContext) -> bytes | None:
    response = context.stream.response
    return None if response is None else _number(response.status)


def _grpc_status(context: HttpContext) -> bytes | None:
    response = context.stream.response
    for headers in (context.response_trailers, response.headers if response is not None else None):
        value = headers.get("grpc-status") if headers is not None else None
        if value is not None and value.isdigit():
            return _number(int(value))
    return None


def _duration(context: HttpContext) -> int:
    return int((time.monotonic() - _state(context).info.start_time) * 1e9)


_ATTRIBUTES: Final[dict[str, Callable[[HttpContext], bytes | None]]] = {
    "request.path": lambda c: raw(c.stream.request.target),
    "request.url_path": lambda c: raw(c.stream.request.path),
    "request.query": lambda c: raw(c.stream.request.query or ""),
    "request.host": lambda c: raw(c.stream.request.authority),
    "request.scheme": lambda c: c.stream.request.scheme.encode(),
    "request.method": lambda c: c.stream.request.method.encode(),
    "request.protocol": lambda c: b"HTTP/1.1",
    "request.referer": lambda c: _header(c.stream.request.headers, "referer"),
    "request.useragent": lambda c: _header(c.stream.request.headers, "user-agent"),
    "request.id": lambda c: _header(c.stream.request.headers, "x-request-id"),
    "request.time": lambda c: _number(time.time_ns() - _duration(c)),
    "request.duration": lambda c: _number(_duration(c)),
    "request.size": lambda c: _number(_state(c).info.bytes_received),
    "response.code": _code,
    "response.size": lambda c: _number(_state(c).info.bytes_sent),
    "response.flags": lambda c: _number(_state(c).info.response_flags),
    "response.grpc_status": _grpc_status,
    "source.address": lambda c: c.stream.connection.remote.text.encode(),
    "source.port": lambda c: _number(c.stream.connection.remote.port),
    "destination.address": lambda c: c.stream.connection.local.text.encode(),
    "destination.port": lambda c: _number(c.stream.connection.local.port),
    "connection.id": lambda c: _number(c.stream.connection.id),
    "connection.mtls": lambda c: _truth(c.stream.connection.tls_peer_certificate is not None),
    "connection.requested_server_name": lambda c: (c.stream.connection.server_name or "").encode() or None,
    "upstream.address": lambda c: c.stream.host.address.encode() if c.stream.host is not None else None,
    "upstream.port": _upstream_port,
    "xds.route_name": _route,
    "xds.cluster_name": _cluster,
    "xds.virtual_host_name": lambda c: c.stream.route.virtual_host.encode() if c.stream.route is not None else None,
    "route_name": _route,
    "cluster_name": _cluster,
    "listener_name": lambda c: c.stream.connection.listener_name.encode(),
    "listener_direction": lambda c: _number(0),
}
"""By path, with dots."""

NAMES: Final = tuple(_ATTRIBUTES)
"""The attributes that are known, for the documentation."""
