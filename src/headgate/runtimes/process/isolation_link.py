"""The way from one isolated entry to its process: connected when the process listens, anew when it has been restarted.

A request that finds no process waits for one, as long as its entry's ``timeout`` lets it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Final

from headgate.runtimes.process.isolation_connection import HostConnection, IsolationError, hello
from headgate.runtimes.process.isolation_endpoint import EndpointSource, HostAddress

_LOG: Final = logging.getLogger("headgate.isolation")

RETRY: Final = 0.1
"""Seconds from a failed connect to the next, while somebody waits."""


class HostLink:
    """Gives out connections, in the worker's loop.

    :param name: of the filter, for messages
    :param entry: the entry's configuration, as JSON
    :ivar routes: configurations of routes, as JSON; complete before the first connection
    """

    def __init__(self, name: str, source: EndpointSource, entry: str, max_body: int) -> None:
        self.routes: list[str] = []
        self._name = name
        self._source = source
        self._entry = entry
        self._max_body = max_body
        self._address = HostAddress()
        self._connection: HostConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._closed = False
        source.watch(self.on_address)

    def route_number(self, raw: Mapping[str, object]) -> int:
        """The number by which the process knows a route's configuration."""
        text = json.dumps(raw, sort_keys=True)
        if text not in self.routes:
            self.routes.append(text)
        return self.routes.index(text) + 1

    def connection(self) -> HostConnection:
        """The present connection; a new one, which may not be connected yet, if there is none.

        :raises IsolationError: if the process is switched off
        """
        if not self._address.enabled:
            raise IsolationError(f"the process of filter {self._name} is switched off")
        connection = self._connection
        if connection is None:
            greeting = hello(self._entry, self.routes, self._max_body)
            connection = self._connection = HostConnection(self._name, greeting, self._on_gone)
            self._connect_soon()
        return connection

    def on_address(self, address: HostAddress) -> None:
        """The process listens there now."""
        self._address = address
        if address.network:
            self._connect_soon()

    def close(self) -> None:
        """No request uses it any more."""
        self._closed = True
        self._source.unwatch(self.on_address)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.close()

    def _connect_soon(self) -> None:
        if self._connecting is None and self._connection is not None and not self._connection.connected and not self._closed:
            self._connecting = asyncio.get_running_loop().create_task(self._connect(self._connection))

    async def _connect(self, connection: HostConnection) -> None:
        """Try until it is connected, as long as somebody waits for it."""
        loop = asyncio.get_running_loop()
        try:
            while not connection.gone:
                network, address = self._address.network, self._address.address
                try:
                    if network == "unix":
                        await loop.create_unix_connection(lambda: connection, address)
                        return
                    if network == "tcp":
                        host, _, port = address.rpartition(":")
                        await loop.create_connection(lambda: connection, host.strip("[]"), int(port))
                        return
                except OSError as error:
                    _LOG.debug("filter %s: no connection to its process at %s: %s", self._name, address, error)
                await asyncio.sleep(RETRY)
                if not connection.in_flight:
                    connection.close()  # nobody waits any more; the next request begins again
        finally:
            self._connecting = None

    def _on_gone(self, connection: HostConnection, welcomed: bool) -> None:
        if welcomed and not self._closed:
            _LOG.error("filter %s: its process is gone", self._name)
        if self._connection is connection:
            self._connection = None
