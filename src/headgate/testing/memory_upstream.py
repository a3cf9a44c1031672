"""An upstream host in memory: reads requests, answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from httptools import HttpRequestParser

from headgate.protocols.http1.client_connection import Http1ClientConnection
from headgate.testing.exchange import ReceivedRequest, Reply
from headgate.testing.memory_transport import MemoryTransport


class MemoryUpstream:
    """The host of the tested configuration.

    :ivar requests: every request that it saw
    :ivar connections: how many connections were made to it
    :ivar refuse: accept no connection
    """

    def __init__(self, responder: Callable[[ReceivedRequest], Reply]) -> None:
        self.requests: list[ReceivedRequest] = []
        self.responder = responder
        self.refuse = False
        self.connections = 0

    def connect(self, connection: Http1ClientConnection) -> None:
        """The proxy connects."""
        self.connections += 1
        _Peer(self, connection)


class _Peer:
    """The host's end of one connection; also the parser's listener."""

    def __init__(self, upstream: MemoryUpstream, connection: Http1ClientConnection) -> None:
        self._upstream = upstream
        self._connection = connection
        self._parser = HttpRequestParser(self)
        self._request = ReceivedRequest()
        self._in_body = False
        self._lost = False
        self._transport = MemoryTransport(self._parser.feed_data, self._closed)
        connection.connection_made(self._transport)

    def on_url(self, url: bytes) -> None:
        self._request.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        fields = self._request.trailers if self._in_body else self._request.headers
        fields.append_line(name.decode("latin-1").lower(), name + b": " + value)

    def on_headers_complete(self) -> None:
        self._request.method = self._parser.get_method().decode()
        self._in_body = True

    def on_body(self, data: bytes) -> None:
        self._request.body += data

    def on_message_complete(self) -> None:
        request, self._request = self._request, ReceivedRequest()
        self._in_body = False
        self._upstream.requests.append(request)
        reply = self._upstream.responder(request)
        loop = asyncio.get_running_loop()
        for piece in reply.pieces(request.method):
            loop.call_soon(self._deliver, piece)
        if reply.close:
            loop.call_soon(self._end)

    def _deliver(self, piece: bytes) -> None:
        if not self._transport.closed:
            self._connection.data_received(piece)

    def _end(self) -> None:
        if not self._transport.closed:
            self._connection.eof_received()
            self._transport.close()

    def _closed(self) -> None:
        if not self._lost:
            self._lost = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)
