"""A reload is all or nothing, loses no request, and says what is wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.backends import BackendFactory, Reply
from tests.integration.harness import Headgate, HeadgateFactory, request, simple_config, until
from tests.integration.load import Load

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def two_listeners(address: str, second: str) -> dict[str, Any]:
    """A configuration with another listener beside the usual one."""
    config = simple_config(address)
    listeners = config["servers"][0]["listeners"]
    listeners.append({**listeners[0], "name": "second", "address": second})
    return config


def ask(client: socket.socket) -> bytes:
    """One request on a live connection; the body is short and comes in one piece with the head or after it."""
    client.sendall(GET)
    answer = b""
    while b"\r\n\r\n" not in answer or not answer.partition(b"\r\n\r\n")[2]:
        part = client.recv(65536)
        assert part
        answer += part
    return answer


def test_live_connections_get_the_new_configuration(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """As MOSN's UpdateStreamFilters: the same connection, another configuration."""
    upstream = backend()
    filters: list[Mapping[str, object]] = [{"type": "must", "config": {"User": "first"}}]
    proxy = headgate(simple_config(upstream.address, stream_filters=filters), extensions=[MUST], workers=2)
    with proxy.connect() as client:
        assert ask(client).startswith(b"HTTP/1.1 403")
        assert proxy.reload(simple_config(upstream.address)).ok
        assert ask(client).startswith(b"HTTP/1.1 200")
        assert proxy.reload(simple_config(upstream.address, stream_filters=filters)).ok
        assert ask(client).startswith(b"HTTP/1.1 403")


def test_requests_under_way_finish_on_the_old_configuration(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    release = threading.Event()
    slow = backend(lambda _: Reply(body=b"old", wait=release))
    new = backend(lambda _: Reply(body=b"new"))
    proxy = headgate(simple_config(slow.address))
    with proxy.connect() as client:
        client.sendall(GET)
        slow.wait_for_requests(1)
        assert proxy.reload(simple_config(new.address)).ok
        assert proxy.get().body == b"new"
        release.set()
        answer = b""
        while not answer.endswith(b"old"):
            part = client.recv(65536)
            assert part, answer
            answer += part


@pytest.mark.parametrize("keep_alive", [True, False])
def test_no_request_fails_under_load(headgate: HeadgateFactory, backend: BackendFactory, keep_alive: bool) -> None:
    upstreams = [backend(), backend()]
    proxy = headgate(simple_config(upstreams[0].address), workers=2)
    with Load(proxy.address(), clients=4, keep_alive=keep_alive) as load:
        for number in range(1, 7):
            load.wait_for(load.answered + 20)
            assert proxy.reload(simple_config(upstreams[number % 2].address)).ok
        load.wait_for(load.answered + 20)
    assert load.failures == []
    assert set(load.statuses) == {200}


def test_number_of_workers_changes_under_load(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address, server={"processor": 1}), workers=None)
    with Load(proxy.address(), clients=4, keep_alive=False) as load:
        for count in (3, 1, 2):
            load.wait_for(load.answered + 20)
            assert proxy.reload(simple_config(upstream.address, server={"processor": count})).ok
            assert len(proxy.workers()) == count
        load.wait_for(load.answered + 20)
        until(lambda: len(proxy.status()["workers"]) == 2, "the surplus workers have ended")
    assert load.failures == []
    assert set(load.statuses) == {200}


def test_listeners_come_and_go(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address), workers=2)
    first = proxy.address()
    assert proxy.reload(two_listeners(upstream.address, "127.0.0.1:0")).ok
    assert proxy.address() == first
    second = proxy.address("second")
    assert {request(second).status for _ in range(8)} == {200}
    with socket.create_connection(second) as idle:
        assert proxy.reload(simple_config(upstream.address)).ok
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(second)
    assert proxy.get().status == 200


def test_a_removed_listener_finishes_what_is_under_way(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    release = threading.Event()
    upstream = backend(lambda _: Reply(wait=release))
    proxy = headgate(two_listeners(upstream.address, "127.0.0.1:0"), workers=2)
    with proxy.connect("second") as client:
        client.sendall(GET)
        upstream.wait_for_requests(1)
        assert proxy.reload(simple_config(upstream.address)).ok
        release.set()
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"default-http1")


def test_a_renamed_listener_keeps_its_port(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address), workers=2)
    host, port = proxy.address()
    fixed = {"address": f"{host}:{port}"}
    # From a port that the kernel chose to the same one by number: it is ours, so it is not "in use".
    with Load((host, port), clients=2, keep_alive=False) as load:
        load.wait_for(10)
        assert proxy.reload(simple_config(upstream.address, listener={**fixed, "name": "fixed"})).ok
        load.wait_for(load.answered + 10)
        assert proxy.reload(simple_config(upstream.address, listener={**fixed, "name": "renamed"})).ok
        load.wait_for(load.answered + 10)
    assert load.failures == []
    assert proxy.address("renamed") == (host, port)


def test_a_port_in_use_changes_nothing(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = proxy.reload(two_listeners(upstream.address, f"127.0.0.1:{port}"))
    assert not outcome.ok
    assert len(outcome.errors) == 1
    assert f"servers[0].listeners[1].address: 127.0.0.1:{port}: port already in use" in outcome.errors[0]
    assert proxy.get().status == 200
    assert set(proxy.status()["listeners"]) == {"listener"}


def test_the_admin_server_moves(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address))
    before = proxy.admin
    assert proxy.reload(simple_config(upstream.address)).ok
    assert proxy.admin == before
    elsewhere = {"address": {"socket_address": {"address": "127.0.0.2", "port_value": 0}}}
    assert proxy.reload(simple_config(upstream.address, top={"admin": elsewhere})).ok
    assert proxy.admin[0] == "127.0.0.2"
    assert proxy.admin_get("/healthz").status == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(before)


def test_a_changed_extension_file_is_taken_up(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    config = simple_config(backend().address, stream_filters=[{"type": "must", "config": {"User": "first"}}])
    proxy = headgate(config, extensions=[MUST], workers=2)
    assert proxy.get().status == 403
    _extension(proxy, MUST.replace("403", "402"))
    assert proxy.reload().ok
    assert {proxy.get().status for _ in range(8)} == {402}


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("this is no Python\n", "extension_0.py:1: invalid syntax"),
        ("raise RuntimeError('not today')\n", "RuntimeError: not today"),
        ("import sys\nsys.exit('leaving')\n", "SystemExit"),
        ("import os\nos._exit(9)\n", "exited with code 9"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed by SIGKILL"),
        ("# registers nothing\n", "servers[0].listeners[0].stream_filters[0].type: unknown stream filter 'must'"),
    ],
)
def test_a_faulty_extension_file_changes_nothing(headgate: HeadgateFactory, backend: BackendFactory, source: str, error: str) -> None:
    config = simple_config(backend().address, stream_filters=[{"type": "must", "config": {"User": "first"}}])
    proxy = headgate(config, extensions=[MUST], workers=2)
    _extension(proxy, source)
    outcome = proxy.reload()
    assert not outcome.ok
    assert error in "\n".join(outcome.errors)
    assert proxy.status()["generation"] == 1
    _extension(proxy, MUST)
    until(lambda: len(proxy.workers()) == 2, "workers that died over it are replaced")
    assert {proxy.get().status for _ in range(8)} == {403}
    assert {proxy.get(headers={"User": "first"}).status for _ in range(8)} == {200}


def _extension(proxy: Headgate, source: str) -> None:
    (proxy.workspace.folder / "extension_0.py").write_text(source)


def test_one_line_for_each_error(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), workers=2)
    proxy.workspace.write(simple_config("127.0.0.1:1", stream_filters=[{"type": "unknown_a"}, {"type": "unknown_b"}]))
    result = proxy.run("reload")
    assert result.returncode == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert "servers[0].listeners[0].stream_filters[0].type: unknown stream filter 'unknown_a'" in lines[0]
    assert "servers[0].listeners[0].stream_filters[1].type: unknown stream filter 'unknown_b'" in lines[1]


def test_reloads_are_counted(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address))
    proxy.get()
    assert proxy.reload().ok
    assert not proxy.reload("nothing").ok
    assert proxy.metric("server_reloads_total") == 1
    assert proxy.metric("server_reload_failures_total") == 1
    assert proxy.metric("downstream_request_total") == 1


MUST = """
from headgate.api import Status, StreamFilter, stream_filter


@stream_filter("must", config=dict[str, str])
class Must(StreamFilter[dict[str, str]]):
    def on_receive(self, stream):
        if all(stream.request.headers.get(name) == value for name, value in self.config.items()):
            return Status.CONTINUE
        stream.reply(403, body="no")
        return Status.STOP
"""
