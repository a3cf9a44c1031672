"""Writing the body of a request on an upstream connection.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Final

from headgate.api.headers import Headers
from headgate.observe.upstream_stats import HostStats
from headgate.protocols.exchange import RequestSender
from headgate.protocols.http1.encoder import encode_trailers

_GATHER: Final = 16 * 1024
"""Bytes up to which what is written is collected by copying."""


class RequestWriter(RequestSender):
    """The writing half of an upstream connection.

    :param stats: where written bytes are counted
    """

    def __init__(self, stats: HostStats) -> None:
        self._stats: HostStats = stats
        self._transport: asyncio.Transport | None = None
        self._closed: bool = False
        self._pending: bytes = b""
        # The request under way:
        self._request_done: bool = True
        self._chunked: bool = False

    def send_request_data(self, data: bytes) -> None:
        """Send a part of the body."""
        if not data:
            return
        if not self._chunked:
            self._collect(data)
        elif len(data) < 4096:
            self._collect(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._collect(b"%x\r\n" % len(data))
            self._collect(data)
            self._collect(b"\r\n")

    def send_request_end(self, trailers: Headers | None) -> None:
        """The request is complete."""
        if self._chunked:
            self._collect(encode_trailers(trailers))
        self._request_done = True
        self.flush_request()

    def flush_request(self) -> None:
        """Send what was collected."""
        pending = self._pending
        if pending:
            self._pending = b""
            self._write(pending)

    def _collect(self, data: bytes) -> None:
        pending = self._pending
        if pending and len(pending) + len(data) <= _GATHER:
            self._pending = pending + data
        else:
            self.flush_request()
            if len(data) <= _GATHER:
                self._pending = data
            else:
                self._write(data)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._closed:
            self._stats.connection_bytes_write_total += len(data)
            self._transport.write(data)
