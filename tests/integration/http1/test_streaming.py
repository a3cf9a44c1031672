"""Bodies stream through a worker: its memory does not grow with them, and whoever is slow slows the other side down."""

from __future__ import annotations

import select
import socket
import threading

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config
from tests.integration.proxy.wire import Wire, resident_memory

MIB = 1024 * 1024
SIZE = 300 * MIB
WARM_UP = 20 * MIB
"""Bytes after which buffers and the allocator have found their size."""
GROWTH = 16 * MIB
"""Bytes by which a worker may grow afterwards."""
IN_BETWEEN = 32 * MIB
"""More than all socket buffers between a writer and a stalled reader hold (the kernel lets each grow to some MiB), much less than SIZE."""
BLOCK = bytes(256 * 1024)


class Meter:
    """Watches a worker's memory while bytes pass."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._next = WARM_UP
        self._base = 0
        self.passed = 0
        self.growth = 0

    def count(self, size: int) -> None:
        """More bytes have passed."""
        self.passed += size
        if self.passed >= self._next:
            self._next += 8 * MIB
            now = resident_memory(self._pid)
            self._base = self._base or now
            self.growth = max(self.growth, now - self._base)


def read_head(connection: socket.socket) -> int:
    """Read a request's head; returns how many bytes of its body came with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    return len(data.partition(b"\r\n\r\n")[2])


def send_body(connection: socket.socket, size: int, chunked: bool) -> None:
    """Send that many bytes, a multiple of a block's."""
    for _ in range(size // len(BLOCK)):
        connection.sendall(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if chunked else BLOCK)
    if chunked:
        connection.sendall(b"0\r\n\r\n")


def framing(chunked: bool) -> str:
    """The header line of a body of SIZE bytes."""
    return "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SIZE}"


def download(headgate: HeadgateFactory, backend: BackendFactory, chunked: bool) -> None:
    """Take SIZE bytes from a host."""

    def serve(connection: socket.socket, number: int) -> None:
        read_head(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{framing(chunked)}\r\n\r\n".encode())
        send_body(connection, SIZE, chunked)

    proxy = headgate(simple_config(backend.raw(serve).address))
    meter = Meter(proxy.workers()[0])
    with Wire(proxy.address()) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.head().status == 200
        while data := client.some(len(BLOCK)):
            meter.count(len(data))
    assert meter.passed >= SIZE
    assert meter.growth < GROWTH


def test_download_of_known_length(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    download(headgate, backend, False)


def test_download_in_chunks(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    download(headgate, backend, True)


def upload(headgate: HeadgateFactory, backend: BackendFactory, chunked: bool) -> None:
    """Send SIZE bytes to a host."""

    def serve(connection: socket.socket, number: int) -> None:
        meter.count(read_head(connection))
        buffer = bytearray(len(BLOCK))
        while (not chunked or buffer[:5] != b"0\r\n\r\n") and meter.passed < SIZE:
            received = connection.recv_into(buffer)
            if not received:
                return
            meter.count(received)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        while connection.recv(65536):
            pass

    proxy = headgate(simple_config(backend.raw(serve).address))
    meter = Meter(proxy.workers()[0])
    with Wire(proxy.address()) as client:
        client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{framing(chunked)}\r\n\r\n")
        send_body(client.socket, SIZE, chunked)
        assert client.response().status == 200
    assert meter.passed >= SIZE
    assert meter.growth < GROWTH


def test_upload_of_known_length(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upload(headgate, backend, False)


def test_upload_in_chunks(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upload(headgate, backend, True)


def send_until_stalled(connection: socket.socket) -> int:
    """Send until the other side takes nothing more for a second; returns how much it took, at most SIZE."""
    sent = 0
    connection.setblocking(False)
    while sent < SIZE and select.select([], [connection], [], 1.0)[1]:
        sent += connection.send(BLOCK[: SIZE - sent])
    connection.setblocking(True)
    return sent


def test_slow_client_stops_a_fast_host(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    stalled = threading.Event()
    taken: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        read_head(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode())
        taken.append(send_until_stalled(connection))
        stalled.set()
        connection.sendall(bytes(SIZE - taken[0]))

    proxy = headgate(simple_config(backend.raw(serve).address))
    with Wire(proxy.address()) as other, Wire(proxy.address(), receive_buffer=65536) as client:
        before = resident_memory(proxy.workers()[0])
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.head().status == 200
        assert stalled.wait(40.0)
        assert taken[0] < IN_BETWEEN
        assert resident_memory(proxy.workers()[0]) - before < GROWTH
        other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert other.head().status == 200  # the stalled client stalls nobody else
        received = 0
        while data := client.some(len(BLOCK)):
            received += len(data)
        assert received == SIZE


def test_slow_host_stops_a_fast_client(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    go_on = threading.Event()
    received: list[int] = []

    def serve(connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        count = read_head(connection)
        go_on.wait(40.0)
        while count < SIZE:
            count += len(connection.recv(len(BLOCK)))
        received.append(count)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    proxy = headgate(simple_config(backend.raw(serve).address))
    with Wire(proxy.address()) as client:
        before = resident_memory(proxy.workers()[0])
        client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")
        taken = send_until_stalled(client.socket)
        assert taken < IN_BETWEEN
        assert resident_memory(proxy.workers()[0]) - before < GROWTH
        go_on.set()
        client.socket.settimeout(40.0)
        client.send(bytes(SIZE - taken))
        assert client.response().status == 200
    assert received == [SIZE]
