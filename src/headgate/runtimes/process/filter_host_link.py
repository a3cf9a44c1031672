"""The supervisor's way to a filter host: one short connection for each question.

A host whose loop is stuck in a filter, or that has been stopped, still has its connections accepted by the kernel; only its answer shows
that it turns.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Final

from headgate.runtimes.process.handshake import Endpoint
from headgate.runtimes.process.isolation_messages import OVERHEAD, Ping, Pong, encode
from headgate.runtimes.process.plugin_link import PluginLink

_numbers: Final = itertools.count(1)


class FilterHostLink(PluginLink):
    """The way to one filter host.

    :param endpoint: where it listens
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def open(self, timeout: float) -> None:
        async with asyncio.timeout(timeout):
            _, writer = await self._connect()
        writer.close()

    async def check(self, timeout: float) -> str:
        """Ask for a sign of life: a ``Ping`` is answered by the loop in which the filters run."""
        number = next(_numbers)
        expected = encode(Pong(number), OVERHEAD)
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await self._connect()
                try:
                    writer.write(encode(Ping(number), OVERHEAD))
                    answer = await reader.readexactly(len(expected))
                finally:
                    writer.close()
        except TimeoutError:
            return f"health check: no answer within {timeout:g} s"
        except asyncio.IncompleteReadError:
            return "health check: it closed the connection"
        except OSError as error:
            return f"health check: {error.strerror or error}"
        return "" if answer == expected else "health check: it answered with something else"

    async def shut_down(self, timeout: float) -> bool:
        """It knows SIGTERM only."""
        return False

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._endpoint.network == "unix":
            return await asyncio.open_unix_connection(self._endpoint.address)
        host, _, port = self._endpoint.address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))
