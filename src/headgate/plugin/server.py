"""The plugin's event loop: its socket, its connections, and its end.

A plugin ends by SIGTERM, by ``GRPCController.Shutdown``, or because the proxy is gone. It then takes no new calls, lets those that are
under way come to their end, and ends itself; a second SIGTERM, or the time limit, ends it at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal

from headgate.plugin.call_method import CallMethod
from headgate.plugin.handshake import announce as announce_address
from headgate.plugin.parent_watch import ParentWatch
from headgate.plugin.service import Function
from headgate.plugin.socket_place import SocketPlace
from headgate.plugin.standard_methods import (
    BROKER_PATH,
    HEALTH_CHECK_PATH,
    HEALTH_WATCH_PATH,
    SHUTDOWN_PATH,
    STDIO_PATH,
    HealthCheck,
    HealthWatch,
    HeldMethod,
    HeldStreams,
    Shutdown,
)
from headgate.protocols.grpc.plugin_codec import PLUGIN_CALL_PATH
from headgate.protocols.grpc.server_connection import GrpcMethod, GrpcServerConnection, ServerConnectionOwner

_LOG = logging.getLogger("headgate.plugin")


class PluginServer(ServerConnectionOwner):
    """Serves one function on one socket.

    :param threads: as for :func:`headgate.plugin.serve`; likewise the others
    """

    def __init__(self, function: Function, *, threads: int, max_message: int, max_calls: int, drain_timeout: float) -> None:
        self._call = CallMethod(function, threads)
        self._held = HeldStreams()
        self._max_message = max_message
        self._max_calls = max_calls
        self._drain_timeout = drain_timeout
        self._connections: set[GrpcServerConnection] = set()
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._methods: dict[bytes, GrpcMethod] = {
            PLUGIN_CALL_PATH: self._call,
            HEALTH_CHECK_PATH: HealthCheck(),
            HEALTH_WATCH_PATH: HealthWatch(self._held),
            SHUTDOWN_PATH: Shutdown(self.stop),
            BROKER_PATH: HeldMethod(self._held),
            STDIO_PATH: HeldMethod(self._held),
        }

    def stop(self) -> None:
        """End it, calls first; a second time: at once."""
        if self._stopping.is_set():
            self._at_once.set()
        self._stopping.set()

    async def run(self, place: SocketPlace, announce: bool = True) -> None:
        """Serve until it is stopped.

        :param announce: tell the proxy by the handshake line, and watch that it lives
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        network = "unix" if place.address.startswith("/") else "tcp"
        if network == "unix":
            server = await loop.create_unix_server(self._protocol, sock=place.socket)
        else:
            server = await loop.create_server(self._protocol, sock=place.socket)
        watch = ParentWatch(lambda: loop.call_soon_threadsafe(self.stop))
        if announce:
            watch.start()
            announce_address(network, place.address)
        await self._stopping.wait()
        server.close()
        await self._drain()
        watch.stop()
        self._call.close()

    async def _drain(self) -> None:
        self._held.end()
        for connection in list(self._connections):
            connection.drain()
        waits = [asyncio.ensure_future(self._empty.wait()), asyncio.ensure_future(self._at_once.wait())]
        await asyncio.wait(waits, timeout=self._drain_timeout, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        for connection in list(self._connections):
            connection.close()

    def _protocol(self) -> asyncio.BaseProtocol:
        # Not a subclass of asyncio's: a compiled class cannot be one, and event loops ask only for the methods.
        connection = GrpcServerConnection(self, self._methods, self._max_message, self._max_calls)
        return connection  # type: ignore[return-value]

    # --- ServerConnectionOwner

    def connection_open(self, connection: GrpcServerConnection) -> None:
        self._connections.add(connection)
        self._empty.clear()
        if self._stopping.is_set():
            connection.drain()

    def connection_gone(self, connection: GrpcServerConnection, detail: str) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
        if detail:
            _LOG.warning("a client was refused: %s", detail)

    def method_failed(self, error: Exception) -> None:
        _LOG.error("a call could not be answered", exc_info=error)
