"""Variables of the request and the response: method, path, headers, query arguments, cookies (names of MOSN)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

from headgate.api.stream import Stream
from headgate.observe.stream_info import StreamInfo
from headgate.observe.variable_registry import variable

_TRACE_PARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@variable("request_header_")
@variable("Http1_request_header_", protocol="Http1")
@variable("Http2_request_header_", protocol="Http2")
def request_header(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The first request header of that name."""
    return stream.request.headers.get(rest)


@variable("response_header_")
def response_header(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The first response header of that name."""
    return stream.response.headers.get(rest) if stream.response is not None else None


@variable("Http1_request_arg_", protocol="Http1")
@variable("Http2_request_arg_", protocol="Http2")
def request_argument(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The first query argument of that name, decoded."""
    for pair in (stream.request.query or "").split("&"):
        name, _, value = pair.partition("=")
        if unquote_plus(name, errors="surrogateescape") == rest:
            return unquote_plus(value, errors="surrogateescape")
    return None


@variable("Http1_cookie_", protocol="Http1")
@variable("Http2_cookie_", protocol="Http2")
def cookie(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The first cookie of that name (RFC 6265 section 4.2; quotes around the value are dropped)."""
    for line in stream.request.headers.get_all("cookie"):
        for pair in line.split(";"):
            name, separator, value = pair.partition("=")
            if separator and name.strip() == rest:
                text = value.strip()
                return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    return None


@variable("x-mosn-method")
@variable("Http1_request_method", protocol="Http1")
@variable("Http2_request_method", protocol="Http2")
def request_method(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The request's method."""
    return stream.request.method


@variable("x-mosn-scheme")
@variable("Http1_request_scheme", protocol="Http1")
@variable("Http2_request_scheme", protocol="Http2")
def request_scheme(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """``http`` or ``https``."""
    return stream.request.scheme


@variable("Http1_request_uri", protocol="Http1")
@variable("Http2_request_uri", protocol="Http2")
def request_uri(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Path and query as sent."""
    return stream.request.target


@variable("x-mosn-path")
@variable("Http1_request_path", protocol="Http1")
@variable("Http2_request_path", protocol="Http2")
def request_path(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The path, decoded."""
    return stream.request.decoded_path


@variable("x-mosn-path-original")
@variable("Http1_request_path_original", protocol="Http1")
@variable("Http2_request_path_original", protocol="Http2")
def request_path_original(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The path as sent."""
    return stream.request.path


@variable("x-mosn-querystring")
@variable("Http1_request_arg", protocol="Http1")
@variable("Http2_request_arg", protocol="Http2")
def request_query(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The query as sent, without the ``?``."""
    return stream.request.query


@variable("Http1_request_length", protocol="Http1")
@variable("Http2_request_length", protocol="Http2")
def request_length(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Bytes of the request: its head in HTTP/1.1 form and the body received so far."""
    request = stream.request
    head = len(request.method) + len(request.target) + len("  HTTP/1.1\r\n\r\n")
    for line in request.headers.lines:
        head += len(line) + 2
    return str(head + info.bytes_received)


@variable("authority")
@variable("x-mosn-host")
def authority(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Host and port that the client named (``Host`` header)."""
    return stream.request.authority or None


@variable("x-mosn-status")
def status(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Status of the response, once there is one."""
    return str(stream.response.status) if stream.response is not None else None


@variable("trace_id")
def trace_id(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The trace id that a tracer or filter set, else that of the request's ``traceparent`` header (W3C Trace Context)."""
    if "trace_id" in stream.variables:
        return None  # what was set is read where all values of filters are
    header = stream.request.headers.get("traceparent")
    if header is None:
        return None
    match = _TRACE_PARENT.match(header)
    return match.group(1) if match is not None else None


@variable("listener_type")
@variable("requestResult")
@variable("upstream_index")
@variable("proxy_gzip_switch")
@variable("proxy_hijack_status")
@variable("proxy_direct_response")
@variable("proxy_disable_retry")
@variable("proxy_global_timeout")
@variable("proxy_try_timeout")
@variable("gRPC_serviceName")
@variable("Dubbo_service")
@variable("Dubbo_method")
@variable("x-mosn-direction")
@variable("x-mosn-rpc-service")
@variable("x-mosn-rpc-method")
@variable("x-mosn-router-meta")
@variable("x-mosn-req-raw-data")
@variable("x-mosn-resp-raw-data")
def set_along_the_stream(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """What a filter or the engine has put under this name into ``stream.variables``."""
    return None
