"""The admin server itself: limits, bad requests, failing handlers, browsers, stopping."""

import asyncio
import errno
import json
import logging
import os
import socket
from pathlib import Path

import pytest

from headgate.control.admin.server import AdminLimits
from tests.integration.control.running_admin import Admin, StartAdmin, read_all
from tests.integration.harness import until

HEAD = b"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _status(wire: bytes) -> int:
    return int(wire.split(b" ", 2)[1])


def test_a_connection_serves_one_request_and_is_closed(admin: Admin) -> None:
    wire = admin.raw(HEAD * 3)
    assert wire.count(b"HTTP/1.1 200 OK") == 1
    assert b"\r\nConnection: close\r\n" in wire
    assert wire.endswith(b"\r\n\r\nmosn version: 1.2.3")


def test_answers_are_not_to_be_kept_or_guessed_at(admin: Admin) -> None:
    answer = admin.get("/")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_request_may_arrive_byte_by_byte(admin: Admin) -> None:
    with admin.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(HEAD)):
            client.sendall(HEAD[i : i + 1])
        assert _status(read_all(client)) == 200


def test_a_client_may_close_its_side_after_the_request(admin: Admin) -> None:
    with admin.connect() as client:
        client.sendall(HEAD)
        client.shutdown(socket.SHUT_WR)
        assert _status(read_all(client)) == 200


def test_a_chunked_body_is_understood(admin: Admin) -> None:
    head = b"POST /api/v1/disable_log HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"5\r\n/var/\r\n10\r\nlog/headgate.log\r\n0\r\nHost: evil.example\r\n\r\n"
    assert _status(admin.raw(head + body)) == 200
    assert not admin.view.enabled["/var/log/headgate.log"]


@pytest.mark.parametrize(
    "target", [b"/api/v1/states?x=1", b"http://localhost/api/v1/states", b"/api/v1/states#fragment", b"/api/v1/states?"]
)
def test_forms_of_a_target(admin: Admin, target: bytes) -> None:
    assert admin.raw(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n").endswith(b"pid=4711&state=6\n")


def test_http_1_0_without_host(admin: Admin) -> None:
    assert _status(admin.raw(b"GET /healthz HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize(
    "wire",
    [
        b"rubbish\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /?" + b"a&" * 200 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_a_bad_request_is_400_and_closed(admin: Admin, wire: bytes) -> None:
    answer = admin.raw(wire)
    assert _status(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"].startswith("bad request: ")
    assert admin.get("/healthz").status == 200


# Limits


def test_a_request_too_large_is_413(start_admin: StartAdmin) -> None:
    admin = start_admin(AdminLimits(request_bytes=1000))
    assert admin.post("/api/v1/enable_log", b"x" * 500).status == 400
    assert admin.post("/api/v1/enable_log", b"x" * 2000).status == 413
    assert admin.get("/", headers={"X": "y" * 2000}).status == 413


def test_the_default_limit_is_64_kib(admin: Admin) -> None:
    assert admin.post("/api/v1/enable_log", b"x" * 60000).status == 400
    assert admin.post("/api/v1/enable_log", b"x" * 65537).status == 413


def test_one_connection_too_many_is_503(start_admin: StartAdmin) -> None:
    admin = start_admin(AdminLimits(connections=2))
    with admin.connect() as first, admin.connect() as second:
        for client in (first, second):
            client.sendall(HEAD[:10])
        with admin.connect() as third:
            assert _status(read_all(third)) == 503
        first.sendall(HEAD[10:])
        assert _status(read_all(first)) == 200


def test_a_slow_request_is_408(start_admin: StartAdmin) -> None:
    admin = start_admin(AdminLimits(timeout=0.05))
    with admin.connect() as client:
        client.sendall(HEAD[:-1])
        assert _status(read_all(client)) == 408
    with admin.connect() as silent:
        assert _status(read_all(silent)) == 408


def test_a_client_that_does_not_take_its_answer_is_cut_off(start_admin: StartAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = start_admin(AdminLimits(timeout=0.05))
    size = 32 << 20  # more than the kernel keeps for a socket
    monkeypatch.setattr(admin.view, "version", lambda: "x" * size)
    with admin.connect() as client:
        client.sendall(HEAD)
        assert _status(client.recv(100)) == 200
        until(lambda: not admin.server._connections)
        assert _received(client) < size


def _received(client: socket.socket) -> int:
    total = 0
    try:
        while part := client.recv(1 << 20):
            total += len(part)
    except ConnectionResetError:
        pass
    return total


def test_a_client_that_leaves_is_forgotten(admin: Admin) -> None:
    with admin.connect() as client:
        client.sendall(HEAD[:10])
    until(lambda: not admin.server._connections)


def test_a_client_that_leaves_cancels_its_handler(start_admin: StartAdmin) -> None:
    admin = start_admin()
    admin.view.hang = asyncio.Event()
    client = admin.connect()
    client.sendall(HEAD.replace(b"version", b"stats"))
    until(lambda: any(connection.task for connection in admin.server._connections))
    tasks = [connection.task for connection in admin.server._connections if connection.task is not None]
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    client.close()
    until(lambda: all(task.cancelled() for task in tasks))


# Handlers that fail


def test_a_handler_that_raises_is_500_and_logged(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    admin.view.fail = RuntimeError("worker 3 is gone")
    answer = admin.get("/api/v1/stats")
    assert (answer.status, answer.error) == (500, "internal error")
    assert "handler of /api/v1/stats (headgate.control.admin.routes.stats) failed" in caplog.text
    assert "worker 3 is gone" in caplog.text
    admin.view.fail = None
    assert admin.get("/api/v1/stats").status == 200


def test_a_handler_that_hangs_is_504(start_admin: StartAdmin, caplog: pytest.LogCaptureFixture) -> None:
    admin = start_admin(AdminLimits(timeout=0.05))
    admin.view.hang = asyncio.Event()
    answer = admin.get("/metrics")
    assert (answer.status, answer.error) == (504, "the handler took too long")
    assert "handler of /metrics" in caplog.text
    assert admin.get("/healthz").status == 200


# Browsers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1"])
def test_dns_rebinding_is_refused(admin: Admin, host: str) -> None:
    answer = admin.get("/api/v1/config_dump", {"Host": host})
    assert answer.status == 403
    assert host in answer.error


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:2"])
def test_names_of_the_loopback_are_served(admin: Admin, host: str) -> None:
    assert admin.get("/healthz", {"Host": host}).status == 200


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_post_from_another_site_is_refused(admin: Admin, headers: dict[str, str]) -> None:
    answer = admin.post("/api/v1/disable_log", b"/var/log/headgate.log", headers)
    assert answer.status == 403
    assert "cross-site" in answer.error
    assert admin.view.enabled["/var/log/headgate.log"]


def test_a_post_from_the_same_origin_is_served(admin: Admin) -> None:
    assert isinstance(admin.address, tuple)
    host, port = admin.address
    answer = admin.post("/api/v1/disable_log", b"/var/log/headgate.log", {"Origin": f"http://{host}:{port}"})
    assert answer.status == 200


def test_posts_are_logged_with_their_sender(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="headgate.control"):
        admin.post("/api/v1/disable_log", b"/var/log/headgate.log")
    assert "admin: POST /api/v1/disable_log from 127.0.0.1:" in caplog.text


# Addresses


def test_an_address_that_others_reach_is_warned_of(start_admin: StartAdmin, caplog: pytest.LogCaptureFixture) -> None:
    admin = start_admin(sock=socket.create_server(("0.0.0.0", 0)))
    assert "the admin server listens on 0.0.0.0" in caplog.text
    assert isinstance(admin.address, tuple)
    admin.address = ("127.0.0.1", admin.address[1])
    assert admin.get("/healthz", {"Host": "gateway.example"}).status == 200


def test_the_loopback_is_not_warned_of(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    assert "no authentication" not in caplog.text


def test_ipv6(start_admin: StartAdmin) -> None:
    try:
        sock = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        assert error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # a machine without IPv6 has nothing to test
        return
    assert start_admin(sock=sock).get("/healthz").status == 200


def test_a_unix_socket(start_admin: StartAdmin, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(os.fspath(path))
    admin = start_admin(sock=sock)
    assert admin.raw(HEAD).endswith(b"mosn version: 1.2.3")


# Stopping


def test_after_the_stop_nobody_is_answered(admin: Admin) -> None:
    with admin.connect() as idle:
        idle.sendall(HEAD[:10])
        admin.get("/healthz")
        admin.stop()
        assert _is_closed(idle)
    with pytest.raises(ConnectionRefusedError):
        admin.connect()


def _is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_the_stop_waits_for_requests_under_way(start_admin: StartAdmin) -> None:
    admin = start_admin()
    admin.view.hang = asyncio.Event()
    with admin.connect() as client:
        client.sendall(HEAD.replace(b"version", b"stats"))
        until(lambda: any(connection.task for connection in admin.server._connections))
        stopped = asyncio.run_coroutine_threadsafe(admin.server.stop(), admin.loop)
        admin.loop.call_soon_threadsafe(admin.view.hang.set)
        assert _status(read_all(client)) == 200
        stopped.result(20)


def test_the_stop_does_not_wait_for_ever(start_admin: StartAdmin) -> None:
    admin = start_admin(AdminLimits(timeout=0.05))
    admin.view.hang = asyncio.Event()
    with admin.connect() as client:
        client.sendall(HEAD.replace(b"version", b"stats"))
        until(lambda: any(connection.task for connection in admin.server._connections))
        admin.stop()
        admin.stop()
