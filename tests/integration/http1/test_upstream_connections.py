"""Connections to a host: reuse, their end, repetition of a request, and cancellation when the client leaves."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.integration.backends import BackendFactory, Reply
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until
from tests.integration.proxy.wire import CutResponseError, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"


def read_request(connection: socket.socket) -> bytes:
    """Read a small request (or as much of a large one as came with its head)."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data


def hear_out(connection: socket.socket) -> None:
    """Read to the end of the connection."""
    while connection.recv(65536):
        pass


def test_closed_while_idle_is_not_used(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """Not even a POST meets the dead connection, once the proxy has heard of its end."""
    upstream = backend(lambda request: Reply(close=True))
    proxy = headgate(simple_config(upstream.address))
    with Wire(proxy.address()) as client:
        for number in range(1, 4):
            client.send(POST)
            assert client.response().status == 200
            until(lambda: proxy.metric("upstream_connection_active") == 0, "the proxy has seen the end of the connection")
            assert upstream.connections == number
    assert proxy.metric("upstream_request_retry") == 0


def test_host_that_speaks_unasked_loses_its_connection(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """Bytes on an idle connection must never become the answer to the next request."""

    def serve(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            connection.sendall(OK)
            if number == 0:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    upstream = backend.raw(serve)
    proxy = headgate(simple_config(upstream.address))
    with Wire(proxy.address()) as client:
        assert client.get().body == b"ok"
        until(lambda: upstream.closed == 1, "the connection is given up")
        assert client.get().body == b"ok"


def test_requests_on_one_upstream_connection(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address, cluster={"max_request_per_conn": 3}))
    with Wire(proxy.address()) as client:
        assert [client.get().status for _ in range(9)] == [200] * 9
    assert [request.connection for request in upstream.requests] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_one_request_at_a_time_on_a_connection(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    release = threading.Event()
    upstream = backend(lambda request: Reply(wait=release))
    proxy = headgate(simple_config(upstream.address))
    clients = [Wire(proxy.address()) for _ in range(5)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    upstream.wait_for_requests(5)
    assert upstream.connections == 5
    release.set()
    for client in clients:
        assert client.response().status == 200
        client.close()


class StaleHost:
    """Answers the first request on each connection, and closes it upon the second.

    :ivar seen: first word of each request
    """

    def __init__(self, fresh_ones_fail: bool) -> None:
        self.seen: list[str] = []
        self._fresh_ones_fail = fresh_ones_fail

    def serve(self, connection: socket.socket, number: int) -> None:
        """Serve one connection."""
        self.seen.append(read_request(connection).split(b" ")[0].decode())
        if number > 0 and self._fresh_ones_fail:
            return
        connection.sendall(OK)
        if request := read_request(connection):
            self.seen.append(request.split(b" ")[0].decode())


def test_get_on_a_stale_connection_is_repeated(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    host = StaleHost(fresh_ones_fail=False)
    proxy = headgate(simple_config(backend.raw(host.serve).address))
    with Wire(proxy.address()) as client:
        assert [client.get().status for _ in range(2)] == [200, 200]
    assert host.seen == ["GET", "GET", "GET"]


def test_get_on_a_stale_connection_is_repeated_once_only(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    host = StaleHost(fresh_ones_fail=True)
    proxy = headgate(simple_config(backend.raw(host.serve).address))
    with Wire(proxy.address()) as client:
        assert [client.get().status for _ in range(2)] == [200, 502]
    assert host.seen == ["GET", "GET", "GET"]


def test_put_on_a_stale_connection_is_repeated_with_its_body(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend(lambda request: Reply(reset=True, raw=b"") if (request.method, request.connection) == ("PUT", 0) else Reply())
    proxy = headgate(simple_config(upstream.address))
    with Wire(proxy.address()) as client:
        assert client.get().status == 200
        client.send(POST.replace("POST", "PUT"))
        assert client.response().status == 200
    assert [(request.method, request.body, request.connection) for request in upstream.requests[1:]] == [
        ("PUT", b"body", 0),
        ("PUT", b"body", 1),
    ]


def test_post_on_a_stale_connection_is_not_repeated(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    host = StaleHost(fresh_ones_fail=False)
    proxy = headgate(simple_config(backend.raw(host.serve).address))
    with Wire(proxy.address()) as client:
        assert client.get().status == 200
        client.send(POST)
        assert client.response().status == 502
    assert host.seen == ["GET", "POST"]


def test_client_leaves_while_waiting(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend.raw(lambda connection, number: hear_out(connection))
    proxy = headgate(simple_config(upstream.address))
    with Wire(proxy.address()) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        until(upstream.open_connections, "the request is under way")
    until(lambda: upstream.closed == 1, "the request upstream is cancelled")
    assert_nothing_left(proxy)


def test_client_leaves_in_the_middle_of_an_upload(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend.raw(lambda connection, number: hear_out(connection))
    proxy = headgate(simple_config(upstream.address))
    with Wire(proxy.address()) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
        until(upstream.open_connections, "the request is under way")
    until(lambda: upstream.closed == 1, "the request upstream is cancelled")
    assert_nothing_left(proxy)


def test_client_leaves_in_the_middle_of_a_download(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")

    upstream = backend.raw(serve)
    proxy = headgate(simple_config(upstream.address))
    with Wire(proxy.address()) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.head().status == 200
    until(lambda: upstream.closed == 1, "the host's writing fails")
    assert_nothing_left(proxy)


def assert_nothing_left(proxy: Headgate) -> None:
    """No request and no connection is under way any more, on either side."""
    gauges = ("upstream_request_active", "upstream_connection_active", "downstream_request_active", "downstream_connection_active")
    until(lambda: not any(proxy.metric(gauge) for gauge in gauges), "everything has been put away")


CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX: y\r\n",
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("raw", list(CUT.values()), ids=list(CUT))
def test_host_dies_in_the_middle_of_a_response(headgate: HeadgateFactory, backend: BackendFactory, raw: bytes, reset: bool) -> None:
    """The client can tell: never a complete-looking response."""
    proxy = headgate(simple_config(backend(lambda request: Reply(raw=raw, close=True, reset=reset)).address))
    for version in ("1.1", "1.0"):
        with Wire(proxy.address()) as client, pytest.raises((CutResponseError, ConnectionResetError)):
            client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
            client.response()


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"], ids=["nothing", "half a head"])
def test_host_dies_before_its_response(headgate: HeadgateFactory, backend: BackendFactory, raw: bytes) -> None:
    proxy = headgate(simple_config(backend(lambda request: Reply(raw=raw, close=True)).address))
    with Wire(proxy.address()) as client:
        assert [client.get().status for _ in range(2)] == [502, 502]


GARBAGE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "switched protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("raw", list(GARBAGE.values()), ids=list(GARBAGE))
def test_host_breaks_the_protocol(headgate: HeadgateFactory, backend: BackendFactory, raw: bytes) -> None:
    upstream = backend(lambda request: Reply(raw=raw))
    proxy = headgate(simple_config(upstream.address))
    with Wire(proxy.address()) as client:
        assert client.get().status == 502
    until(lambda: upstream.closed == 1, "the connection is given up")
