"""A listener in a worker: it lives as long as the listener is configured, across reloads.

Accepted connections ask it for the present configuration at each request, so a reload takes effect on live connections without closing any.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio

from headgate.api.stream import Address, ConnectionInfo
from headgate.protocols.exchange import StreamDispatcher
from headgate.protocols.http1.server_connection import ConnectionOwner, Http1ServerConnection
from headgate.proxy.snapshot import ListenerSnapshot
from headgate.proxy.stream import ListenerDispatcher


def _address(name: object) -> Address:
    if isinstance(name, tuple) and len(name) >= 2:
        return Address(str(name[0]), int(name[1]))
    return Address(str(name) if name else "unix", 0)


class ListenerRuntime(ConnectionOwner):
    """One listener of one worker."""

    def __init__(self, name: str) -> None:
        self.name: str = name
        self._snapshot: ListenerSnapshot | None = None
        self._dispatcher: ListenerDispatcher | None = None
        self._connections: set[Http1ServerConnection] = set()
        self._last_id: int = 0
        self._draining: bool = False

    def apply(self, snapshot: ListenerSnapshot) -> None:
        """Take up a configuration: from the next request on, also on live connections."""
        previous = self._snapshot
        self._snapshot = snapshot
        self._dispatcher = ListenerDispatcher(snapshot)
        if previous is not None:
            for connection in self._connections:
                connection.update_settings(snapshot.settings)

    def protocol_factory(self) -> Http1ServerConnection:
        """The protocol of an accepted connection, for ``loop.create_server``."""
        snapshot = self._snapshot
        assert snapshot is not None
        return Http1ServerConnection(self, snapshot.settings, snapshot.stats, snapshot.context.wheel, "http")

    def drain(self) -> None:
        """Close idle connections now and the others after the response under way."""
        self._draining = True
        for connection in list(self._connections):
            connection.drain()

    def close(self) -> None:
        """Break every connection."""
        self._draining = True
        for connection in list(self._connections):
            connection.close_now()

    @property
    def active_connections(self) -> int:
        """Open connections."""
        return len(self._connections)

    @property
    def active_requests(self) -> int:
        """Connections with a request under way."""
        return sum([1 for connection in self._connections if connection.busy])

    # --- ConnectionOwner

    def connection_opened(self, connection: Http1ServerConnection) -> bool:
        """A client connected."""
        snapshot = self._snapshot
        assert snapshot is not None
        if snapshot.max_connections and len(self._connections) >= snapshot.max_connections:
            snapshot.stats.connection_rejected += 1
            return False
        self._connections.add(connection)
        if self._draining:
            # Accepted just before the listener stopped: its first request is answered, then it closes.
            connection.finish_after_request()
        return True

    def connection_closed(self, connection: Http1ServerConnection) -> None:
        """It is gone."""
        self._connections.discard(connection)

    def describe(self, transport: asyncio.Transport) -> ConnectionInfo:
        """What filters and logs know of a connection."""
        self._last_id += 1
        return ConnectionInfo(
            self._last_id,
            _address(transport.get_extra_info("peername")),
            _address(transport.get_extra_info("sockname")),
            self.name,
        )

    def dispatcher(self) -> StreamDispatcher:
        """Who gets the next request."""
        dispatcher = self._dispatcher
        assert dispatcher is not None
        return dispatcher
