"""Plugins that do what no plugin should: a clear error, the named policy for the requests concerned, and everything else unharmed."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, alive, until
from tests.integration.load import Load
from tests.integration.plugins.asking import ASKER, SERVING, asking_config, plugin, plugin_pids, plugins, write_plugin

NEVER_ANSWERS = """
import os, socket, sys, time
server = socket.socket(socket.AF_UNIX)
path = os.path.join(os.environ["HEADGATE_PLUGIN_SOCKET_DIR"], "s")
server.bind(path)
server.listen()
"""
SAY_LINE = """
print(f"1|1|unix|{path}|grpc", flush=True)
"""

GIANT = """
import os, socket, sys, threading
import h2.config, h2.connection, h2.events

path = os.path.join(os.environ["HEADGATE_PLUGIN_SOCKET_DIR"], "s")
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
print(f"1|1|unix|{path}|grpc", flush=True)

def serve(client):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    answering = set()
    while True:
        for stream in answering:
            while (size := min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size)) > 0:
                connection.send_data(stream, bytes(size))
        client.sendall(connection.data_to_send())
        data = client.recv(65536)
        if not data:
            return
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived) and dict(event.headers)[":path"] == "/proto.Plugin/Call":
                connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                connection.send_data(event.stream_id, b"\\0" + (1 << 30).to_bytes(4, "big"))
                answering.add(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                answering.discard(event.stream_id)
                print("reset", file=open(sys.argv[1], "a"))

while True:
    threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()
"""


def peak_memory(pid: int) -> int:
    """The most memory that a process has had so far, bytes."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def test_a_start_that_fails(headgate: HeadgateFactory, tmp_path: Path) -> None:
    """What may be wrong with a start, and what is said of it: ``test_plugin_start.py``."""
    program = write_plugin(tmp_path, "import sys; sys.stderr.write('no licence\\n'); sys.exit(3)")
    failed = headgate.fails(asking_config(plugins=[plugin(program, start_timeout="1s")]), extensions=[ASKER])
    assert failed.returncode == 1
    assert "plugins[0]: plugin 'checker' cannot be started: it exited with code 3 before it said where it listens" in failed.stderr
    assert "the last it wrote: 'no licence'" in failed.stderr


def test_programs_that_cannot_be_run(headgate: HeadgateFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, SERVING)
    program.chmod(0o644)
    for run in (headgate.fails, headgate.check):
        assert "plugins[0].command: plugin 'checker': " in run(asking_config(plugins=[plugin(program)]), extensions=[ASKER]).stderr
        missing = run(asking_config(plugins=[plugin(tmp_path / "missing")]), extensions=[ASKER])
        assert (missing.returncode, "no such file or directory" in missing.stderr) == (1, True)
        beside = run(asking_config(), extensions=[ASKER])
        assert (beside.returncode, "plugin 'checker'" in beside.stderr) == (1, True)
        on_path = run(asking_config(plugins=[plugin("no-such-program-anywhere")]), extensions=[ASKER])
        assert "nor on PATH" in on_path.stderr
    text = tmp_path / "text"
    text.write_text("no program\n")
    text.chmod(0o755)
    failed = headgate.fails(asking_config(plugins=[plugin(text)]), extensions=[ASKER])
    assert "exec format error (a script needs a first line like '#!/bin/sh')" in failed.stderr


def test_two_plugins_of_one_name(headgate: HeadgateFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, SERVING)
    refused = headgate.check(asking_config(plugins=[plugin(program), plugin(program)]), extensions=[ASKER])
    assert "plugins[1].name: plugin 'checker' stands twice (the other is plugins[0])" in refused.stderr


def test_hangs_in_a_call_and_is_replaced(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    entry = plugin(write_plugin(tmp_path, SERVING), health_interval="200ms", call_timeout="300ms", stop_timeout="300ms")
    proxy = headgate(asking_config(backend().address, plugins=[entry], entry={"on_error": "deny"}), extensions=[ASKER])
    first = int(proxy.get("/pid").body)
    assert proxy.get("/hang").status >= 500
    until(lambda: not alive(first), "the one that hangs is replaced")
    until(lambda: proxy.get("/pid").status == 200, "the next one answers")
    assert proxy.metrics()['plugin_errors_total{kind="timeout",plugin="checker"}'] >= 1
    assert proxy.metrics()['plugin_restarts_total{plugin="checker",reason="unhealthy"}'] == 1


def test_dies_in_a_call(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    entry = plugin(write_plugin(tmp_path, SERVING), call_timeout="20s")
    proxy = headgate(asking_config(backend().address, plugins=[entry], entry={"on_error": "deny"}), extensions=[ASKER])
    assert proxy.get("/die").status >= 500
    assert proxy.metrics()['plugin_errors_total{kind="died",plugin="checker"}'] == 1
    assert proxy.get("/", {"User": "admin"}).status == 200
    assert "exited with code 3" in proxy.logs


def test_answers_1_gib(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """It says how much is to come, and sends it as long as somebody reads."""
    sent = tmp_path / "sent"
    giant = plugin(write_plugin(tmp_path, GIANT, "giant"), args=[str(sent)], health_interval="0s", call_timeout="20s")
    config = asking_config(backend().address, plugins=[giant], entry={"on_error": "allow", "quarantine": {"max_failures": 0}})
    proxy = headgate(config, extensions=[ASKER])
    (worker,) = proxy.workers()
    before = peak_memory(worker)
    assert {proxy.get("/").status for _ in range(3)} == {200}
    assert proxy.metrics()['plugin_errors_total{kind="protocol",plugin="checker"}'] == 3
    until(lambda: sent.read_text().split() == ["reset"] * 3, "it has been told to stop")
    assert peak_memory(worker) - before < 64 << 20


def test_floods_standard_error(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    flooding = SERVING.replace(
        "serve(call)",
        "import threading\n"
        "def flood():\n"
        "    while True:\n"
        "        os.write(2, b'noise' * 20 + b'\\n')\n"
        "threading.Thread(target=flood, daemon=True).start()\n"
        "serve(call)",
    )
    entry = plugin(write_plugin(tmp_path, flooding), call_timeout="20s")
    proxy = headgate(asking_config(backend().address, plugins=[entry]), extensions=[ASKER])
    until(lambda: "lines dropped" in proxy.logs, "lines are dropped")
    assert proxy.get("/", {"User": "admin"}).status == 200
    assert proxy.logs.count("noisenoise") < 20_000
    assert proxy.stop() == 0


def test_ignores_sigterm(headgate: HeadgateFactory, tmp_path: Path) -> None:
    ignoring = NEVER_ANSWERS.replace("import os", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nimport os")
    # A server of gRPC that cannot be shut down: the handshake of HTTP/2, and silence.
    source = ignoring + SAY_LINE + ("while True:\n    c, _ = server.accept()\n    c.sendall(bytes.fromhex('000000040000000000'))\n")
    proxy = headgate(asking_config(plugins=[plugin(write_plugin(tmp_path, source), stop_timeout="500ms")]), extensions=[ASKER])
    (pid,) = plugin_pids(proxy)
    assert proxy.stop() == 0
    assert not alive(pid)
    assert "did not end within 0.5 s: it is killed" in proxy.logs


def test_leaks_to_its_memory_limit(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    entry = plugin(write_plugin(tmp_path, SERVING), limits={"memory": "150MiB", "open_files": 100, "cpus": 1}, call_timeout="5s")
    proxy = headgate(asking_config(backend().address, plugins=[entry]), extensions=[ASKER])
    first = int(proxy.get("/pid").body)
    assert len(os.sched_getaffinity(first)) == 1
    assert "Max open files            100                  100" in Path(f"/proc/{first}/limits").read_text()
    proxy.get("/eat")
    until(lambda: not alive(first), "it is killed")
    until(lambda: proxy.get("/pid").status == 200 and int(proxy.get("/pid").body) != first, "and restarted")
    assert proxy.metrics()['plugin_restarts_total{plugin="checker",reason="memory"}'] == 1
    assert "its limit is 157286400: it is killed" in proxy.logs


def test_too_many_calls_in_flight(headgate: HeadgateFactory, tmp_path: Path) -> None:
    entry = plugin(write_plugin(tmp_path, SERVING), max_concurrent_calls=1, call_timeout="10s")
    proxy = headgate(asking_config(plugins=[entry], entry={"timeout": "20s"}), extensions=[ASKER])
    slow = socket.create_connection(proxy.address(), 20.0)
    slow.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    until(lambda: proxy.metric("plugin_in_flight") == 1, "the slow call is under way")
    assert proxy.get("/pid").status >= 500
    assert b" 403 " in slow.recv(1000)
    slow.close()
    assert proxy.metrics()['plugin_errors_total{kind="overflow",plugin="checker"}'] == 1


def test_what_it_writes_is_logged_and_its_environment_is_not(headgate: HeadgateFactory, tmp_path: Path) -> None:
    writing = (
        "import json, sys\n"
        "print('from the start', file=sys.stderr)\n"
        "print(json.dumps({'@level': 'warn', '@message': 'from hclog', 'key': 1}), file=sys.stderr)\n"
    )
    program = write_plugin(tmp_path, writing + SERVING)
    entry = plugin(program, env={"API_TOKEN": "very-secret", "MODE": "also-secret"})
    proxy = headgate(asking_config(plugins=[entry]), extensions=[ASKER])
    until(lambda: "from hclog key=1" in proxy.logs, "its lines are logged")
    line = next(line for line in proxy.logs.splitlines() if "from the start" in line)
    assert "plugin.checker: " in line and "INFO" in line
    assert "WARN" in next(line for line in proxy.logs.splitlines() if "from hclog" in line)
    shown = proxy.admin_get("/api/v1/plugins").body + proxy.admin_get("/api/v1/config_dump").body
    assert str(program).encode() in shown
    for seen in (shown.decode(), proxy.logs, proxy.run("status").stdout, json.dumps(proxy.status())):
        assert "very-secret" not in seen and "also-secret" not in seen


@pytest.mark.parametrize("policy", ["deny", "allow"])
def test_killed_under_load(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, policy: str) -> None:
    entry = plugin(write_plugin(tmp_path, SERVING), call_timeout="1s")
    config = asking_config(backend().address, plugins=[entry], entry={"on_error": policy, "quarantine": {"max_failures": 0}})
    proxy = headgate(config, extensions=[ASKER], workers=2)
    with Load(proxy.address(), headers={"User": "admin"}) as load:
        load.wait_for(500)
        for round in range(1, 4):
            (pid,) = plugin_pids(proxy)
            os.kill(pid, signal.SIGKILL)
            until(lambda: len(plugin_pids(proxy)) == 1 and plugins(proxy)[0]["restarts"] == round, "it is restarted")  # noqa: B023
            load.wait_for(load.answered + 300)
    print(f"{policy}: {dict(load.statuses)}, longest {load.longest:.2f} s")
    assert not load.failures
    assert set(load.statuses) <= ({200} if policy == "allow" else {200, 500, 502, 503, 504})
    assert proxy.get("/", {"User": "admin"}).status == 200


def test_a_worker_is_replaced_although_the_program_is_gone(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """Only a new configuration is refused for that."""
    program = write_plugin(tmp_path, SERVING)
    config = asking_config(backend().address, plugins=[plugin(program, call_timeout="300ms")], entry={"quarantine": {"max_failures": 0}})
    proxy = headgate(config, extensions=[ASKER])
    (worker,) = proxy.workers()
    (pid,) = plugin_pids(proxy)
    program.rename(tmp_path / "elsewhere")
    os.kill(pid, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    until(lambda: proxy.workers() not in ([], [worker]), "another worker serves")
    assert proxy.get("/", {"User": "admin"}).status == 500
    assert not proxy.reload(config).ok
    (tmp_path / "elsewhere").rename(program)
    until(lambda: proxy.get("/", {"User": "admin"}).status == 200, "the plugin is back")
