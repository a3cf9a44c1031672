"""A plugin is started, asked, restarted, switched off and on, replaced, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, alive, simple_config, until
from tests.integration.plugins.asking import ASKER, SERVING, asking_config, plugin, plugin_pids, plugins, write_plugin


def test_a_filter_asks_a_declared_plugin(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, SERVING)
    proxy = headgate(asking_config(backend().address, plugins=[plugin(program)]), extensions=[ASKER], workers=2)
    assert proxy.get("/", {"User": "admin"}).status == 200
    assert proxy.get("/").status == 403
    assert proxy.get("/pid").body.decode() == str(plugin_pids(proxy)[0])
    (described,) = plugins(proxy)
    assert (described["state"], described["restarts"], described["up"]) == ("up", 0, 1)


def test_a_registered_plugin_beside_the_configuration_is_started(headgate: HeadgateFactory, tmp_path: Path) -> None:
    write_plugin(tmp_path / "proxy-0", SERVING)
    proxy = headgate(asking_config(config={"args": ["-c", "file"]}), extensions=[ASKER])
    assert proxy.get("/args").body.decode() == repr((["-c", "file"], str(tmp_path / "proxy-0")))


def test_a_killed_plugin_is_restarted(headgate: HeadgateFactory, tmp_path: Path) -> None:
    proxy = headgate(asking_config(plugins=[plugin(write_plugin(tmp_path, SERVING), call_timeout="10s")]), extensions=[ASKER])
    first = int(proxy.get("/pid").body)
    os.kill(first, signal.SIGKILL)
    # A call that was sent before the worker saw the end fails with it; later ones wait for the new process.
    until(lambda: proxy.get("/pid").body not in (b"", str(first).encode()), "another process answers")
    (described,) = plugins(proxy)
    assert described["restarts"] == 1
    assert proxy.metric("plugin_restarts_total") == 1
    assert proxy.metric("plugin_up") == 1


def test_environment(headgate: HeadgateFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, SERVING)
    entry = plugin(program, env={"PLUGIN_MIN_PORT": "11000", "OWN": "1"}, max_procs=3, cwd="/")
    proxy = headgate(asking_config(plugins=[entry], top={"plugin": {"log_base": "logs-here"}}), extensions=[ASKER])
    folder = proxy.config_path.parent
    expected = {
        "MOSN_PLUGIN": "ON",
        "MOSN_PROCS": "3",
        "MOSN_LOGBASE": f"{folder}/logs-here/",
        "PLUGIN_MIN_PORT": "11000",
        "PLUGIN_MAX_PORT": "25000",
        "PLUGIN_PROTOCOL_VERSIONS": "1",
        "OWN": "1",
        "HEADGATE_CONFIG": "-",
    }
    assert {name: proxy.get(f"/env/{name}").body.decode() for name in expected} == expected
    directory = Path(proxy.get("/env/PLUGIN_UNIX_SOCKET_DIR").body.decode())
    assert directory.stat().st_mode & 0o777 == 0o700
    assert proxy.get("/args").body.decode() == repr(([], "/"))


def test_several_processes_share_the_calls(headgate: HeadgateFactory, tmp_path: Path) -> None:
    proxy = headgate(asking_config(plugins=[plugin(write_plugin(tmp_path, SERVING), processes=2)]), extensions=[ASKER])
    assert len(plugin_pids(proxy)) == 2
    assert proxy.metric("plugin_up") == 2


def test_disable_and_enable(headgate: HeadgateFactory, tmp_path: Path) -> None:
    proxy = headgate(asking_config(plugins=[plugin(write_plugin(tmp_path, SERVING))]), extensions=[ASKER])
    first = int(proxy.get("/pid").body)
    assert proxy.admin_get("/api/v1/plugin?status=all").body == b"name:checker,enable:true,on:true\n"
    assert proxy.admin_get("/api/v1/plugin?status=all&disable=checker").body == b"disable checker success\n"
    assert proxy.admin_get("/api/v1/plugin?status=checker").body == b"name:checker,enable:false,on:false\n"
    assert not alive(first)
    assert proxy.get("/pid").status == 500
    assert proxy.metric("plugin_errors_total") == 1
    assert proxy.admin_get("/api/v1/plugin?enable=checker").body == b"enable checker success\n"
    assert int(proxy.get("/pid").body) != first
    unknown = proxy.admin_get("/api/v1/plugin?enable=other")
    assert (unknown.status, unknown.body) == (400, b"plugin other no register\n")
    assert proxy.admin_get("/api/v1/plugin").status == 400
    cross_site = proxy.post_admin("/api/v1/plugin?disable=checker", b"", {"Sec-Fetch-Site": "cross-site"})
    assert cross_site.status == 403


def test_stop_leaves_nothing(headgate: HeadgateFactory, tmp_path: Path) -> None:
    proxy = headgate(asking_config(plugins=[plugin(write_plugin(tmp_path, SERVING))]), extensions=[ASKER])
    child = int(proxy.get("/child").body)
    (pid,) = plugin_pids(proxy)
    directory = Path(proxy.get("/env/PLUGIN_UNIX_SOCKET_DIR").body.decode())
    assert proxy.stop() == 0
    assert not alive(pid)
    assert not alive(child)
    assert not directory.exists()


def test_supervisor_killed_leaves_no_orphan(headgate: HeadgateFactory, tmp_path: Path) -> None:
    proxy = headgate(asking_config(plugins=[plugin(write_plugin(tmp_path, SERVING))]), extensions=[ASKER])
    child = int(proxy.get("/child").body)
    (pid,) = plugin_pids(proxy)
    directory = Path(proxy.get("/env/PLUGIN_UNIX_SOCKET_DIR").body.decode())
    os.kill(proxy.pid, signal.SIGKILL)
    proxy.wait()
    try:
        until(lambda: not alive(pid) and not alive(child), "plugin and grandchild are gone")
        until(lambda: not directory.exists(), "the sockets are removed")
    finally:
        for left in (pid, child):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)


def test_changed_definition_is_replaced_on_reload(headgate: HeadgateFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, SERVING)
    proxy = headgate(asking_config(plugins=[plugin(program, env={"VERSION": "1"})]), extensions=[ASKER], workers=2)
    first = int(proxy.get("/pid").body)
    assert proxy.reload().ok
    assert int(proxy.get("/pid").body) == first
    assert proxy.reload(asking_config(plugins=[plugin(program, env={"VERSION": "2"})])).ok
    assert proxy.get("/version").body == b"2"
    until(lambda: not alive(first), "the former process is gone")
    # One that cannot start changes nothing.
    second = int(proxy.get("/pid").body)
    refused = proxy.reload(asking_config(plugins=[plugin("/bin/false")]))
    assert not refused.ok
    assert "plugins[0]" in refused.errors[0] and "exited with code 1" in refused.errors[0]
    assert int(proxy.get("/pid").body) == second


def test_a_registered_plugin_that_cannot_start_refuses_the_start(headgate: HeadgateFactory, tmp_path: Path) -> None:
    write_plugin(tmp_path / "proxy-0", "raise SystemExit(4)")
    failed = headgate.fails(asking_config(), extensions=[ASKER])
    assert failed.returncode == 1
    assert "plugin 'checker' cannot be started: it exited with code 4 before it said where it listens" in failed.stderr


def test_a_new_worker_finds_the_plugins(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    proxy = headgate(asking_config(backend().address, plugins=[plugin(write_plugin(tmp_path, SERVING))]), extensions=[ASKER])
    (worker,) = proxy.workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: proxy.workers() not in ([worker], []), "another worker serves")
    assert proxy.get("/", {"User": "admin"}).status == 200
    assert plugins(proxy)[0]["restarts"] == 0


def test_a_new_worker_starts_while_the_plugin_is_down(headgate: HeadgateFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, SERVING)
    proxy = headgate(asking_config(plugins=[plugin(program, call_timeout="100ms")], config={"call_timeout": 0.1}), extensions=[ASKER])
    (worker,) = proxy.workers()
    first = int(proxy.get("/pid").body)
    program.write_text("#!/bin/false\n")
    os.kill(first, signal.SIGKILL)
    until(lambda: proxy.get("/pid").status == 500, "the plugin is down")
    os.kill(worker, signal.SIGKILL)
    until(lambda: proxy.workers() not in ([worker], []), "another worker serves")
    assert proxy.get("/pid").status == 500
    write_plugin(tmp_path, SERVING)
    until(lambda: proxy.get("/pid").status == 200, "the plugin is back")


def test_no_request_fails_when_a_definition_changes_under_load(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    program, upstream = write_plugin(tmp_path, SERVING), backend()

    def config(version: int) -> dict[str, Any]:
        return asking_config(upstream.address, plugins=[plugin(program, env={"VERSION": str(version)}, call_timeout="10s")])

    proxy = headgate(config(0), extensions=[ASKER], workers=2)
    end = threading.Event()
    statuses: list[int] = []

    def load() -> None:
        while not end.is_set():
            statuses.append(proxy.get("/", {"User": "admin"}).status)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for version in range(1, 4):
        former = plugin_pids(proxy)
        assert proxy.reload(config(version)).ok
        until(lambda: not any(alive(pid) for pid in former), "the former process is gone")  # noqa: B023
        assert proxy.get("/version").body == str(version).encode()
    end.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}


def test_removed_plugin_is_stopped(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    upstream = backend()
    proxy = headgate(asking_config(upstream.address, plugins=[plugin(write_plugin(tmp_path, SERVING))]), extensions=[ASKER])
    first = int(proxy.get("/pid").body)
    assert proxy.reload(simple_config(upstream.address)).ok
    until(lambda: not alive(first) and not plugins(proxy), "the plugin is gone")
    assert proxy.get("/").status == 200
