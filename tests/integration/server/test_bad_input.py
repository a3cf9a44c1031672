"""What the user got wrong is said in one clear line each, with its path, exit code 1, and no traceback."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config


def assert_refused(result: subprocess.CompletedProcess[str], *lines: str) -> None:
    """Exactly these lines (each given by parts that it contains, separated by ``...``), exit code 1."""
    assert result.returncode == 1, result.stderr
    told = [line for line in result.stderr.splitlines() if "WARN" not in line]
    assert "Traceback" not in result.stderr
    assert len(told) == len(lines), result.stderr
    for line, expected in zip(told, lines, strict=True):
        for part in expected.split("..."):
            assert part in line, (part, line)


def test_port_in_use(headgate: HeadgateFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = headgate.fails(simple_config(listener={"address": f"127.0.0.1:{port}"}))
    assert_refused(result, f"servers[0].listeners[0].address: 127.0.0.1:{port}: port already in use")


def test_port_in_use_by_somebody_who_shares(headgate: HeadgateFactory) -> None:
    """SO_REUSEPORT must not let two proxies share a port unnoticed."""
    first = headgate(simple_config(), workers=2)
    host, port = first.address()
    result = headgate.fails(simple_config(listener={"address": f"{host}:{port}"}), workers=2)
    assert_refused(result, f"servers[0].listeners[0].address: {host}:{port}: port already in use")


def test_admin_port_in_use(headgate: HeadgateFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
        result = headgate.fails(simple_config(top={"admin": admin}))
    assert_refused(result, f"admin.address.socket_address: 127.0.0.1:{port}: port already in use")


def test_address_of_another_machine(headgate: HeadgateFactory) -> None:
    result = headgate.fails(simple_config(listener={"address": "192.0.2.1:0"}))
    assert_refused(result, "servers[0].listeners[0].address: 192.0.2.1:0: this machine has no such address")


def test_unix_socket_in_use(headgate: HeadgateFactory, tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        result = headgate.fails(simple_config(listener={"address": str(path), "network": "unix"}))
    assert_refused(result, f"servers[0].listeners[0].address: {path}: already in use (another process answers on this socket)")


def test_path_of_unix_socket_is_a_file(headgate: HeadgateFactory, tmp_path: Path) -> None:
    path = tmp_path / "precious.txt"
    path.write_text("precious")
    result = headgate.fails(simple_config(listener={"address": str(path), "network": "unix"}))
    assert_refused(result, f"servers[0].listeners[0].address: {path}: already in use")
    assert path.read_text() == "precious"


def test_missing_log_directory(headgate: HeadgateFactory, tmp_path: Path) -> None:
    result = headgate.fails(simple_config(server={"default_log_path": str(tmp_path / "missing" / "headgate.log")}))
    assert_refused(result, f"servers[0].default_log_path...{tmp_path}/missing")


def test_missing_access_log_directory(headgate: HeadgateFactory, tmp_path: Path) -> None:
    result = headgate.fails(simple_config(listener={"access_logs": [{"log_path": str(tmp_path / "missing" / "access.log")}]}))
    assert_refused(result, f"servers[0].listeners[0].access_logs[0]...{tmp_path}/missing")


def test_missing_configuration(headgate: HeadgateFactory, tmp_path: Path) -> None:
    assert_refused(headgate.fails(tmp_path / "nothing.json"), f"{tmp_path}/nothing.json: no such file or directory")


def test_configuration_is_a_directory(headgate: HeadgateFactory, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert_refused(headgate.fails(tmp_path / "folder"), f"{tmp_path}/folder: is a directory")


def test_tab_in_yaml(headgate: HeadgateFactory) -> None:
    assert_refused(headgate.fails("servers:\n\t- listeners: []\n"), "config.yaml: line 2: a tab indents this line")


def test_every_error_of_the_file_is_told(headgate: HeadgateFactory) -> None:
    config = simple_config(listener={"adress": "x"}, cluster={"connect_timeout": 5})
    result = headgate.fails(config)
    assert_refused(result, "servers[0].listeners[0].adress...did you mean 'address'", "cluster_manager.clusters[0].connect_timeout...5s")


def test_unknown_stream_filter(headgate: HeadgateFactory) -> None:
    result = headgate.fails(simple_config(stream_filters=[{"type": "nothing_of_the_kind"}]), workers=2)
    assert_refused(result, "servers[0].listeners[0].stream_filters[0].type: unknown stream filter 'nothing_of_the_kind'")


def test_bad_option_of_a_filter(headgate: HeadgateFactory) -> None:
    config = simple_config(stream_filters=[{"type": "limited", "config": {"limit": "many"}}])
    result = headgate.fails(config, extensions=[LIMITED], workers=2)
    assert_refused(result, "servers[0].listeners[0].stream_filters[0].config.limit...integer")


def test_filter_that_raises_when_created(headgate: HeadgateFactory) -> None:
    result = headgate.fails(simple_config(stream_filters=[{"type": "broken"}]), extensions=[BROKEN], workers=2)
    assert_refused(result, "servers[0].listeners[0].stream_filters[0]...'broken' cannot be created: KeyError: 'password'")


def test_extension_that_does_not_load(headgate: HeadgateFactory) -> None:
    result = headgate.fails(simple_config(), extensions=["import nothing_of_the_kind\nx = 1\n"], workers=2)
    assert_refused(result, "extensions[0]...extension_0.py:1: ModuleNotFoundError: No module named 'nothing_of_the_kind'")


def test_extension_that_ends_the_process(headgate: HeadgateFactory) -> None:
    result = headgate.fails(simple_config(), extensions=["import sys\nsys.exit(0)\n"])
    assert result.returncode == 1
    assert "SystemExit" in result.stderr


def test_extension_that_kills_the_process(headgate: HeadgateFactory) -> None:
    result = headgate.fails(simple_config(), extensions=["import os, sys\nprint('I was here', file=sys.stderr)\nos._exit(7)\n"])
    assert result.returncode == 1
    assert "exited with code 7; its last words: I was here" in result.stderr


def test_missing_extension(headgate: HeadgateFactory, tmp_path: Path) -> None:
    result = headgate.fails(simple_config(), extensions=[tmp_path / "nothing.py"])
    assert_refused(result, f"extensions[0]: no such file or folder: {tmp_path}/nothing.py")


def test_started_twice(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    first = headgate(simple_config(backend().address))
    result = first.workspace.run(first.workspace.start_command(1, ()))
    assert_refused(result, f"already running: a proxy answers on its control socket {first.control}")
    assert first.get().status == 200


LIMITED = """
from pydantic import BaseModel
from headgate.api import StreamFilter, stream_filter


class Options(BaseModel):
    limit: int


@stream_filter("limited", config=Options)
class Limited(StreamFilter[Options]):
    pass
"""

BROKEN = """
from headgate.api import StreamFilterFactory, stream_filter


@stream_filter("broken")
def create(config: dict[str, str]) -> StreamFilterFactory:
    raise KeyError("password")
"""
