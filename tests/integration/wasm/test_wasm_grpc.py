"""gRPC calls of WASM modules in real proxies: to grpcio's server, and to what is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import Headgate, HeadgateFactory, Response, simple_config, until
from tests.integration.runtimes.grpc_servers import raw_server
from tests.integration.wasm.grpc_echo import EchoServer, echo_server
from tests.integration.wasm.grpc_module import grpc_module


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_WASM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    with echo_server() as server:
        yield server


Start = Callable[..., Headgate]


@pytest.fixture
def start(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> Start:
    """Starts a proxy whose module calls the cluster ``grpc`` at an address."""

    def inside(address: str, text: str = "", **cluster: Any) -> Headgate:
        return headgate(_config(tmp_path, backend().address, address, text or grpc_module(), **cluster))

    return inside


def _config(folder: Path, upstream: str, address: str, text: str, **cluster: Any) -> dict[str, Any]:
    file = folder / "grpc.wat"
    file.write_text(text)
    config = simple_config(upstream, stream_filters=[{"type": "wasm", "config": {"path": str(file)}}])
    config["cluster_manager"]["clusters"].append({"name": "grpc", "type": "STATIC", "hosts": [{"address": address}], **cluster})
    return config


def _ask(proxy: Headgate, method: str, message: str = "hello", **fields: str) -> Response:
    named = {f"x-{name}": value for name, value in fields.items()}
    return proxy.get("/", headers={"x-to": "grpc", "x-method": method, "x-message": message, **named})


def _in_background(proxy: Headgate, method: str, responses: list[Response], **fields: str) -> threading.Thread:
    thread = threading.Thread(target=lambda: responses.append(_ask(proxy, method, **fields)))
    thread.start()
    return thread


def _stat(proxy: Headgate, name: str) -> float:
    return sum(value for key, value in proxy.metrics().items() if key.startswith(f"upstream_{name}") and 'cluster="grpc"' in key)


def test_calls_and_streams(start: Start, echo: EchoServer) -> None:
    proxy = start(f"127.0.0.1:{echo.port}")
    for number in range(5):
        answer = _ask(proxy, "Say", f"no {number}")
        assert (answer.status, answer.body) == (200, b"you said no %d" % number)
    assert len(set(echo.peers)) == 1, "all over one connection"
    aborted = _ask(proxy, "Abort")
    assert (aborted.status, aborted.body.decode()) == (509, "100% wrong, \u00fcberhaupt")
    assert _ask(proxy, "Unknown").status == 512
    assert _ask(proxy, "Chat", stream="1").status == 203
    assert _ask(proxy, "Count", "2", stream="1").status == 202
    large = _ask(proxy, "Large", "40000")
    assert (large.status, len(large.body)) == (200, 40_000)


def test_a_cluster_that_is_not_there(start: Start, echo: EchoServer) -> None:
    proxy = start(f"127.0.0.1:{echo.port}")
    assert _ask(proxy, "Say", to="nowhere").status == 404
    assert _ask(proxy, "Say", to="nowhere", stream="1").status == 404
    until(lambda: "there is no cluster 'nowhere'" in proxy.logs, "the log says why")


def test_a_message_that_is_too_large(start: Start, echo: EchoServer) -> None:
    proxy = start(f"127.0.0.1:{echo.port}")
    answer = _ask(proxy, "Large", str(4 * 1024 * 1024 + 1))
    assert (answer.status, answer.body) == (508, b"a message of 4194305 bytes; 4194304 are allowed")
    assert _ask(proxy, "Say").status == 200


def test_a_deadline_tells_the_server_too(start: Start, echo: EchoServer) -> None:
    proxy = start(f"127.0.0.1:{echo.port}", grpc_module(timeout=100))
    assert _ask(proxy, "Sleep").status == 504
    assert echo.cancelled.wait(20.0)
    assert _ask(proxy, "Say").status == 200


@contextmanager
def _refusing() -> Iterator[str]:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"


def test_a_host_that_refuses_connections(start: Start) -> None:
    with _refusing() as address:
        proxy = start(address)
        answer = _ask(proxy, "Say")
        assert (answer.status, answer.body) == (514, f"no connection to {address}: Connection refused".encode())
        assert _ask(proxy, "Chat", stream="1").status == 514


def test_a_server_that_dies_and_comes_back(start: Start) -> None:
    with echo_server() as first:
        port = first.port
        proxy = start(f"127.0.0.1:{port}")
        assert _ask(proxy, "Say").status == 200
        responses: list[Response] = []
        waiting = _in_background(proxy, "Sleep", responses)
        until(lambda: first.started == ["Sleep"])
        first.server.stop(None)
        waiting.join(20.0)
    assert responses[0].status in (501, 514), "cancelled, or cut off"
    with echo_server(port):
        assert _ask(proxy, "Say").status == 200


def _http1(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    while connection.recv(1000):  # what is left unread would turn the end into a reset, which overtakes the answer
        pass


def _closes(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(("serve", "detail"), [(_http1, b"a frame of"), (_closes, b"")], ids=["http1", "closes"])
def test_a_host_that_does_not_speak_http2(start: Start, serve: Callable[[socket.socket], None], detail: bytes) -> None:
    with raw_server(serve) as port:
        proxy = start(f"127.0.0.1:{port}")
        answer = _ask(proxy, "Say")
        assert answer.status == 514
        assert detail in answer.body


def test_a_host_that_says_nothing(start: Start) -> None:
    def silent(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    with raw_server(silent) as port:
        proxy = start(f"127.0.0.1:{port}", connect_timeout="200ms")
        answer = _ask(proxy, "Say")
        assert (answer.status, answer.body) == (514, b"no HTTP/2 within 0.2 s")


def test_a_call_may_outlive_the_request_that_made_it(start: Start, echo: EchoServer) -> None:
    """It belongs to the root context, as in Envoy."""
    proxy = start(f"127.0.0.1:{echo.port}")
    assert _ask(proxy, "Say", "later", forget="1").status == 200
    until(lambda: "you said later" in proxy.logs, "the answer is logged")


def test_calls_end_when_the_module_is_replaced(start: Start, echo: EchoServer, tmp_path: Path, backend: BackendFactory) -> None:
    address = f"127.0.0.1:{echo.port}"
    proxy = start(address)
    assert _ask(proxy, "Sleep", forget="1").status == 200
    until(lambda: echo.started == ["Sleep"])
    assert not echo.cancelled.is_set()
    config = _config(tmp_path, backend().address, address, grpc_module(timeout=4000))
    assert proxy.reload(config).ok
    assert echo.cancelled.wait(20.0)
    assert _ask(proxy, "Say").status == 200


def test_calls_from_ticks_and_while_configuring(start: Start, echo: EchoServer) -> None:
    proxy = start(f"127.0.0.1:{echo.port}", grpc_module(tick=20, own=True))
    until(lambda: len(echo.peers) >= 4)
    assert len(set(echo.peers)) == 1
    until(lambda: "you said Say" in proxy.logs)


def test_an_idle_connection_is_closed_and_made_anew(start: Start, echo: EchoServer) -> None:
    proxy = start(f"127.0.0.1:{echo.port}", idle_timeout="100ms")
    assert _ask(proxy, "Say").status == 200
    until(lambda: _stat(proxy, "connection_local_close") == 1, "the connection is closed")
    assert _ask(proxy, "Say").status == 200
    assert len(set(echo.peers)) == 2


def test_the_breaker(start: Start, echo: EchoServer) -> None:
    proxy = start(f"127.0.0.1:{echo.port}", circuit_breakers=[{"max_requests": 1}])
    responses: list[Response] = []
    waiting = _in_background(proxy, "Sleep", responses)
    until(lambda: echo.started == ["Sleep"])
    refused = _ask(proxy, "Say")
    assert (refused.status, refused.body) == (514, b"too many requests to the cluster")
    echo.release.set()
    waiting.join(20.0)
    assert (responses[0].status, responses[0].body) == (200, b"slept")
