"""What a proxy's TLS really does, seen from a client: the scenario compares only proxies that do the same."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from bench.service import unverified_tls

_REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\nUser: admin\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class TlsFacts:
    """What was agreed on.

    :ivar version: of the protocol, as OpenSSL names it
    :ivar tickets: whether the server gave the client something to resume its session with
    :ivar resumed: whether a second connection resumed the session of the first
    """

    version: str
    tickets: bool
    resumed: bool


def tls_facts(port: int) -> TlsFacts:
    """Connect twice to 127.0.0.1, the second time with the session of the first, with one request each.

    :raises OSError: if the connection or the handshake fails
    """
    context = unverified_tls()
    version, first, _ = _request(context, port, None)
    _, _, resumed = _request(context, port, first)
    return TlsFacts(version, first is not None and first.has_ticket, resumed)


def _request(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> tuple[str, ssl.SSLSession | None, bool]:
    """One connection and its request: version, session after the answer (tickets of TLS 1.3 come behind the handshake), resumed."""
    with (
        socket.create_connection(("127.0.0.1", port), 10.0) as plain,
        context.wrap_socket(plain, server_hostname="bench", session=session) as connection,
    ):
        connection.sendall(_REQUEST)
        while connection.recv(65536):
            pass
        return connection.version() or "", connection.session, bool(connection.session_reused)
