"""A plugin whose program has changed is replaced on reload, as one is whose definition has; and not before."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, alive, until
from tests.integration.plugins.asking import ASKER, SERVING, asking_config, plugin, plugin_pids, plugins, write_plugin


def versioned(version: int) -> str:
    """A plugin that knows its version."""
    return SERVING.replace('os.environ.get("VERSION", "")', f"'{version}'")


def test_a_rewritten_program_is_taken_up_under_load(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, versioned(0))
    proxy = headgate(asking_config(backend().address, plugins=[plugin(program, call_timeout="10s")]), extensions=[ASKER], workers=2)
    assert proxy.get("/version").body == b"0"
    end = threading.Event()
    statuses: list[int] = []

    def load() -> None:
        while not end.is_set():
            statuses.append(proxy.get("/", {"User": "admin"}).status)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in range(1, 3):
        former = plugin_pids(proxy)
        write_plugin(tmp_path, versioned(version))
        assert proxy.get("/version").body == str(version - 1).encode()
        assert proxy.reload().ok
        assert {proxy.get("/version").body for _ in range(10)} == {str(version).encode()}
        until(lambda: not any(alive(pid) for pid in former), "the former process is gone")  # noqa: B023
    end.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    until(lambda: len(plugin_pids(proxy)) == 1, "one process is left")
    kept = plugin_pids(proxy)
    assert proxy.reload().ok
    assert plugin_pids(proxy) == kept
    assert "plugin checker: its program has changed" in proxy.logs


def test_calls_under_way_end_on_the_former_process(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, versioned(0))
    proxy = headgate(asking_config(backend().address, plugins=[plugin(program, call_timeout="10s")]), extensions=[ASKER])
    former = plugin_pids(proxy)
    statuses: list[int] = []
    slow = threading.Thread(target=lambda: statuses.append(proxy.get("/slow", {"User": "admin"}).status))
    slow.start()
    until(lambda: proxy.metric("plugin_in_flight") == 1, "the call is under way")
    write_plugin(tmp_path, versioned(1))
    assert proxy.reload().ok
    assert proxy.get("/version").body == b"1"
    slow.join()
    assert statuses == [200]
    until(lambda: not any(alive(pid) for pid in former), "the former process is gone")


def test_what_an_interpreter_runs_and_a_filter_has_registered(headgate: HeadgateFactory, tmp_path: Path) -> None:
    write_plugin(tmp_path / "proxy-0", versioned(0))
    proxy = headgate(asking_config(), extensions=[ASKER], workers=2)
    assert proxy.get("/version").body == b"0"
    write_plugin(tmp_path / "proxy-0", versioned(1))
    assert proxy.reload().ok
    assert {proxy.get("/version").body for _ in range(10)} == {b"1"}
    script = write_plugin(tmp_path, versioned(2), "script.py")
    config = asking_config(plugins=[{"name": "checker", "command": [sys.executable, str(script)]}])
    assert proxy.reload(config).ok
    assert proxy.get("/version").body == b"2"
    write_plugin(tmp_path, versioned(3), "script.py")
    assert proxy.reload().ok
    assert {proxy.get("/version").body for _ in range(10)} == {b"3"}
    until(lambda: len(plugin_pids(proxy)) == 1, "the former processes are gone")


def test_a_program_that_does_not_start_any_more_refuses_the_reload(headgate: HeadgateFactory, tmp_path: Path) -> None:
    program = write_plugin(tmp_path, versioned(0))
    proxy = headgate(asking_config(plugins=[plugin(program)]), extensions=[ASKER])
    before = plugin_pids(proxy)
    write_plugin(tmp_path, "raise SystemExit(3)")
    refused = proxy.reload()
    assert not refused.ok
    assert "exited with code 3" in refused.errors[0]
    assert proxy.get("/version").body == b"0"
    until(lambda: plugin_pids(proxy) == before, "what was started in vain is gone")


def test_a_new_worker_uses_what_the_others_use(headgate: HeadgateFactory, tmp_path: Path) -> None:
    """Also of a plugin that a filter has registered: the program counts as it was when the configuration came into force."""
    write_plugin(tmp_path / "proxy-0", versioned(0))
    proxy = headgate(asking_config(), extensions=[ASKER])
    (worker,) = proxy.workers()
    write_plugin(tmp_path / "proxy-0", versioned(1))
    os.kill(worker, signal.SIGKILL)
    until(lambda: proxy.workers() not in ([worker], []), "another worker serves")
    assert proxy.get("/version").body == b"0"
    assert len(plugins(proxy)) == 1
