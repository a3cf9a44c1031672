"""Handshakes that are under way when the listener drains, when it is full, and when a connection is the last."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import ssl

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, until
from tests.integration.tls.site import Site, request, tls_config

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def begun(address: tuple[str, int], context: ssl.SSLContext) -> ssl.SSLSocket:
    """A handshake whose server has answered the client's first message."""
    secured = context.wrap_socket(socket.create_connection(address, timeout=20), server_hostname="localhost", do_handshake_on_connect=False)
    secured.settimeout(0)
    with contextlib.suppress(ssl.SSLWantReadError):
        secured.do_handshake()
    assert select.select([secured], [], [], 20)[0]
    secured.settimeout(20)
    return secured


def test_draining(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    """A handshake that goes on comes to its request; one that stalls does not hold up the end, whatever time it would have had."""
    proxy = headgate(
        tls_config(backend().address, tls={**site.server, "handshake_timeout": "10m"}, server={"graceful_timeout": "10m"}), workers=1
    )
    with socket.create_connection(proxy.address(), timeout=20) as stalled:
        stalled.sendall(b"\x16\x03\x01")
        with begun(proxy.address(), site.client_context()) as moving:  # accepted after the other
            proxy.send_signal(signal.SIGTERM)
            moving.do_handshake()
            moving.sendall(REQUEST)
            assert moving.recv(4096).startswith(b"HTTP/1.1 200")
        assert stalled.recv(4096) == b""
    assert proxy.wait() == 0


def test_a_handshake_counts_as_a_connection(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend().address, tls=site.server, listener={"max_connections": 2}), workers=1)
    context = site.client_context()

    def admitted() -> bool:
        with contextlib.suppress(OSError):
            return request(proxy.address(), context).status == 200
        return False

    with socket.create_connection(proxy.address(), timeout=20) as stalled:
        stalled.sendall(b"\x16\x03\x01")
        with begun(proxy.address(), context) as moving:
            assert not admitted()
            moving.do_handshake()
            moving.sendall(REQUEST)
            assert moving.recv(4096).startswith(b"HTTP/1.1 200")
            assert not admitted()
    until(admitted, "connections that are gone make room")
    until(lambda: proxy.metric("downstream_connection_rejected_total") >= 2, "refusals are counted")
