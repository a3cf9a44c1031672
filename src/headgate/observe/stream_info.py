"""What the engine notes about one stream for logs and variables.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import monotonic, time
from typing import Final

NO_HEALTHY_UPSTREAM: Final = 0x2
UPSTREAM_REQUEST_TIMEOUT: Final = 0x4
UPSTREAM_LOCAL_RESET: Final = 0x8
UPSTREAM_REMOTE_RESET: Final = 0x10
UPSTREAM_CONNECTION_FAILURE: Final = 0x20
UPSTREAM_CONNECTION_TERMINATION: Final = 0x40
UPSTREAM_OVERFLOW: Final = 0x80
NO_ROUTE_FOUND: Final = 0x100
DELAY_INJECTED: Final = 0x200
FAULT_INJECTED: Final = 0x400
RATE_LIMITED: Final = 0x800
REQUEST_ENTITY_TOO_LARGE: Final = 0x1000
DOWNSTREAM_TERMINATE: Final = 0x2000

PROCESS_FAILED: Final = (
    NO_HEALTHY_UPSTREAM
    | UPSTREAM_LOCAL_RESET
    | NO_ROUTE_FOUND
    | FAULT_INJECTED
    | RATE_LIMITED
    | REQUEST_ENTITY_TOO_LARGE
    | DOWNSTREAM_TERMINATE
)
"""The flags that count as ``request_failed`` (MOSN's "process failed")."""

FLAG_NAMES: Final[dict[int, str]] = {
    NO_HEALTHY_UPSTREAM: "NoHealthyUpstream",
    UPSTREAM_REQUEST_TIMEOUT: "UpstreamRequestTimeout",
    UPSTREAM_LOCAL_RESET: "UpstreamLocalReset",
    UPSTREAM_REMOTE_RESET: "UpstreamRemoteReset",
    UPSTREAM_CONNECTION_FAILURE: "UpstreamConnectionFailure",
    UPSTREAM_CONNECTION_TERMINATION: "UpstreamConnectionTermination",
    UPSTREAM_OVERFLOW: "UpstreamOverflow",
    NO_ROUTE_FOUND: "NoRouteFound",
    DELAY_INJECTED: "DelayInjected",
    FAULT_INJECTED: "FaultInjected",
    RATE_LIMITED: "RateLimited",
    REQUEST_ENTITY_TOO_LARGE: "ReqEntityTooLarge",
    DOWNSTREAM_TERMINATE: "DownStreamTerminate",
}
"""Bit -> MOSN's name of the flag."""


class StreamInfo:
    """Times, sizes and the fate of one stream. The engine fills it; times are ``time.monotonic`` seconds, 0.0 while not reached.

    :ivar start_time: the request's first byte
    :ivar start_wall: the same on the wall clock, seconds since the epoch; 0.0 until :meth:`wall_clock` was asked
    :ivar request_received: the request's last byte
    :ivar response_received: the first byte of the upstream response (or of the reply) was there
    :ivar finished: the stream's end
    :ivar bytes_received: body bytes received from the client
    :ivar bytes_sent: body bytes sent to the client
    :ivar protocol: ``Http1``, ...
    :ivar response_code: status sent to the client; 0 while none
    :ivar response_flags: bits of this module's constants (MOSN's response flags)
    :ivar upstream_local_address: our end of the upstream connection; empty without one
    :ivar upstream_cluster: name of the chosen cluster; empty without one
    :ivar upstream_connection_id: number of the upstream connection, unique in its worker; 0 without one
    :ivar upstream_attempts: how often the request was sent upstream
    :ivar upstream_failure: why the last attempt failed; empty if it did not
    """

    start_wall: float = 0.0
    request_received: float = 0.0
    response_received: float = 0.0
    finished: float = 0.0
    bytes_received: int = 0
    bytes_sent: int = 0
    response_code: int = 0
    response_flags: int = 0
    upstream_local_address: str = ""
    upstream_cluster: str = ""
    upstream_connection_id: int = 0
    upstream_attempts: int = 0
    upstream_failure: str = ""

    def __init__(self, start_time: float, protocol: str) -> None:
        self.start_time: float = start_time
        self.protocol: str = protocol

    def wall_clock(self) -> float:
        """The stream's start in seconds since the epoch, computed from the monotonic clock when first asked for."""
        if self.start_wall == 0.0:
            self.start_wall = time() - (monotonic() - self.start_time)
        return self.start_wall
