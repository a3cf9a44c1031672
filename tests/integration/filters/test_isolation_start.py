"""Isolated filters under ``headgate start``: the supervisor runs their processes, reloads replace them, their death is nobody's else."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import Headgate, HeadgateFactory, alive, simple_config, until
from tests.integration.load import Load

EXTENSION = Path(__file__).with_name("isolation_filters.py")
PLACES = ("inline", "process")


def config(address: str, *filters: dict[str, Any], place: str = "process", extension: Path = EXTENSION) -> dict[str, Any]:
    entries = [{"isolation": place, **entry} for entry in filters]
    return simple_config(address, stream_filters=entries, top={"extensions": [str(extension)]})


WHERE = {"type": "t-where", "match": {"path": "/where"}}


def host_of(proxy: Headgate) -> int:
    return int(proxy.get("/where").body)


@pytest.mark.parametrize("place", PLACES)
def test_the_same_results_in_both_places(place: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    upstream = backend()
    notes = tmp_path / "notes"
    notes.touch()
    filters = [
        {"type": "t-ends", "config": {"file": str(notes)}, "match": {"path": "/notes"}},
        {"type": "t-auth", "config": {"User": "admin"}},
        {"type": "t-edit", "config": {"drop": ["User"]}, "match": {"path": "/edit"}},
        {"type": "t-wrap", "match": {"path": "/wrap"}},
        {"type": "t-async", "match": {"path": "/deny"}},
        {"type": "t-misbehaves", "match": {"path": "/raise"}},
    ]
    proxy = headgate(config(upstream.address, *filters, place=place), workers=2)
    assert proxy.get("/").status == 403
    admin = {"User": "admin"}
    assert proxy.get("/", admin).status == 200
    assert proxy.get("/edit", admin).status == 202
    assert "user" not in {name.lower() for name in upstream.requests[-1].headers}
    wrapped = proxy.request("POST", "/wrap", headers=admin, body=b"abc")
    assert wrapped.body.startswith(b"<") and wrapped.body.endswith(b">")
    assert upstream.requests[-1].body == b"[abc]"
    assert proxy.get("/deny", admin).status == 401
    assert proxy.get("/raise", admin).status == 500
    assert proxy.get("/notes", admin).status == 200
    until(lambda: notes.read_text() == "receive /notes\nlog 200\ndestroyed\n", "the end is written down")
    until(lambda: "broken" in proxy.logs)


def test_one_process_for_all_workers_which_ends_with_the_proxy(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(config(backend().address, WHERE), workers=2)
    pids = {host_of(proxy) for _ in range(20)}
    assert len(pids) == 1
    (pid,) = pids
    assert pid not in proxy.workers()
    assert proxy.stop() == 0
    until(lambda: not alive(pid), "the process has ended")


@pytest.mark.parametrize("policy", ["deny", "allow"])
def test_killed_under_load(policy: str, headgate: HeadgateFactory, backend: BackendFactory) -> None:
    auth = {"type": "t-auth", "config": {"User": "admin"}, "on_error": policy, "timeout": "1s", "quarantine": {"max_failures": 0}}
    proxy = headgate(config(backend().address, auth), workers=2)
    with Load(proxy.address(), headers={"User": "admin"}) as load:
        load.wait_for(500)
        for _ in range(3):
            before = _restarts(proxy)
            os.kill(_pid(proxy), signal.SIGKILL)
            until(lambda: _restarts(proxy) > before and _hosts(proxy)[0]["up"], "it has been restarted")  # noqa: B023
            load.wait_for(load.answered + 300)
    print(f"{policy}: {dict(load.statuses)}, longest {load.longest:.2f} s")
    assert not load.failures
    assert set(load.statuses) <= ({200} if policy == "allow" else {200, 500, 504})
    assert proxy.get("/", {"User": "admin"}).status == 200 and proxy.get("/").status == 403


@pytest.mark.parametrize(("policy", "statuses"), [("deny", {500, 504}), ("allow", {200})])
def test_a_worker_is_replaced_while_the_process_is_down(
    policy: str, statuses: set[int], headgate: HeadgateFactory, backend: BackendFactory
) -> None:
    auth = {"type": "t-auth", "config": {"User": "admin"}, "on_error": policy, "timeout": "300ms", "quarantine": {"max_failures": 0}}
    proxy = headgate(config(backend().address, auth))
    (worker,) = proxy.workers()
    up_again = threading.Event()

    def keep_down() -> None:
        while not up_again.wait(0.01):
            for described in _hosts(proxy):
                for instance in described["instances"]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(instance["pid"], signal.SIGKILL)

    killer = threading.Thread(target=keep_down)
    killer.start()
    try:
        until(lambda: _restarts(proxy) >= 2, "it fails again and again")
        os.kill(worker, signal.SIGKILL)
        until(lambda: proxy.workers() not in ([], [worker]), "another worker serves")
        # Between its start and the next kill the process lives for a moment: its own verdict, 403, is right then.
        seen = {proxy.get("/").status for _ in range(10)}
        assert seen <= statuses | {403} and seen & statuses
    finally:
        up_again.set()
        killer.join()
    until(lambda: proxy.get("/", {"User": "admin"}).status == 200 and proxy.get("/").status == 403, "it is there again")


def _hosts(proxy: Headgate) -> list[dict[str, Any]]:
    return [plugin for plugin in proxy.status()["plugins"] if "t-auth" in plugin["name"]]


def _restarts(proxy: Headgate) -> int:
    (host,) = _hosts(proxy)
    return int(host["restarts"])


def _pid(proxy: Headgate) -> int:
    (host,) = _hosts(proxy)
    (process,) = host["instances"]
    return int(process["pid"])


def test_a_changed_file_is_a_new_process(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    source = tmp_path / "extension" / "mine.py"
    source.parent.mkdir()
    text = EXTENSION.read_text()
    source.write_text(text)
    upstream = backend()
    proxy = headgate(config(upstream.address, WHERE, {"type": "t-several"}, extension=source))
    before = host_of(proxy)
    assert proxy.get("/").headers.get_all("x-order") == ["sent"]
    source.write_text(text.replace('"sent"', '"changed"'))
    assert proxy.reload().ok
    assert proxy.get("/").headers.get_all("x-order") == ["changed"]
    assert host_of(proxy) != before
    until(lambda: not alive(before), "the former process has ended")


def test_a_reload_that_changes_nothing_of_it_keeps_the_process(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(config(backend().address, WHERE))
    before = host_of(proxy)
    assert proxy.reload(config(backend().address, WHERE)).ok
    assert host_of(proxy) == before


def test_what_the_create_function_raises_stops_the_load(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    ended = headgate.fails(config(backend().address, {"type": "t-several", "config": {"raise": "1"}}))
    assert ended.returncode != 0
    assert "servers[0].listeners[0].stream_filters[0].config" in ended.stderr
    assert "no such thing" in ended.stderr


@pytest.mark.parametrize(("entry", "code"), [({"type": "t-auth"}, 0), ({"type": "t-several", "config": {"raise": "1"}}, 1)])
def test_check_starts_nothing_and_still_finds_out(entry: dict[str, Any], code: int, headgate: HeadgateFactory) -> None:
    assert headgate.check(config("127.0.0.1:9", entry)).returncode == code
