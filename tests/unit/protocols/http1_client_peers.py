"""Both sides of an upstream connection for HTTP/1.1: its owner and receiver, and the host behind a transport in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from headgate.api import Headers, RequestHead, ResponseHead
from headgate.net.deadlines import DeadlineWheel
from headgate.observe.upstream_stats import HostStats
from headgate.protocols.exchange import ResponseReceiver
from headgate.protocols.http1.client_connection import ClientConnectionOwner, Http1ClientConnection
from headgate.testing.memory_transport import MemoryTransport


class Owner(ClientConnectionOwner):
    """Notes what becomes of the connection."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def connection_idle(self, connection: Http1ClientConnection) -> None:
        self.notes.append("idle")

    def connection_gone(self, connection: Http1ClientConnection, active: bool, by_peer: bool) -> None:
        self.notes.append(f"gone active={active} by_peer={by_peer}")


class Receiver(ResponseReceiver):
    """Notes what is heard of one exchange."""

    def __init__(self) -> None:
        self.notes: list[object] = []

    def on_response_head(self, head: ResponseHead, end_stream: bool) -> None:
        self.notes.append((head.status, end_stream))

    def on_informational(self, head: ResponseHead) -> None:
        self.notes.append(("interim", head.status))

    def on_response_data(self, data: bytes) -> None:
        if self.notes and isinstance(self.notes[-1], bytes):
            self.notes[-1] += data
        else:
            self.notes.append(data)

    def on_response_end(self, trailers: Headers | None) -> None:
        self.notes.append(("end", trailers.items() if trailers is not None else None))

    def on_response_flush(self) -> None:
        pass

    def on_upstream_reset(self, reason: int, detail: str) -> None:
        self.notes.append(("reset", reason))

    def on_upstream_full(self) -> None:
        self.notes.append("full")

    def on_upstream_drained(self) -> None:
        self.notes.append("drained")


class Rig:
    """A connection with its transport and owner."""

    def __init__(self, idle: float = 0.0, body_idle: float = 0.0) -> None:
        self.owner = Owner()
        self.transport = MemoryTransport(lambda _: None, self._closed)
        self.connection = Http1ClientConnection(1, self.owner, HostStats("c", "h"), DeadlineWheel(), idle, body_idle, 65536)
        self.connection.connection_made(cast(asyncio.Transport, self.transport))

    def _closed(self) -> None:
        asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    def ask(self, method: str = "GET", length: int | None = None, end: bool = True) -> Receiver:
        """Begin an exchange. ``length``: of a body to come; -1: unknown."""
        receiver = Receiver()
        head = RequestHead(method, "/", Headers.of({"Host": "a.test"}))
        if length is not None:
            head.content_length = length
        self.connection.start(receiver)
        self.connection.send_request_head(head, b"", length is None)
        return receiver

    def peer_closes(self) -> None:
        """The host closes in the orderly way."""
        self.connection.eof_received()
        self.transport.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario in an event loop; it has 20 s."""

    async def body() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(body())
