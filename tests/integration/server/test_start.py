"""A proxy starts, says where it is, serves on every worker, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, alive, simple_config, until


def test_forwards_and_stops(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address))
    response = proxy.get("/a?b=c")
    assert (response.status, response.body) == (200, b"default-http1")
    assert [request.target for request in upstream.requests] == ["/a?b=c"]
    assert proxy.stop() == 0


def test_ready_file_says_where_everything_is(headgate: HeadgateFactory) -> None:
    proxy = headgate(simple_config(), workers=2)
    facts = json.loads(proxy.workspace.ready_path.read_text())
    assert facts["pid"] == proxy.pid
    assert facts["config"] == str(proxy.config_path)
    assert set(facts["listeners"]) == {"listener"}
    assert len(facts["workers"]) == 2
    assert stat.S_IMODE(os.stat(facts["control_socket"]).st_mode) == 0o600
    assert proxy.admin_get("/readyz").status == 200


def test_leaves_nothing_behind(headgate: HeadgateFactory, tmp_path: Path) -> None:
    config = simple_config(top={"pid": str(tmp_path / "headgate.pid"), "control_socket": str(tmp_path / "control.sock")})
    proxy = headgate(config, workers=2)
    workers = proxy.workers()
    assert (tmp_path / "headgate.pid").read_text().strip() == str(proxy.pid)
    assert proxy.control == tmp_path / "control.sock"
    assert proxy.stop() == 0
    assert not [pid for pid in workers if alive(pid)]
    assert not (tmp_path / "headgate.pid").exists()
    assert not (tmp_path / "control.sock").exists()
    assert not proxy.workspace.ready_path.exists()


def test_every_worker_gets_connections(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), workers=2)
    connections = [proxy.connect() for _ in range(64)]
    until(lambda: sum(worker["connections"] for worker in proxy.status()["workers"]) == 64, "the workers have told their connections")
    assert all(worker["connections"] > 0 for worker in proxy.status()["workers"])
    for connection in connections:
        connection.close()


def test_number_of_workers_is_the_configured_one(headgate: HeadgateFactory) -> None:
    proxy = headgate(simple_config(server={"processor": 3}), workers=None)
    assert len(proxy.workers()) == 3


def test_listens_on_a_unix_socket(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    path = tmp_path / "listener.sock"
    config = simple_config(backend().address, listener={"address": str(path), "network": "unix"})
    proxy = headgate(config, workers=2)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b"default-http1" in b"".join(iter(lambda: client.recv(65536), b""))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert proxy.stop() == 0
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    path = tmp_path / "listener.sock"
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(str(path))
    left_behind.close()
    headgate(simple_config(backend().address, listener={"address": str(path), "network": "unix"}))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_starts_from_either_format(headgate: HeadgateFactory, backend: BackendFactory, ending: str) -> None:
    config = simple_config(backend().address)
    # JSON is YAML, too.
    proxy = headgate(json.dumps(config) if ending == "yaml" else config)
    assert proxy.config_path.suffix == f".{ending}"
    assert proxy.get().status == 200


def test_extensions_from_command_line_and_environment(
    headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "auth.py").write_text(AUTH)
    (folder / "test_auth.py").write_text("raise RuntimeError('tests are not loaded')\n")
    (folder / "_private.py").write_text("raise RuntimeError('private files are not loaded')\n")
    proxy = headgate(simple_config(backend().address, stream_filters=[{"type": "auth"}]), extensions=[folder])
    assert proxy.get().status == 403
    assert proxy.get(headers={"User": "admin"}).status == 200


AUTH = """
from headgate.api import Status, Stream, StreamFilter, stream_filter


@stream_filter("auth")
class Auth(StreamFilter[object]):
    def on_receive(self, stream: Stream) -> Status:
        if stream.request.headers.get("user") == "admin":
            return Status.CONTINUE
        stream.reply(403)
        return Status.STOP
"""


def test_what_an_extension_says_while_it_is_made_is_in_the_log(headgate: HeadgateFactory, tmp_path: Path) -> None:
    file = tmp_path / "talker.py"
    file.write_text(
        "import logging\n"
        "from headgate.api import StreamFilter\n"
        "class Talker(StreamFilter[dict]):\n"
        "    pass\n"
        "logging.getLogger('headgate.talker').info('made at the start')\n"
    )
    entry = {"type": "module", "path": str(file), "factory": "Talker"}
    proxy = headgate(simple_config(stream_filters=[entry], server={"default_log_level": "INFO"}))
    until(lambda: "talker: made at the start" in proxy.logs)
