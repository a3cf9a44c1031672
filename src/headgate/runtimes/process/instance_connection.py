"""One long-lived connection to one process of a plugin.

A worker makes one for each process of each plugin and puts all its calls on it; the supervisor makes one to ask after the plugin's health
and to shut it down. Lean gRPC of our own underneath (``protocols/grpc``): see docs/decisions/006-lean-grpc-client.md.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from time import monotonic

from headgate.api.plugin import PluginCall, PluginError, PluginReceiver
from headgate.api.plugin_messages import PluginRequest
from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.client_connection import DEFAULT_MAX_ANSWER
from headgate.runtimes.process.instance_calls import (
    BROKER_PATH,
    AwaitedAnswer,
    BrokerStream,
    InstanceOwner,
    InstanceTransport,
    UnimplementedError,
)
from headgate.runtimes.process.stdio_stream import STDIO_PATH, StdioReceiver, StdioStream

__all__ = ["InstanceConnection", "UnimplementedError"]


class InstanceConnection(InstanceOwner):
    """A connection to one process of a plugin, over which many calls go at once.

    :param network: ``unix`` or ``tcp``
    :param address: a socket's path, or ``host:port`` with an address of this machine itself
    :param wheel: the event loop's deadlines
    :param on_gone: called once, after the calls under way have failed, when a connection that stood has ended by whatever cause
    :param max_answer: bytes of an answer; a longer one fails its call (kind ``protocol``) before it is read
    :ivar transport: what calls can be started on without a detour, once it is connected
    """

    def __init__(
        self,
        network: str,
        address: str,
        wheel: DeadlineWheel,
        on_gone: Callable[[InstanceConnection], None],
        max_answer: int = DEFAULT_MAX_ANSWER,
    ) -> None:
        self.network: str = network
        self.address: str = address
        self.closed_because: str = ""
        """Why the connection ended; for the log."""
        self._on_gone: Callable[[InstanceConnection], None] | None = on_gone
        authority = address if network == "tcp" else "localhost"
        self.transport = InstanceTransport(self, authority, wheel, max_answer)
        self._ready: asyncio.Future[None] | None = None
        self._stood: bool = False

    @property
    def in_flight(self) -> int:
        """Calls that have not come to their end."""
        return self.transport.in_flight

    @property
    def usable(self) -> bool:
        """A call may be started: it stands, and the process has not said that it is going away."""
        return self._stood and self.transport.usable

    async def connect(self, timeout: float) -> None:
        """Connect, and wait until the process has proved to speak HTTP/2. Once.

        :param timeout: seconds for all of it
        :raises PluginError: ``unavailable`` if nobody answers there in time, ``protocol`` if what answers does not speak HTTP/2
        """
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                if self.network == "unix":
                    await loop.create_unix_connection(self._protocol, self.address)
                else:
                    host, port = _local_address(self.network, self.address)
                    await loop.create_connection(self._protocol, host, port)
                await self._ready
        except TimeoutError:
            self.transport.abort()
            raise PluginError("unavailable", f"no answer from {self.network} {self.address} within {timeout:g} s") from None
        except OSError as error:
            raise PluginError("unavailable", f"cannot connect to {self.network} {self.address}: {error.strerror or error}") from None
        except BaseException:
            self.transport.abort()
            raise
        finally:
            self._ready = None
        if self.transport.closed:
            raise PluginError("unavailable", f"{self.network} {self.address}: {self.closed_because}")
        self._stood = True

    def _protocol(self) -> asyncio.BaseProtocol:
        # Not a subclass of asyncio's: a compiled class cannot be one, and event loops ask only for the methods.
        return self.transport  # type: ignore[return-value]

    def call(self, request: PluginRequest, deadline: float, receiver: PluginReceiver) -> PluginCall:
        """Call the plugin.

        :param deadline: on the clock of ``time.monotonic``, seconds; 0.0: none
        :param receiver: hears of the outcome, possibly before this returns; failures are of the kinds ``timeout``, ``died``, ``rpc`` and
            ``protocol``
        """
        return self.transport.call(request, deadline, receiver)

    async def unary(self, path: str, message: bytes, timeout: float) -> bytes:
        """Call any unary method.

        :param path: ``/package.Service/Method``
        :param message: the request's wire form
        :param timeout: seconds
        :returns: the answer's wire form
        :raises UnimplementedError: if the plugin does not know the method
        :raises PluginError: if there is no answer for another reason
        """
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        answer = AwaitedAnswer(future)
        self.transport.start_call(answer, path.encode("ascii"), message, monotonic() + timeout)
        try:
            return await future
        finally:
            answer.cancel()

    def open_broker_stream(self) -> None:
        """Open go-plugin's ``GRPCBroker/StartStream``, as its own clients do; a plugin that does not know it may say so."""
        self.transport.open_for_ever(BrokerStream(), BROKER_PATH)

    def open_stdio(self, receiver: StdioReceiver) -> None:
        """Have the plugin send what it writes to its standard output and error, as go-plugin's own clients do.

        :param receiver: hears of the end, too, unless the connection takes no more calls; a plugin that does not know the method ends it
            with UNIMPLEMENTED
        """
        self.transport.open_server_stream(StdioStream(self.transport, receiver), STDIO_PATH, b"")

    def rest(self, seconds: float) -> None:
        """Read nothing for a while."""
        self.transport.rest(seconds)

    def close(self) -> None:
        """Close it; calls under way fail."""
        self.transport.close()

    # --- from the connection

    def on_ready(self) -> None:
        """The process speaks HTTP/2."""
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended."""
        self.closed_because = detail
        if self._ready is not None and not self._ready.done():
            if by_protocol:
                error = PluginError("protocol", f"{self.network} {self.address} does not speak HTTP/2: {detail}")
            else:
                error = PluginError("unavailable", f"{self.network} {self.address}: {detail}")
            self._ready.set_exception(error)
        on_gone = self._on_gone
        self._on_gone = None
        if on_gone is not None and self._stood:
            on_gone(self)


def _local_address(network: str, address: str) -> tuple[str, int]:
    """Host and port, if they are this machine's own: nothing on the way protects what is sent.

    :raises PluginError: if not
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if network != "tcp" or not port.isdigit() or not 0 < int(port) < 65536:
        raise PluginError("unavailable", f"not an address of a plugin: {network} {address!r}")
    if host in ("", "localhost", "0.0.0.0"):  # it may listen on every interface; it is reached on this one
        host = "127.0.0.1"
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise PluginError("unavailable", f"the plugin's address {address!r} is not on the loopback interface")
    return host, int(port)
