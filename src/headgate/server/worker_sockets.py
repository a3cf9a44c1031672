"""The listening sockets in a worker: which it has been given, and on which it accepts for which listener."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable
from typing import Final

from headgate.server.sockets import BACKLOG

ProtocolFactory = Callable[[], asyncio.BaseProtocol]

_LOG: Final = logging.getLogger("headgate.server")


class AcceptingSocket:
    """One socket on which this worker accepts for one listener."""

    def __init__(self, sock: socket.socket, factory: ProtocolFactory, server: asyncio.AbstractServer) -> None:
        self._sock = sock
        self._factory = factory
        self._server = server

    @classmethod
    async def open(cls, fd: int, factory: ProtocolFactory) -> AcceptingSocket:
        """Begin to accept.

        :param fd: descriptor of the socket; it stays the caller's
        """
        sock = socket.socket(fileno=os.dup(fd))
        sock.setblocking(False)
        # The server closes the socket that it is given, so it gets a duplicate: what waits is still to be taken up at the end.
        server = await asyncio.get_running_loop().create_server(factory, sock=sock.dup(), backlog=BACKLOG)
        return cls(sock, factory, server)

    async def close(self) -> None:
        """Stop accepting. Connections that the kernel has completed already are accepted first: they would be reset otherwise."""
        self._server.close()
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, _ = self._sock.accept()
                except (BlockingIOError, InterruptedError):
                    return
                except OSError as error:
                    _LOG.warning("cannot take up a waiting connection: %s", error)
                    return
                connection.setblocking(False)
                await loop.connect_accepted_socket(self._factory, connection)
        finally:
            self._sock.close()


class WorkerSockets:
    """Descriptors by the supervisor's numbers, and what is accepted on."""

    def __init__(self) -> None:
        self._fds: dict[int, int] = {}
        self._accepting: dict[tuple[int, str], AcceptingSocket] = {}

    def receive(self, numbers: Iterable[int], fds: list[int]) -> None:
        """Keep descriptors for a later :meth:`serve`."""
        for number, fd in zip(numbers, fds, strict=True):
            if number in self._fds:
                os.close(self._fds[number])
            self._fds[number] = fd

    async def serve(self, wanted: list[tuple[int, str]], factory_of: Callable[[str], ProtocolFactory]) -> None:
        """Accept on exactly these sockets: what is new is begun before what is no longer wanted ends.

        :param wanted: pairs of socket number and listener name
        :param factory_of: gives the protocol factory of a listener
        :raises OSError: if a socket cannot be accepted on
        :raises KeyError: for a socket that was never received or a listener that does not exist
        """
        for key in wanted:
            if key not in self._accepting:
                number, listener = key
                self._accepting[key] = await AcceptingSocket.open(self._fds[number], factory_of(listener))
        for key in [key for key in self._accepting if key not in wanted]:
            await self._accepting.pop(key).close()
        numbers = {number for number, _ in wanted}
        for number in [number for number in self._fds if number not in numbers]:
            os.close(self._fds.pop(number))

    async def close(self) -> None:
        """Stop accepting everywhere."""
        await self.serve([], _no_factory)


def _no_factory(listener: str) -> ProtocolFactory:
    raise KeyError(listener)
