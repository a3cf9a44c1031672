"""``headgate stop``, ``reload``, ``status`` and ``quickstart`` as a user runs them."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory, Reply
from tests.integration.harness import HeadgateFactory, request, simple_config, until

ROOT = Path(__file__).parents[3]


def test_status_for_people_and_machines(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), workers=2)
    told = proxy.run("status")
    assert told.returncode == 0
    assert f"is running: pid {proxy.pid}" in told.stdout
    assert "listener listener: {}:{}".format(*proxy.address()) in told.stdout
    facts = json.loads(proxy.run("status", "--json").stdout)
    assert facts["ready"] is True
    assert facts["admin"] == "{}:{}".format(*proxy.admin)
    assert [worker["state"] for worker in facts["workers"]] == ["serving", "serving"]


def test_reload_puts_a_changed_file_in_force(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    first, second = backend(lambda _: Reply(body=b"first")), backend(lambda _: Reply(body=b"second"))
    proxy = headgate(simple_config(first.address))
    proxy.workspace.write(simple_config(second.address))
    told = proxy.run("reload")
    assert (told.returncode, told.stdout) == (0, "reloaded: configuration 2 is in force\n")
    assert proxy.get().body == b"second"


def test_reload_of_a_bad_file_says_what_is_wrong(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address))
    proxy.workspace.write(simple_config("127.0.0.1:1", listener={"adress": "x"}))
    told = proxy.run("reload")
    assert told.returncode == 1
    assert "headgate: servers[0].listeners[0].adress: unknown key (did you mean 'address'?)" in told.stderr
    assert "refused" in proxy.run("status").stdout
    assert proxy.get().status == 200


def test_stop_waits_for_the_end(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    release = threading.Event()
    upstream = backend(lambda _: Reply(wait=release))
    proxy = headgate(simple_config(upstream.address))
    with proxy.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        upstream.wait_for_requests(1)
        with proxy.workspace.spawn(proxy.workspace.command("stop")) as stop:
            until(lambda: "stopping: requests under way" in proxy.logs)
            assert stop.poll() is None
            release.set()
            assert stop.wait(30) == 0
        assert proxy.wait() == 0
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_stop_now_does_not_wait(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    release = threading.Event()
    upstream = backend(lambda _: Reply(wait=release))
    proxy = headgate(simple_config(upstream.address))
    with proxy.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        upstream.wait_for_requests(1)
        assert proxy.run("stop", "--now").returncode == 0
        assert proxy.wait() == 0
    release.set()


def test_stop_works_though_the_file_has_become_faulty(headgate: HeadgateFactory) -> None:
    proxy = headgate(simple_config())
    proxy.config_path.write_text("{")
    assert proxy.run("stop").returncode == 0
    assert proxy.wait() == 0


def test_by_control_socket_and_by_pid_file(headgate: HeadgateFactory, tmp_path: Path) -> None:
    pid_file = tmp_path / "headgate.pid"
    proxy = headgate(simple_config(top={"pid": str(pid_file)}))
    command = [sys.executable, "-m", "headgate.cli"]
    told = proxy.workspace.run([*command, "status", "--control-socket", str(proxy.control)])
    assert told.returncode == 0
    told = proxy.workspace.run([*command, "status", "--pid-file", str(pid_file)])
    assert told.stdout == f"running: pid {proxy.pid}\n"
    assert proxy.workspace.run([*command, "reload", "--pid-file", str(pid_file)]).returncode == 0
    until(lambda: "configuration 2 is in force" in proxy.logs)
    stop = proxy.workspace.spawn([*command, "stop", "--pid-file", str(pid_file)])
    assert proxy.wait() == 0
    assert stop.wait(30) == 0


def test_rubbish_on_the_control_socket_hurts_nobody(headgate: HeadgateFactory) -> None:
    proxy = headgate(simple_config())
    for rubbish in (b"\n", b"[]\n", b'{"command": 1}\n', b'{"command": "nonsense"}\n', b"\xff\xfe\n"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(proxy.control))
            client.sendall(rubbish)
            assert b'"ok": false' in client.recv(65536)
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(ConnectionError):
        client.connect(str(proxy.control))
        client.sendall(b"x" * 300_000)
        while client.recv(65536):
            continue
    assert proxy.status()["ready"]


class Quickstart:
    """A running ``headgate quickstart``."""

    def __init__(self, factory: HeadgateFactory) -> None:
        self.workspace = factory.workspace(simple_config())
        options = ("--port", "0", "--backend-port", "0", "--admin-port", "0")
        self.process = self.workspace.spawn([sys.executable, "-m", "headgate.cli", "quickstart", *options])
        until(lambda: "Ctrl-C ends this" in self.output, "the quickstart says what to try", 30.0)
        found = re.search(r"forwards 127\.0\.0\.1:(\d+) to a backend on 127\.0\.0\.1:(\d+)", self.output)
        assert found is not None
        self.address = ("127.0.0.1", int(found[1]))

    @property
    def output(self) -> str:
        return self.workspace.log_path.read_text()


def test_quickstart(headgate: HeadgateFactory) -> None:
    demo = Quickstart(headgate)
    try:
        assert request(demo.address).status == 403
        assert request(demo.address, headers={"User": "guest"}).status == 403
        allowed = request(demo.address, "POST", "/x", {"User": "admin"}, b"hello")
        assert allowed.status == 200
        assert b"Hello from the backend" in allowed.body
        assert b"(5 bytes of body)" in allowed.body
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(30) == 0
        assert "Traceback" not in demo.output
    finally:
        demo.process.kill()
        demo.process.wait()


@pytest.mark.parametrize("option", ["--port", "--backend-port", "--admin-port"])
def test_quickstart_says_clearly_which_port_is_taken(headgate: HeadgateFactory, option: str) -> None:
    ports = {"--port": 0, "--backend-port": 0, "--admin-port": 0}
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports[option] = other.getsockname()[1]
        arguments = [text for name, port in ports.items() for text in (name, str(port))]
        told = headgate.workspace(simple_config()).run([sys.executable, "-m", "headgate.cli", "quickstart", *arguments])
    assert told.returncode == 1
    assert f"127.0.0.1:{ports[option]}: port already in use by another process" in told.stderr
    assert "Traceback" not in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_mosns_own_configuration_of_the_demo(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """The article's configuration with our filter on the extension path: 403, 502 without a backend, 200 with one."""
    config = json.loads(MOSN_DEMO)
    upstream = backend()
    config["servers"][0]["listeners"][0]["address"] = "127.0.0.1:0"
    config["admin"]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    config["cluster_manager"]["clusters"][0]["hosts"][0]["address"] = upstream.address
    proxy = headgate(config, extensions=[ROOT / "examples" / "auth_filter"])
    assert proxy.get(listener="serverListener").status == 403
    assert proxy.get(headers={"User": "admin"}, listener="serverListener").status == 200
    upstream.stop()
    until(lambda: proxy.get(headers={"User": "admin"}, listener="serverListener").status == 502)


MOSN_DEMO = """
{
  "servers": [{
    "default_log_path": "stdout",
    "default_log_level": "INFO",
    "routers": [{
      "router_config_name": "server_router",
      "virtual_hosts": [{
        "name": "serverHost",
        "domains": ["*"],
        "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "serverCluster"}}]
      }]
    }],
    "listeners": [{
      "name": "serverListener",
      "address": "127.0.0.1:2046",
      "bind_port": true,
      "filter_chains": [{"filters": [{
        "type": "proxy",
        "config": {"downstream_protocol": "Http1", "upstream_protocol": "Http1", "router_config_name": "server_router"}
      }]}],
      "stream_filters": [{"type": "demo", "config": {"User": "admin"}}]
    }]
  }],
  "cluster_manager": {"clusters": [{
    "name": "serverCluster",
    "type": "SIMPLE",
    "lb_type": "LB_RANDOM",
    "max_request_per_conn": 1024,
    "conn_buffer_limit_bytes": 32768,
    "hosts": [{"address": "127.0.0.1:8080"}]
  }]},
  "admin": {"address": {"socket_address": {"address": "0.0.0.0", "port_value": 34901}}}
}
"""
