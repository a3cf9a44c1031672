"""Making a connection to a host: the only part of the upstream side that waits in a coroutine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headgate.upstream.host import Host

if TYPE_CHECKING:
    from headgate.protocols.http1.client_connection import Http1ClientConnection
    from headgate.upstream.pool import ConnectionPool


async def connect(pool: ConnectionPool, connection: Http1ClientConnection, host: Host, timeout: float) -> None:
    """Connect and tell the pool how it went.

    :param timeout: seconds; 0: as long as the system tries
    """
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.BaseProtocol:
        # Not a subclass of asyncio's: a compiled class cannot be one, and event loops ask only for the methods.
        return connection  # type: ignore[return-value]

    try:
        async with asyncio.timeout(timeout or None):
            if host.unix_path:
                await loop.create_unix_connection(protocol, host.unix_path)
            else:
                await loop.create_connection(protocol, host.ip, host.port)
    except TimeoutError:
        pool.connect_failed(f"no connection to {host.address} within {timeout:g} s")
    except OSError as error:
        pool.connect_failed(f"no connection to {host.address}: {error.strerror or error}")
    else:
        pool.connected(connection)
