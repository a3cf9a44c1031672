"""The supervisor's connection to one process of a plugin that speaks gRPC: to take what it writes to its standard output and error
(:mod:`.stdio_stream`), to ask for its health, to have it shut down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from headgate.api.plugin import PluginError
from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.status import UNIMPLEMENTED, status_name
from headgate.runtimes.process.handshake import Endpoint
from headgate.runtimes.process.instance_connection import InstanceConnection
from headgate.runtimes.process.output_log import BREATH, OutputLog
from headgate.runtimes.process.plugin_link import PluginLink
from headgate.runtimes.process.stdio_stream import STDERR, STDOUT, StdioReceiver

HEALTH_PATH = "/grpc.health.v1.Health/Check"
SHUTDOWN_PATH = "/plugin.GRPCController/Shutdown"
_HEALTH_REQUEST = b"\x0a\x06plugin"  # HealthCheckRequest: field 1, "plugin"
_NOT_SERVING = (b"\x08\x02", b"\x08\x03")  # HealthCheckResponse: NOT_SERVING, SERVICE_UNKNOWN
STDIO_RETRY: Final = 1.0
"""Seconds until a stream of output that has ended while the plugin goes on is opened anew."""

_LOG: Final = logging.getLogger("headgate.plugin")


class GrpcLink(PluginLink):
    """One connection, which is kept.

    :param output: makes the log of what arrives on one channel of go-plugin's stream of output
    """

    def __init__(self, endpoint: Endpoint, wheel: DeadlineWheel, output: Callable[[], OutputLog]) -> None:
        self._endpoint = endpoint
        self._wheel = wheel
        self._output = output
        self._connection: InstanceConnection | None = None

    async def open(self, timeout: float) -> None:
        await self._connected(timeout)

    async def check(self, timeout: float) -> str:
        """Ask by ``grpc.health.v1``. A server without that service answers UNIMPLEMENTED: it is alive."""
        try:
            connection = await self._connected(timeout)
            answer = await connection.unary(HEALTH_PATH, _HEALTH_REQUEST, timeout)
        except PluginError as error:
            return "" if error.kind == "rpc" else f"health check: {error}"
        except OSError as error:
            return f"health check: {error.strerror or error or 'no connection in time'}"
        return "it says that it does not serve" if answer in _NOT_SERVING else ""

    async def shut_down(self, timeout: float) -> bool:
        try:
            connection = await self._connected(timeout)
            await connection.unary(SHUTDOWN_PATH, b"", timeout)
        except PluginError as error:
            # It may end before it has answered.
            return error.kind == "died"
        except OSError:
            return False
        return True

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def _connected(self, timeout: float) -> InstanceConnection:
        if self._connection is None:
            connection = InstanceConnection(self._endpoint.network, self._endpoint.address, self._wheel, self._on_gone)
            try:
                await connection.connect(timeout)
            except PluginError as error:
                raise ConnectionError(str(error)) from None
            self._connection = connection
            connection.open_broker_stream()
            _StdioOutput(connection, self._output).open()
        return self._connection

    def _on_gone(self, connection: InstanceConnection) -> None:
        if connection is self._connection:
            self._connection = None


class _StdioOutput(StdioReceiver):
    """What arrives on one connection's stream of output, on the way to the log."""

    def __init__(self, connection: InstanceConnection, output: Callable[[], OutputLog]) -> None:
        self._connection = connection
        self._logs = {STDOUT: output(), STDERR: output()}

    def open(self) -> None:
        """Open the stream, if the connection still takes calls."""
        if self._connection.usable:
            self._connection.open_stdio(self)

    def on_stdio(self, channel: int, data: bytes) -> None:
        log = self._logs.get(channel)
        if log is not None:
            log.feed(data)
            if log.flooded:
                self._connection.rest(BREATH)

    def on_stdio_end(self, status: int, detail: str) -> None:
        for log in self._logs.values():
            log.finish()
        if status != UNIMPLEMENTED and self._connection.usable:
            where = f"{self._connection.network} {self._connection.address}"
            _LOG.debug("plugin at %s: its stream of output ended: %s %s", where, status_name(status), detail)
            # The plugin would hang as soon as it has written as much as a pipe holds.
            asyncio.get_running_loop().call_later(STDIO_RETRY, self.open)
