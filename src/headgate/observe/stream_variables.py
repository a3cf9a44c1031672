"""Variables of what the engine knows about a stream: times, sizes, addresses, outcome (names and forms of MOSN)."""

from __future__ import annotations

from time import monotonic
from typing import Final

from headgate.api.stream import Stream
from headgate.observe.elapsed import WallClock, elapsed_text
from headgate.observe.stream_info import FLAG_NAMES, StreamInfo
from headgate.observe.variable_registry import variable

_clock: Final = WallClock()


def _since_start(info: StreamInfo, moment: float) -> str | None:
    return elapsed_text(moment - info.start_time) if moment > 0.0 else None


@variable("start_time")
def start_time(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """When the request's first byte arrived, ``2026/11/24 13:05:59.042``, local time."""
    return _clock.text(info.wall_clock()) if info.start_time > 0.0 else None


@variable("request_received_duration")
def request_received_duration(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """From the start to the request's last byte."""
    return _since_start(info, info.request_received)


@variable("response_received_duration")
def response_received_duration(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """From the start to the first byte of the response."""
    return _since_start(info, info.response_received)


@variable("request_finished_duration")
def request_finished_duration(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """From the start to the stream's end."""
    return _since_start(info, info.finished)


@variable("duration")
def duration(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """From the start to the stream's end, or to now while it goes on."""
    if info.start_time == 0.0:
        return None
    return _since_start(info, info.finished if info.finished > 0.0 else monotonic())


@variable("process_time_duration")
def process_time_duration(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The proxy's own part: the start to the request's last byte, and the response's first byte to the stream's end."""
    if info.finished == 0.0:
        return None
    if info.request_received == 0.0 or info.response_received == 0.0:
        return elapsed_text(info.finished - info.start_time)
    return elapsed_text(info.request_received - info.start_time + info.finished - info.response_received)


@variable("bytes_sent")
def bytes_sent(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Body bytes sent to the client."""
    return str(info.bytes_sent)


@variable("bytes_received")
def bytes_received(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Body bytes received from the client."""
    return str(info.bytes_received)


@variable("protocol")
def protocol(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Downstream protocol, e.g. ``Http1``."""
    return info.protocol or None


@variable("response_code")
def response_code(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Status sent to the client; 0 if none was."""
    return str(info.response_code)


@variable("response_flag")
@variable("response_flags")
def response_flag(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """``true`` if anything out of the ordinary happened (any response flag is set), else ``false``."""
    return "true" if info.response_flags else "false"


@variable("response_flag_names")
def response_flag_names(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The response flags by name, joined by commas, e.g. ``UpstreamConnectionFailure`` (Headgate's own)."""
    flags = info.response_flags
    if flags == 0:
        return None
    return ",".join([name for bit, name in FLAG_NAMES.items() if flags & bit])


@variable("upstream_local_address")
def upstream_local_address(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Our end of the upstream connection."""
    return info.upstream_local_address or None


@variable("upstream_host")
def upstream_host(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The host that answered, or that was tried last."""
    return stream.host.address if stream.host is not None else None


@variable("upstream_cluster")
def upstream_cluster(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The chosen cluster."""
    return info.upstream_cluster or None


@variable("upstream_transport_failure_reason")
def upstream_transport_failure_reason(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Why the last attempt upstream failed."""
    return info.upstream_failure or None


@variable("upstream_connection_id")
def upstream_connection_id(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Number of the upstream connection in its worker."""
    return str(info.upstream_connection_id) if info.upstream_connection_id else None


@variable("upstream_attempts")
def upstream_attempts(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """How often the request was sent upstream (Headgate's own)."""
    return str(info.upstream_attempts)


@variable("route_name")
def route_name(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Name of the matched route."""
    return (stream.route.name or None) if stream.route is not None else None


@variable("downstream_local_address")
def downstream_local_address(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Our end of the client's connection."""
    return stream.connection.local.text or None


@variable("downstream_remote_address")
def downstream_remote_address(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The client's address and port."""
    return stream.connection.remote.text or None


@variable("requested_server_name")
def requested_server_name(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """The name that the client asked for in TLS (SNI)."""
    return stream.connection.server_name


@variable("downstream_tls_version")
def downstream_tls_version(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """TLS version of the client's connection, e.g. ``TLSv1.3`` (Headgate's own, like the next three)."""
    tls = stream.connection.tls
    return tls.version if tls is not None else None


@variable("downstream_tls_cipher")
def downstream_tls_cipher(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Cipher suite of the client's connection."""
    tls = stream.connection.tls
    return tls.cipher if tls is not None else None


@variable("downstream_tls_alpn")
def downstream_tls_alpn(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Application protocol agreed upon in TLS (ALPN)."""
    tls = stream.connection.tls
    return (tls.protocol or None) if tls is not None else None


@variable("downstream_peer_subject")
def downstream_peer_subject(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Subject of the client's certificate."""
    tls = stream.connection.tls
    return (tls.peer_subject or None) if tls is not None else None


@variable("connection_id")
def connection_id(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Number of the client's connection in its worker."""
    return str(stream.connection.id)


@variable("stream_id")
def stream_id(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Number of the stream in its worker."""
    return str(stream.id)


@variable("listener_name")
def listener_name(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Name of the listener."""
    return stream.connection.listener_name or None


@variable("listener_port")
def listener_port(stream: Stream, info: StreamInfo, rest: str) -> str | None:
    """Port of the listener; none on a unix socket."""
    port = stream.connection.local.port
    return str(port) if port else None
