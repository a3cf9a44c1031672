"""Header fields that the proxy itself adds to a request: ``X-Forwarded-For``, ``X-Forwarded-Proto``, ``X-Request-Id``, ``Via``.

They are written when the head goes upstream, behind the message's own fields; what a client or a filter has set already is extended
(``X-Forwarded-For``) or left as it is (``X-Forwarded-Proto``, ``X-Request-Id``).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import os
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
from headgate.api.stream import ConnectionInfo

_VIA: Final = b"Via: 1.1 headgate\r\n"


class ForwardingHeaders:
    """Which of them are added."""

    def __init__(self, x_forwarded_for: bool, x_forwarded_proto: bool, x_request_id: bool, via: bool) -> None:
        self._forwarded_for = x_forwarded_for
        self._forwarded_proto = x_forwarded_proto
        self._request_id = x_request_id
        self._via = via
        # Unique, not secret: 64 random bits of this process, 64 bits of a counter that starts at random.
        self._id_prefix: str = os.urandom(8).hex()
        self._id_counter: int = int.from_bytes(os.urandom(7), "big")

    def lines(self, request: RequestHead, connection: ConnectionInfo) -> bytes:
        """The lines to add, each with its line end. May extend ``X-Forwarded-For`` in the request itself."""
        headers = request.headers
        keys = headers.keys
        extra = b""
        if self._forwarded_for:
            if "x-forwarded-for" in keys:
                self._extend_forwarded_for(headers, connection.remote.ip)
            else:
                extra = b"X-Forwarded-For: " + connection.remote.ip.encode() + b"\r\n"
        if self._forwarded_proto and "x-forwarded-proto" not in keys:
            extra += b"X-Forwarded-Proto: https\r\n" if request.scheme == "https" else b"X-Forwarded-Proto: http\r\n"
        if self._request_id and "x-request-id" not in keys:
            self._id_counter = (self._id_counter + 1) & 0xFFFFFFFFFFFFFF
            extra += f"X-Request-Id: {self._id_prefix}{self._id_counter:016x}\r\n".encode()
        if self._via:
            extra += _VIA
        return extra

    def _extend_forwarded_for(self, headers: Headers, ip: str) -> None:
        changed = headers.changed  # this is no change to the framing
        before = headers.get_joined("x-forwarded-for")
        headers.set("X-Forwarded-For", f"{before}, {ip}" if before else ip)
        headers.changed = changed
