"""Header fields that the proxy itself adds to a request: ``X-Forwarded-For``, ``X-Forwarded-Proto``, ``X-Request-Id``, ``Via``,
and, if wanted, ``X-Forwarded-Client-Cert``.

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
_MOST_ADDRESSES: Final = 1024
_COUNTER_BITS: Final = 0xFFFFFFFFFFFFFF


class ForwardingHeaders:
    """Which of them are added."""

    def __init__(self, x_forwarded_for: bool, x_forwarded_proto: bool, x_request_id: bool, via: bool, client_cert: bool = False) -> None:
        """
        :param client_cert: say in ``X-Forwarded-Client-Cert`` who the client is, and let no client say it itself
        """
        self._forwarded_for = x_forwarded_for
        self._forwarded_proto = x_forwarded_proto
        self._request_id = x_request_id
        self._via = via
        self._client_cert = client_cert
        self._fixed: dict[str, bytes] = {}
        self._fixed_tls: dict[str, bytes] = {}
        # Unique, not secret: 64 random bits of this process, 64 bits of a counter that starts at random.
        self._id_start: bytes = b"X-Request-Id: " + os.urandom(8).hex().encode()
        self._id_counter: int = int.from_bytes(os.urandom(7), "big")

    def lines(self, request: RequestHead, connection: ConnectionInfo) -> bytes:
        """The lines to add, each with its line end. May extend ``X-Forwarded-For`` in the request itself."""
        headers = request.headers
        if headers.forwarding or headers.changed or self._client_cert:
            return self._unusual_lines(request, connection)
        ip = connection.remote.ip
        fixed = (self._fixed_tls if request.scheme == "https" else self._fixed).get(ip)
        if fixed is None:
            fixed = self._fixed_lines(request, ip)
        if not self._request_id:
            return fixed
        counter = self._id_counter = (self._id_counter + 1) & _COUNTER_BITS
        return b"%b%016x\r\n" % (fixed, counter)

    def _unusual_lines(self, request: RequestHead, connection: ConnectionInfo) -> bytes:
        lines = self._client_cert_lines(request.headers, connection) if self._client_cert else b""
        return lines + self._missing_lines(request, connection)

    def _client_cert_lines(self, headers: Headers, connection: ConnectionInfo) -> bytes:
        if "x-forwarded-client-cert" in headers.keys:
            changed = headers.changed  # this is no change to the framing
            headers.remove("x-forwarded-client-cert")
            headers.changed = changed
        tls = connection.tls
        if tls is None or not tls.forwarded:
            return b""
        return b"X-Forwarded-Client-Cert: " + tls.forwarded.encode() + b"\r\n"

    def _fixed_lines(self, request: RequestHead, ip: str) -> bytes:
        """What is the same for every request from an address that brings none of these fields, up to the number of its id."""
        lines = b""
        if self._forwarded_for:
            lines += b"X-Forwarded-For: " + ip.encode() + b"\r\n"
        if self._forwarded_proto:
            lines += b"X-Forwarded-Proto: " + request.scheme.encode() + b"\r\n"
        if self._via:
            lines += _VIA
        if self._request_id:
            lines += self._id_start
        cache = self._fixed_tls if request.scheme == "https" else self._fixed
        if len(cache) >= _MOST_ADDRESSES:
            cache.clear()
        cache[ip] = lines
        return lines

    def _request_id_line(self) -> bytes:
        self._id_counter = (self._id_counter + 1) & _COUNTER_BITS
        return b"%b%016x\r\n" % (self._id_start, self._id_counter)

    def _missing_lines(self, request: RequestHead, connection: ConnectionInfo) -> bytes:
        headers = request.headers
        keys = headers.keys
        extra = b""
        if self._forwarded_for:
            if "x-forwarded-for" in keys:
                self._extend_forwarded_for(headers, connection.remote.ip)
            else:
                extra = b"X-Forwarded-For: " + connection.remote.ip.encode() + b"\r\n"
        if self._forwarded_proto and "x-forwarded-proto" not in keys:
            extra += b"X-Forwarded-Proto: " + request.scheme.encode() + b"\r\n"
        if self._request_id and "x-request-id" not in keys:
            extra += self._request_id_line()
        if self._via:
            extra += _VIA
        return extra

    def _extend_forwarded_for(self, headers: Headers, ip: str) -> None:
        changed = headers.changed  # this is no change to the framing
        before = headers.get_joined("x-forwarded-for")
        headers.set("X-Forwarded-For", f"{before}, {ip}" if before else ip)
        headers.changed = changed
