"""Making a connection to a host: the only part of the upstream side that waits in a coroutine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from headgate.upstream.host import Host
from headgate.upstream.host_tls import ClientHandshake, HostTls

if TYPE_CHECKING:
    from headgate.protocols.http1.client_connection import Http1ClientConnection
    from headgate.upstream.grpc_connection import GrpcHostConnection
    from headgate.upstream.grpc_pool import GrpcPool
    from headgate.upstream.pool import ConnectionPool

_LOG: Final = logging.getLogger("headgate.upstream")


async def connect(pool: ConnectionPool, connection: Http1ClientConnection, host: Host, timeout: float) -> None:
    """Connect, shake hands if the host has TLS, and tell the pool how it went.

    :param timeout: seconds for all of it; 0: as long as the system tries
    """
    tls = host.tls
    try:
        async with asyncio.timeout(timeout or None):
            failure = await _connect_tls(pool, connection, host, tls) if tls is not None else await _connect(connection, host)
    except TimeoutError:
        failure = f"no connection to {host.address} within {timeout:g} s"
    except OSError as error:
        failure = f"no connection to {host.address}: {error.strerror or error}"
    if not failure and not connection.open:
        # Between the last step and this line the loop turned: what closed then was told to the pool before it knew the connection.
        failure = f"{host.address} closed the connection as soon as it stood"
    if failure:
        pool.connect_failed(failure)
    else:
        pool.connected(connection)


async def connect_grpc(pool: GrpcPool, connection: GrpcHostConnection, host: Host, timeout: float) -> None:
    """Connect in plain text and tell the pool how it went.

    :param timeout: seconds; 0: as long as the system tries
    """
    try:
        async with asyncio.timeout(timeout or None):
            failure = await _connect(connection, host)
    except TimeoutError:
        failure = f"no connection to {host.address} within {timeout:g} s"
    except OSError as error:
        failure = f"no connection to {host.address}: {error.strerror or error}"
    if not failure and connection.closed:  # meanwhile, as above
        failure = f"{host.address}: {connection.ending}"
    if failure:
        pool.connect_failed(failure)
    else:
        pool.connected(connection)


async def _connect_tls(pool: ConnectionPool, connection: Http1ClientConnection, host: Host, tls: HostTls) -> str:
    """:returns: why there is no connection, or an empty string"""
    context = tls.context
    if context is None:
        return f"no TLS context for {host.address}"
    handshake = ClientHandshake(tls, context, connection, pool.wheel)
    try:
        await _connect(handshake.layer, host)
        failure = await handshake.done
    except asyncio.CancelledError:
        handshake.layer.abort_pending()
        raise
    if not failure:
        return ""
    if tls.fall_back:
        tls.stats.fall_backs += 1
        if tls.should_log():
            _LOG.warning("host %s: TLS failed (%s): going on in PLAIN TEXT because of 'fall_back'", host.address, failure)
        return await _connect(connection, host)
    if tls.should_log():
        _LOG.warning("host %s of cluster %s: TLS handshake failed: %s", host.address, host.cluster_name, failure)
    return f"no connection to {host.address}: TLS handshake failed: {failure}"


async def _connect(protocol: object, host: Host) -> str:
    loop = asyncio.get_running_loop()

    def factory() -> object:
        return protocol

    # Not subclasses of asyncio's protocols: compiled classes cannot be, and event loops ask only for the methods.
    make = cast(Callable[[], asyncio.BaseProtocol], factory)
    if host.unix_path:
        await loop.create_unix_connection(make, host.unix_path)
    else:
        await loop.create_connection(make, host.ip, host.port)
    return ""
