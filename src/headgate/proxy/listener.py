"""A listener in a worker: it lives as long as the listener is configured, across reloads.

It gives accepted connections each new configuration, so a reload takes effect on live connections without closing any.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from time import monotonic
from typing import Final, cast

from headgate.api.stream import Address, ConnectionInfo, TlsInfo
from headgate.net.tls.events import PendingConnection, PendingOwner
from headgate.net.tls.inspector import TlsInspector
from headgate.net.tls.layer import TlsLayer
from headgate.net.tls.listener_tls import ListenerTls, describe_peer, tls_info
from headgate.protocols.exchange import StreamDispatcher
from headgate.protocols.http1.server_connection import ConnectionOwner, Http1ServerConnection
from headgate.proxy.snapshot import ListenerSnapshot
from headgate.proxy.stream import ListenerDispatcher

_LOG: Final = logging.getLogger("headgate.proxy")
_DRAIN_GRACE: Final = 1.0
"""Seconds for a handshake that is under way when the listener drains."""


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
        self._pending: set[PendingConnection] = set()
        self._gate: _Gate = _Gate(self)
        self._last_id: int = 0
        self._draining: bool = False

    def apply(self, snapshot: ListenerSnapshot) -> None:
        """Take up a configuration: from the next request on, also on live connections."""
        previous = self._snapshot
        self._snapshot = snapshot
        self._dispatcher = ListenerDispatcher(snapshot)
        for entry in snapshot.entries:
            entry.start()
        snapshot.certificates.start()
        if previous is not None:
            for connection in self._connections:
                connection.update(snapshot.settings, self._dispatcher)

    def protocol_factory(self) -> asyncio.Protocol:
        """The protocol of an accepted connection, for ``loop.create_server``: HTTP, TLS, or what finds out which of them it is."""
        snapshot = self._snapshot
        assert snapshot is not None
        tls = snapshot.tls
        if tls is None or not tls.choice.contexts:  # none: plain text until a certificate can be had ('fall_back')
            return self.http("http")
        wheel = snapshot.context.wheel
        # Compiled by mypyc, a protocol cannot derive from asyncio's classes; it has their methods.
        protocol: object = (
            TlsInspector(self._gate, wheel, tls.timeout) if tls.inspector else TlsLayer.server(self._gate, wheel, tls.timeout, tls.choice)
        )
        return cast(asyncio.Protocol, protocol)

    def http(self, scheme: str) -> asyncio.Protocol:
        """The protocol of plain text, or of what has been decrypted.

        :param scheme: ``http`` or ``https``
        """
        snapshot = self._snapshot
        assert snapshot is not None
        connection: object = Http1ServerConnection(self, snapshot.settings, snapshot.stats, snapshot.context.wheel, scheme)
        return cast(asyncio.Protocol, connection)

    def drain(self) -> None:
        """Close idle connections now and the others after the response under way."""
        self._draining = True
        for connection in list(self._connections):
            connection.drain()
        for pending in list(self._pending):
            pending.hurry(monotonic() + _DRAIN_GRACE)

    def close(self) -> None:
        """Break every connection."""
        self._draining = True
        for connection in list(self._connections):
            connection.close_now()
        for pending in list(self._pending):
            pending.abort_pending()

    @property
    def active_connections(self) -> int:
        """Open connections, those in the handshake included."""
        return len(self._connections) + len(self._pending)

    @property
    def active_requests(self) -> int:
        """Connections with a request under way."""
        return sum([1 for connection in self._connections if connection.busy])

    # --- ConnectionOwner

    def connection_opened(self, connection: Http1ServerConnection) -> bool:
        """A client connected."""
        snapshot = self._snapshot
        assert snapshot is not None
        if snapshot.max_connections and self.active_connections >= snapshot.max_connections:
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
        info = ConnectionInfo(
            self._last_id,
            _address(transport.get_extra_info("peername")),
            _address(transport.get_extra_info("sockname")),
            self.name,
        )
        snapshot = self._snapshot
        if snapshot is not None and snapshot.tls is not None:
            layer: object = transport
            if isinstance(layer, TlsLayer):
                _describe_tls(layer, info)
                if info.tls is not None and info.tls.resumed:
                    snapshot.tls.stats.resumed += 1
        return info

    def dispatcher(self) -> StreamDispatcher:
        """Who gets the requests at present."""
        dispatcher = self._dispatcher
        assert dispatcher is not None
        return dispatcher

    # --- connections that have a handshake before them

    def pending_opened(self, pending: PendingConnection) -> bool:
        """A client connected; it counts as a connection already.

        :returns: False to break the connection
        """
        snapshot = self._snapshot
        assert snapshot is not None
        if snapshot.max_connections and self.active_connections >= snapshot.max_connections:
            snapshot.stats.connection_rejected += 1
            return False
        self._pending.add(pending)
        if self._draining:
            pending.hurry(monotonic() + _DRAIN_GRACE)
        return True

    def pending_over(self, pending: PendingConnection) -> None:
        """Its handshake is over, however it went."""
        self._pending.discard(pending)

    @property
    def tls(self) -> ListenerTls | None:
        """TLS under the present configuration."""
        return self._snapshot.tls if self._snapshot is not None else None

    def tls_layer(self, tls: ListenerTls) -> asyncio.Protocol:
        """The layer for a connection whose first byte is known to be TLS."""
        snapshot = self._snapshot
        assert snapshot is not None
        layer: object = TlsLayer.server(self._gate, snapshot.context.wheel, tls.timeout, tls.choice)
        return cast(asyncio.Protocol, layer)


class _Gate(PendingOwner):
    """A listener's side of handshakes."""

    def __init__(self, listener: ListenerRuntime) -> None:
        self._listener = listener

    def pending_opened(self, pending: PendingConnection) -> bool:
        return self._listener.pending_opened(pending)

    def pending_secured(self, pending: PendingConnection) -> asyncio.Protocol | None:
        listener = self._listener
        listener.pending_over(pending)
        tls = listener.tls
        if tls is not None:
            tls.stats.handshakes += 1
        return listener.http("https")

    def pending_plain(self, pending: PendingConnection) -> asyncio.Protocol:
        self._listener.pending_over(pending)
        return self._listener.http("http")

    def pending_tls(self, pending: PendingConnection) -> asyncio.Protocol:
        tls = self._listener.tls
        if tls is None or not tls.choice.contexts:  # a reload has taken TLS away in between
            return self.pending_plain(pending)
        self._listener.pending_over(pending)
        return self._listener.tls_layer(tls)

    def pending_failed(self, pending: PendingConnection, reason: str, detail: str) -> None:
        listener = self._listener
        listener.pending_over(pending)
        tls = listener.tls
        if tls is not None:
            tls.stats.count_failure(reason)
        if _LOG.isEnabledFor(logging.DEBUG):
            peer = _address(pending.get_extra_info("peername"))
            _LOG.debug("listener %s: %s: TLS handshake failed: %s", listener.name, peer, detail)


def _describe_tls(layer: TlsLayer, info: ConnectionInfo) -> None:
    """Note what the handshake came to."""
    session = layer.get_extra_info("ssl_object")
    if not isinstance(session, ssl.SSLObject):
        return
    tls: TlsInfo = tls_info(session)
    info.tls = tls
    info.server_name = layer.server_name or None
    der = session.getpeercert(True)
    if der is not None:
        info.tls_peer_certificate = ssl.DER_cert_to_PEM_cert(der)
        describe_peer(der, tls)
