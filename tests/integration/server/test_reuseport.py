"""Which sockets of one address the kernel gives connections to."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from headgate.config.addresses import SocketAddress
from headgate.server.reuseport import choose_among_first
from headgate.server.sockets import ListenSpec, SocketSet, open_sockets

CLIENTS = 60
LISTENER = ListenSpec("web", SocketAddress("127.0.0.1", 0, ""), "servers[0].listeners[0].address")


@pytest.fixture
def three() -> Iterator[SocketSet]:
    """The sockets of three worker slots."""
    sockets = open_sockets([LISTENER], 3, SocketSet({}))
    yield sockets
    sockets.close()


def spread(sockets: SocketSet) -> list[int]:
    """How many of many new connections each slot's socket is given."""
    host, _, port = sockets.listeners["web"].bound.rpartition(":")
    clients = [socket.create_connection((host, int(port))) for _ in range(CLIENTS)]
    counts = [taken(sock.sock) for sock in sockets.listeners["web"].sockets]
    for client in clients:
        client.close()
    return counts


def taken(sock: socket.socket) -> int:
    """Accept whatever waits."""
    count = 0
    while True:
        try:
            connection, _ = sock.accept()
        except BlockingIOError:
            return count
        connection.close()
        count += 1


def test_all_get_their_share(three: SocketSet) -> None:
    three.take_connections()
    counts = spread(three)
    assert sum(counts) == CLIENTS
    assert all(counts), counts


def test_a_surplus_socket_gets_nothing_new(three: SocketSet) -> None:
    fewer = open_sockets([LISTENER], 1, three)
    fewer.take_connections()
    assert spread(three) == [CLIENTS, 0, 0]


def test_sockets_that_come_back_get_their_share(three: SocketSet) -> None:
    fewer = open_sockets([LISTENER], 1, three)
    fewer.take_connections()
    three.close_unused_by(fewer)
    more = open_sockets([LISTENER], 3, fewer)
    more.take_connections()
    counts = spread(more)
    assert sum(counts) == CLIENTS
    assert all(counts), counts
    more.close()


def test_a_kernel_that_cannot_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    left, right = socket.socketpair()
    with left, right, caplog.at_level(logging.DEBUG, "headgate.server"):
        choose_among_first(left, 2)
    assert "does not let us choose" in caplog.text
