"""A client in memory: writes a request, reads the response."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from httptools import HttpParserError, HttpResponseParser

from headgate.api.headers import Headers
from headgate.proxy.listener import ListenerRuntime
from headgate.testing.exchange import Exchange
from headgate.testing.memory_transport import MemoryTransport


class MemoryClient:
    """One client connection to a listener."""

    def __init__(self, listener: ListenerRuntime) -> None:
        self._transport = MemoryTransport(self._read, self._closed)
        self._connection = listener.protocol_factory()
        self._exchange = Exchange()
        self._done = asyncio.Event()
        self._head_request = False
        self._lost = False
        self._parser = HttpResponseParser(self)
        self._connection.connection_made(self._transport)

    async def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]],
        body: bytes | Sequence[bytes],
        trailers: Mapping[str, str] | None,
        timeout: float,
    ) -> Exchange:
        """Send one request and wait for its end."""
        self._exchange = Exchange()
        self._done = asyncio.Event()
        self._head_request = method == "HEAD"
        for piece in _request(method, target, headers, body, trailers):
            self._connection.data_received(piece)
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(timeout):
                await self._done.wait()
        except TimeoutError:
            pass
        return self._exchange

    def send_raw(self, data: bytes) -> None:
        """Write these bytes."""
        self._connection.data_received(data)

    @property
    def received(self) -> bytes:
        """Everything that came back on the connection."""
        return self._transport.written

    @property
    def closed(self) -> bool:
        """The proxy has closed the connection."""
        return self._transport.closed

    @property
    def half_closed(self) -> bool:
        """The proxy has said that it sends nothing more."""
        return self._transport.ended

    def leave(self) -> None:
        """Close the client's end."""
        if not self._lost:
            self._lost = True
            self._transport.closed = True
            self._connection.connection_lost(None)

    def _read(self, data: bytes) -> None:
        self._exchange.raw += data
        with contextlib.suppress(HttpParserError):  # more than one response, or none: ``received`` has it all
            self._parser.feed_data(data)

    def _closed(self) -> None:
        self._exchange.closed = True
        self._done.set()
        if not self._lost:
            self._lost = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    # Callbacks of httptools.

    def on_header(self, name: bytes, value: bytes) -> None:
        fields = self._exchange.trailers if self._exchange.status else self._exchange.headers
        fields.append_line(name.decode("latin-1").lower(), name + b": " + value)

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._exchange.headers = Headers()
            return
        self._exchange.status = status
        if self._head_request:
            self._finish()

    def on_body(self, data: bytes) -> None:
        self._exchange.body += data

    def on_message_complete(self) -> None:
        if self._exchange.status:
            self._finish()

    def _finish(self) -> None:
        self._exchange.complete = True
        self._done.set()


def _request(
    method: str,
    target: str,
    headers: Mapping[str, str] | Sequence[tuple[str, str]],
    body: bytes | Sequence[bytes],
    trailers: Mapping[str, str] | None,
) -> list[bytes]:
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    lines = [f"{method} {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in pairs):
        lines.append("Host: example.test")
    lines += [f"{name}: {value}" for name, value in pairs]
    if isinstance(body, bytes) and not trailers:
        if body:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        return [head + body]
    lines.append("Transfer-Encoding: chunked")
    chunks = [body] if isinstance(body, bytes) else body
    end = "".join(f"{name}: {value}\r\n" for name, value in (trailers or {}).items())
    pieces = ["\r\n".join(lines).encode() + b"\r\n\r\n"]
    pieces += [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    return [*pieces, b"0\r\n" + end.encode() + b"\r\n"]
