"""The admin server: small, strict, in the supervisor, on a loopback address unless the configuration says otherwise.

It has no authentication, as in MOSN; whoever reaches its address controls log levels and reads the configuration. So it warns when it
is bound to anything but the loopback, and guards against browsers (``headgate.control.admin.browser_guard``).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Final, NamedTuple

from headgate.api.registry import ExtensionScope
from headgate.config.models import AdminConfig
from headgate.control.admin import routes
from headgate.control.admin.browser_guard import is_loopback, refusal
from headgate.control.admin.connection import AdminConnection
from headgate.control.admin.handler import ADMIN_HANDLERS, AdminRequest, AdminResponse, AdminRoute, error_response
from headgate.control.admin.view import AdminView

_logger: Final = logging.getLogger("headgate.control")


class AdminLimits(NamedTuple):
    """What the admin server takes at most.

    :ivar request_bytes: head and body of one request
    :ivar connections: open connections
    :ivar timeout: seconds for reading a request, for its handler, and for the client to take the response
    """

    request_bytes: int = 65536
    connections: int = 100
    timeout: float = 10.0


class AdminServer:
    """Serves the admin API over one listening socket.

    Made with the configuration, started once, stopped once.
    """

    def __init__(
        self, config: AdminConfig, view: AdminView, scope: ExtensionScope | None = None, limits: AdminLimits | None = None
    ) -> None:
        """
        :param config: where it listens, for its messages
        :param view: the running proxy
        :param scope: the extensions of the configuration, whose admin handlers are served too
        :param limits: default: 64 KiB, 100 connections, 10 s
        :raises ExtensionLoadError: if an installed package announces a handler and cannot be loaded
        """
        self._config = config
        self._view = view
        self._limits = limits or AdminLimits()
        self._routes: dict[str, AdminRoute] = {}
        for registration in ADMIN_HANDLERS.registered(scope):
            self._routes[registration.name] = registration.create(None)
        self._server: asyncio.AbstractServer | None = None
        self._connections: set[AdminConnection] = set()
        self._loopback_only = False

    @property
    def paths(self) -> list[str]:
        """The paths that have a handler, sorted."""
        return sorted(self._routes)

    async def start(self, sock: socket.socket) -> None:
        """Serve on a bound socket (TCP or unix). The socket then belongs to the server."""
        loop = asyncio.get_running_loop()
        if sock.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(self._connection, sock=sock)
            return
        address = str(sock.getsockname()[0])
        self._loopback_only = is_loopback(address)
        if not self._loopback_only:
            _logger.warning(
                "the admin server listens on %s, which is reachable from other machines, and has no authentication; bind it to 127.0.0.1 "
                "or protect the port",
                address,
            )
        self._server = await loop.create_server(self._connection, sock=sock)

    async def stop(self) -> None:
        """Stop listening, let requests under way finish for at most the timeout, close what is left."""
        if self._server is None:
            return
        self._server.close()
        tasks = [connection.task for connection in self._connections if connection.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=self._limits.timeout)
        for connection in list(self._connections):
            connection.close()
        await self._server.wait_closed()
        self._server = None

    def _connection(self) -> AdminConnection:
        full = len(self._connections) >= self._limits.connections
        connection = AdminConnection(self._answer, self._connections.discard, self._limits.request_bytes, self._limits.timeout, full)
        self._connections.add(connection)
        return connection

    async def _answer(self, request: AdminRequest, peer: str) -> AdminResponse:
        response = await self._handled(request)
        if request.method == "POST":
            _logger.info("admin: POST %s from %s: %d", request.path, peer, response.status)
        return response

    async def _handled(self, request: AdminRequest) -> AdminResponse:
        reason = refusal(request.method, request.headers, self._loopback_only)
        if reason is not None:
            _logger.warning("admin: refused %s %s: %s", request.method, request.path, reason)
            return error_response(reason, 403)
        request.paths = self.paths
        route = self._routes.get(request.path, self._routes[routes.INDEX])
        if request.method not in route.methods:
            return AdminResponse(405, headers={"Allow": ", ".join(route.methods)})
        try:
            async with asyncio.timeout(self._limits.timeout):
                return await route.handle(request, self._view)
        except TimeoutError:
            _logger.error("admin: handler of %s (%s) took longer than %g s", route.path, route.origin, self._limits.timeout)
            return error_response("the handler took too long", 504)
        except Exception:
            _logger.exception("admin: handler of %s (%s) failed", route.path, route.origin)
            return error_response("internal error", 500)
