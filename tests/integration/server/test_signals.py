"""Signals and the ways to end: what is under way is finished, nothing new is accepted, and the exit code tells."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory, Reply
from tests.integration.harness import Headgate, HeadgateFactory, alive, simple_config, until

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class HeldBackend:
    """A backend that answers when it is allowed to."""

    def __init__(self, backend: BackendFactory) -> None:
        self.release = threading.Event()
        self.upstream = backend(lambda request: Reply(wait=self.release))
        self.address = self.upstream.address

    @contextmanager
    def request_under_way(self, proxy: Headgate) -> Iterator[socket.socket]:
        """A client whose request has reached the backend."""
        with proxy.connect() as client:
            client.sendall(GET)
            self.upstream.wait_for_requests(1)
            yield client


@pytest.fixture
def held(backend: BackendFactory) -> Iterator[HeldBackend]:
    """A backend that answers when it is allowed to."""
    made = HeldBackend(backend)
    yield made
    made.release.set()


def refuses(address: tuple[str, int]) -> bool:
    """Nobody listens there."""
    try:
        socket.create_connection(address, 5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def read_all(client: socket.socket) -> bytes:
    """Everything until the end."""
    return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_finished(headgate: HeadgateFactory, held: HeldBackend, number: int) -> None:
    proxy = headgate(simple_config(held.address), workers=2)
    with held.request_under_way(proxy) as client:
        proxy.send_signal(number)
        until(lambda: refuses(proxy.address()), "nothing new is accepted")
        assert proxy.process.poll() is None
        held.release.set()
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"default-http1")
    assert proxy.wait() == 0


def test_idle_connections_are_closed_at_once(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address))
    with proxy.connect() as client:
        client.sendall(GET)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        proxy.send_signal(signal.SIGTERM)
        assert client.recv(65536) == b""
    assert proxy.wait() == 0


def test_graceful_timeout_bounds_the_wait(headgate: HeadgateFactory, held: HeldBackend) -> None:
    proxy = headgate(simple_config(held.address, server={"graceful_timeout": "300ms"}))
    with held.request_under_way(proxy) as client:
        assert proxy.stop(signal.SIGTERM) == 0
        assert read_all(client) == b""
    assert "1 requests were still under way after 0.3 s and were cut off" in proxy.logs


def test_second_interrupt_ends_at_once(headgate: HeadgateFactory, held: HeldBackend) -> None:
    proxy = headgate(simple_config(held.address), workers=2)
    workers = proxy.workers()
    with held.request_under_way(proxy):
        proxy.send_signal(signal.SIGINT)
        until(lambda: "stopping: requests under way" in proxy.logs)
        proxy.send_signal(signal.SIGINT)
        assert proxy.wait() == 130
    assert not [pid for pid in workers if alive(pid)]


def test_quit_ends_at_once(headgate: HeadgateFactory, held: HeldBackend) -> None:
    proxy = headgate(simple_config(held.address))
    with held.request_under_way(proxy):
        assert proxy.stop(signal.SIGQUIT) == 131


def test_connections_that_wait_to_be_accepted_are_served(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """A client whose connection the kernel has completed before the end gets its answer."""
    proxy = headgate(simple_config(backend().address))
    clients = [proxy.connect() for _ in range(20)]
    for client in clients:
        client.sendall(GET)
    proxy.send_signal(signal.SIGTERM)
    answers = [read_all(client) for client in clients]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 20
    assert proxy.wait() == 0


def test_hangup_reloads(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    first, second = backend(lambda _: Reply(body=b"first")), backend(lambda _: Reply(body=b"second"))
    proxy = headgate(simple_config(first.address), workers=2)
    proxy.workspace.write(simple_config(second.address))
    proxy.send_signal(signal.SIGHUP)
    until(lambda: "configuration 2 is in force" in proxy.logs)
    assert {proxy.get().body for _ in range(8)} == {b"second"}


def test_hangup_with_a_bad_file_changes_nothing(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address))
    proxy.workspace.config_path.write_text("{")
    proxy.send_signal(signal.SIGHUP)
    until(lambda: "reload refused, nothing has changed" in proxy.logs)
    assert proxy.get().status == 200
    assert proxy.status()["reload_failures"] == 1


def test_usr1_reopens_log_files(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    log, access = tmp_path / "headgate.log", tmp_path / "access.log"
    config = simple_config(
        backend().address,
        server={"default_log_path": str(log)},
        listener={"access_logs": [{"log_path": str(access), "log_format": "%response_code%"}]},
    )
    proxy = headgate(config, workers=2)
    proxy.get()
    until(lambda: access.read_text() == "200\n", "the access log is written")
    for path in (log, access):
        path.rename(path.with_suffix(".1"))
    proxy.send_signal(signal.SIGUSR1)
    until(lambda: access.exists() and "log files reopened" in log.read_text(), "the files are there again")
    proxy.get()
    until(lambda: access.read_text() == "200\n", "the new access log is written")
    assert (tmp_path / "access.1").read_text() == "200\n"


def test_signal_while_starting_leaves_nothing_behind(headgate: HeadgateFactory) -> None:
    slow = "import time\nprint('loading', flush=True)\ntime.sleep(30)\n"
    proxy = headgate(simple_config(), extensions=[slow], workers=2, wait=False)
    until(lambda: "loading" in proxy.logs, "the extension is being loaded")
    workers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _parent(path) == proxy.pid]
    assert workers
    assert proxy.stop(signal.SIGTERM) == 0
    assert not [pid for pid in workers if alive(pid)]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0
