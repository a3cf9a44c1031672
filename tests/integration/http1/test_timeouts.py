"""Time limits of both sides. What is asserted is what happens, never how fast."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.integration.backends import Backend, BackendFactory
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until
from tests.integration.proxy.wire import Wire

SHORT = "300ms"
LONG = "600s"
LIMITS = ("header_timeout", "body_idle_timeout", "connection_idle_timeout")

POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"


def limited(limit: str, upstream: str) -> dict[str, object]:
    """A configuration in which one limit is short and the others are long."""
    times = {name: SHORT if name == limit else LONG for name in LIMITS}
    idle = times.pop("connection_idle_timeout")
    return simple_config(upstream, http1=times, listener={"connection_idle_timeout": idle})


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Headgate]]:
    """One for each limit."""
    factory = HeadgateFactory(tmp_path_factory.mktemp("timeouts"))
    backend = Backend()
    yield {limit: factory(limited(limit, backend.address)) for limit in LIMITS}
    factory.close()
    backend.stop()


def test_half_a_head(proxies: dict[str, Headgate]) -> None:
    """Slowloris: many clients that never finish their heads are closed, others are served all the time."""
    proxy = proxies["header_timeout"]
    with Wire(proxy.address()) as other:
        slow = [Wire(proxy.address()) for _ in range(50)]
        for client in slow:
            client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Half: ")
        assert other.get().status == 200
        for client in slow:
            response = client.response()
            assert response.status == 408
            assert client.at_end()
            client.close()
        assert proxy.get().status == 200


def test_a_head_that_trickles(proxies: dict[str, Headgate]) -> None:
    """Each byte comes in time, the head as a whole does not."""
    with Wire(proxies["header_timeout"].address()) as client:
        stop = threading.Event()

        def trickle() -> None:
            try:
                client.send("GET / HTTP/1.1\r\nHost: a\r\n")
                while not stop.wait(0.02):
                    client.send("X: y\r\n")
            except OSError:
                pass

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert client.response().status in (408, 431)
        finally:
            stop.set()
            thread.join()


def test_a_client_that_says_nothing(proxies: dict[str, Headgate]) -> None:
    with Wire(proxies["header_timeout"].address()) as client:
        assert client.at_end()


def test_half_a_second_head(proxies: dict[str, Headgate]) -> None:
    with Wire(proxies["header_timeout"].address()) as client:
        assert client.get().status == 200
        client.send("GET /")
        assert client.response().status == 408
        assert client.at_end()


def test_half_a_body(proxies: dict[str, Headgate]) -> None:
    proxy = proxies["body_idle_timeout"]
    with Wire(proxy.address()) as other, Wire(proxy.address()) as client:
        client.send(POST + "x" * 10)
        assert other.get().status == 200
        assert client.response().status == 408
        assert client.at_end()
        assert other.get().status == 200


def test_half_a_chunk(proxies: dict[str, Headgate]) -> None:
    with Wire(proxies["body_idle_timeout"].address()) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
        assert client.response().status == 408
        assert client.at_end()


def test_idle_client(proxies: dict[str, Headgate]) -> None:
    with Wire(proxies["connection_idle_timeout"].address()) as client:
        assert client.get().status == 200
        assert client.at_end()


def test_route_timeout(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """504; the request upstream is cancelled, the client's connection lives on."""
    upstream = backend.raw(lambda connection, number: hear_out(connection))
    route = {"match": {"prefix": "/slow"}, "route": {"cluster_name": "upstream", "timeout": SHORT}}
    direct = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    proxy = headgate(simple_config(upstream.address, routes=[route, direct]))
    with Wire(proxy.address()) as client:
        assert [client.get(target).status for target in ("/slow", "/other")] == [504, 200]
    until(lambda: upstream.closed == 1, "the request upstream is cancelled")


def hear_out(connection: socket.socket) -> None:
    """Read to the end of the connection; answer nothing."""
    while connection.recv(65536):
        pass


def test_time_of_each_try(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """A try that takes too long is given up, another host answers."""
    silent = backend.raw(lambda connection, number: hear_out(connection))
    good = backend()
    retry = {"retry_on": True, "retry_timeout": SHORT, "num_retries": 1}
    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream", "retry_policy": retry}}
    proxy = headgate(simple_config(silent.address, good.address, routes=[route]))
    assert [proxy.get().status for _ in range(2)] == [200, 200]
    assert silent.connections > 0
    assert len(good.requests) == 2


def test_connection_refused(headgate: HeadgateFactory) -> None:
    closed = Backend()
    closed.stop()
    proxy = headgate(simple_config(closed.address))
    with Wire(proxy.address()) as client:
        assert [client.get().status for _ in range(2)] == [502, 502]


def test_connect_timeout(headgate: HeadgateFactory) -> None:
    """A host whose queue of connections is full does not answer at all."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = fill_backlog(full.getsockname())
        proxy = headgate(simple_config(f"127.0.0.1:{full.getsockname()[1]}", cluster={"connect_timeout": SHORT}))
        with Wire(proxy.address()) as client:
            assert client.get().status == 502
        assert proxy.metric("upstream_connection_con_fail") == 1
        for connection in waiting:
            connection.close()


def fill_backlog(address: tuple[str, int]) -> list[socket.socket]:
    """Connect until the kernel takes no more."""
    connections: list[socket.socket] = []
    while True:
        connection = socket.socket()
        connection.settimeout(0.3)
        connections.append(connection)
        try:
            connection.connect(address)
        except TimeoutError:
            return connections


def test_idle_upstream_connection(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address, cluster={"idle_timeout": SHORT}))
    with Wire(proxy.address()) as client:
        assert client.get().status == 200
        until(lambda: upstream.closed == 1, "the proxy closes the idle connection")
        assert client.get().status == 200
    assert upstream.connections == 2


def test_timeout_in_the_middle_of_a_response_is_none(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """The route's timeout ends with the response's head: a long download is not cut."""
    go_on = threading.Event()

    def answer(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        if go_on.wait(20.0):
            connection.sendall(b"cd")

    upstream = backend.raw(answer)
    slow = backend.raw(lambda connection, number: hear_out(connection))
    routes = [
        {"match": {"prefix": "/download"}, "route": {"cluster_name": "upstream", "timeout": SHORT}},
        {"match": {"prefix": "/"}, "route": {"cluster_name": "other", "timeout": SHORT}},
    ]
    config = simple_config(upstream.address, routes=routes)
    other = {"name": "other", "type": "SIMPLE", "lb_type": "LB_ROUNDROBIN", "hosts": [{"address": slow.address}]}
    config["cluster_manager"]["clusters"].append(other)
    proxy = headgate(config)
    with Wire(proxy.address()) as client:
        client.send("GET /download HTTP/1.1\r\nHost: a\r\n\r\n")
        head = client.head()
        assert (head.status, client.exactly(2)) == (200, b"ab")
        assert proxy.get("/").status == 504  # the same limit has passed by now
        go_on.set()
        assert client.exactly(2) == b"cd"
        assert client.get("/", "Connection: close").status == 504


def test_client_that_reads_nothing_is_cut_off_and_the_host_too(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """Neither the response nor the host may wait for ever for a client that has stopped reading."""
    cancelled = threading.Event()

    def answer(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.sendall(bytes(65536))
        except OSError:
            cancelled.set()

    upstream = backend.raw(answer)
    proxy = headgate(simple_config(upstream.address, http1={"body_idle_timeout": SHORT}))
    with Wire(proxy.address(), receive_buffer=4096) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert cancelled.wait(20.0)
