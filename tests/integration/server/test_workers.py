"""Workers die in every way; the others go on, no connection waits in vain, and the supervisor says why."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import Headgate, HeadgateFactory, alive, simple_config, until
from tests.integration.load import Load


def replaced(proxy: Headgate, dead: int, count: int) -> bool:
    """All workers serve, without the dead one."""
    workers = proxy.workers()
    return len(workers) == count and dead not in workers


def test_killed_worker_is_replaced(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), workers=2)
    victim = proxy.workers()[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: replaced(proxy, victim, 2), "the worker is replaced")
    assert re.search(rf"worker 0 \(pid {victim}\) killed by SIGKILL after .* it is replaced at once", proxy.logs)
    assert proxy.status()["worker_deaths"] == 1
    assert proxy.metric("server_worker_deaths_total") == 1
    assert {proxy.get().status for _ in range(16)} == {200}


def test_traffic_of_the_others_goes_on(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """New connections are answered while a worker is dead, also those that the kernel gives to its sockets."""
    proxy = headgate(simple_config(backend().address), workers=2)
    with Load(proxy.address(), clients=4, keep_alive=False) as load:
        load.wait_for(50)
        victim = proxy.workers()[1]
        os.kill(victim, signal.SIGKILL)
        until(lambda: replaced(proxy, victim, 2), "the worker is replaced")
        load.wait_for(load.answered + 50)
    # Requests that the killed worker was handling are lost, at most one per client; nothing else is.
    assert len(load.failures) <= 4, load.failures
    assert set(load.statuses) == {200}


def test_sockets_of_a_dead_worker_are_lent(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """As long as a replacement cannot start, the other worker accepts on the dead one's sockets, too."""
    marker = tmp_path / "die"
    proxy = headgate(simple_config(backend().address), workers=2, extensions=[dies_while(marker)])
    marker.touch()
    victim = proxy.workers()[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: "exited with code 7" in proxy.logs, "the replacement has died, too")
    # Half of these are given to the sockets of the dead worker.
    assert {proxy.get().status for _ in range(32)} == {200}
    marker.unlink()
    until(lambda: replaced(proxy, victim, 2), "the worker is replaced")
    assert {proxy.get().status for _ in range(32)} == {200}


def test_crash_loop_backs_off_and_says_why(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    marker = tmp_path / "die"
    proxy = headgate(simple_config(backend().address), workers=2, extensions=[dies_while(marker)])
    marker.touch()
    os.kill(proxy.workers()[0], signal.SIGKILL)
    until(lambda: "it is replaced in 1 s (3 deaths in a row)" in proxy.logs, "the pauses grow")
    until(lambda: "it is replaced at once" in proxy.logs)
    until(lambda: "exited with code 7; its last words: I cannot live like this" in proxy.logs)
    slot = proxy.status()["workers"][0]
    assert slot["state"] in ("waiting", "starting")
    assert "I cannot live like this" in slot["last_death"]
    assert "I cannot live like this" in proxy.run("status").stdout


def dies_while(marker: Path) -> str:
    """An extension that ends the process while a file exists."""
    return f"""
import os
import sys

if os.path.exists({str(marker)!r}):
    print("I cannot live like this", file=sys.stderr, flush=True)
    os._exit(7)
"""


def test_counters_never_fall(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), workers=2)
    for _ in range(20):
        proxy.get()
    before = proxy.metric("downstream_request_total")
    assert before == 20
    for victim in proxy.workers():
        os.kill(victim, signal.SIGKILL)
        until(lambda victim=victim: replaced(proxy, victim, 2), "the worker is replaced")  # type: ignore[misc]  # bound now
        assert proxy.metric("downstream_request_total") == before
    proxy.get()
    assert proxy.metric("downstream_request_total") == before + 1


def test_worker_that_is_told_to_end_finishes_and_is_replaced(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """SIGTERM to a worker by somebody else: no request is lost."""
    proxy = headgate(simple_config(backend().address), workers=2)
    with Load(proxy.address(), clients=4, keep_alive=False) as load:
        load.wait_for(50)
        victim = proxy.workers()[0]
        os.kill(victim, signal.SIGTERM)
        until(lambda: replaced(proxy, victim, 2), "the worker is replaced")
        load.wait_for(load.answered + 50)
    assert load.failures == []
    assert proxy.status()["worker_deaths"] == 0


def test_all_workers_at_once(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """Connections wait in the supervisor's sockets until a worker is there again."""
    proxy = headgate(simple_config(backend().address), workers=2)
    for victim in proxy.workers():
        os.kill(victim, signal.SIGKILL)
    assert {proxy.get().status for _ in range(8)} == {200}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_workers_end_with_the_supervisor(headgate: HeadgateFactory, backend: BackendFactory, number: int) -> None:
    proxy = headgate(simple_config(backend().address), workers=2)
    workers = proxy.workers()
    proxy.send_signal(number)
    proxy.wait()
    until(lambda: not [pid for pid in workers if alive(pid)], "no worker is left")


def test_after_a_dead_supervisor_one_can_start_again(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), workers=2)
    workers = proxy.workers()
    proxy.send_signal(signal.SIGKILL)
    proxy.wait()
    until(lambda: not [pid for pid in workers if alive(pid)], "no worker is left")
    proxy.workspace.ready_path.unlink()
    again = Headgate(proxy.workspace, proxy.workspace.spawn(proxy.workspace.start_command(1, ())))
    try:
        again.wait_ready()
        assert again.get().status == 200
        assert again.stop() == 0
    finally:
        again.process.kill()


def test_stuck_worker_is_killed_and_replaced(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """A filter that blocks the loop costs its worker, after the watchdog has said where it is stuck."""
    config = simple_config(
        backend().address,
        stream_filters=[{"type": "sleeper", "match": {"path": "/sleep"}}],
        top={"watchdog": {"warn_after": "100ms", "kill_after": "3s"}},
    )
    proxy = headgate(config, workers=2, extensions=[SLEEPER])
    before = set(proxy.workers())
    with proxy.connect() as client:
        client.sendall(b"GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: len(set(proxy.workers()) - before) == 1, "the stuck worker is replaced")
        assert client.recv(65536) == b""
    until(lambda: "stream filter sleeper blocks the event loop" in proxy.logs)
    until(lambda: "it did not answer for" in proxy.logs)
    # Its fault handler has written where it was.
    until(lambda: "extension_0.py" in proxy.logs)
    assert proxy.metric("server_worker_kills_total") == 1
    assert {proxy.get().status for _ in range(16)} == {200}


SLEEPER = """
import time
from headgate.api import StreamFilter, stream_filter


@stream_filter("sleeper")
class Sleeper(StreamFilter[object]):
    def on_receive(self, stream):
        time.sleep(60)
"""


def test_process_names_tell_who_is_who(headgate: HeadgateFactory) -> None:
    proxy = headgate(simple_config(), workers=2)
    assert [Path(f"/proc/{pid}/comm").read_text().strip() for pid in proxy.workers()] == ["headgate-w0", "headgate-w1"]


def test_log_level_set_by_admin_holds_for_new_workers(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address, stream_filters=[{"type": "talker"}]), extensions=[TALKER])
    proxy.get()
    assert "a word from" not in proxy.logs
    response = proxy.post_admin("/api/v1/update_loglevel", b'{"log_path": "stderr", "log_level": "DEBUG"}')
    assert response.status == 200, response.body
    proxy.get()
    until(lambda: proxy.logs.count("a word from") == 1)
    victim = proxy.workers()[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: replaced(proxy, victim, 1), "the worker is replaced")
    until(lambda: proxy.get().status == 200 and proxy.logs.count("a word from") > 1, "the new worker logs, too")


TALKER = """
import logging
from headgate.api import StreamFilter, stream_filter


@stream_filter("talker")
class Talker(StreamFilter[object]):
    def on_receive(self, stream):
        logging.getLogger("talker").debug("a word from the filter")
"""
