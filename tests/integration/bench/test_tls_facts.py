from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.certificate import make_certificate
from bench.tls_facts import TlsFacts, tls_facts

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextlib.contextmanager
def server(context: ssl.SSLContext) -> Iterator[int]:
    """A server that answers two connections, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                plain, _address = listener.accept()
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(ANSWER)
                    with contextlib.suppress(OSError):  # the client leaves without a word
                        connection.unwrap()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("tickets", [0, 1])
def test_a_server_that_gives_tickets_is_told_from_one_that_does_not(tmp_path: Path, tickets: int) -> None:
    made = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    context.num_tickets = tickets
    with server(context) as port:
        facts = tls_facts(port)
    assert facts == TlsFacts("TLSv1.3", tickets=bool(tickets), resumed=bool(tickets))
