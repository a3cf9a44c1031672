"""A program that a benchmark runs: started on given cores, ready when it answers, stopped for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

READY_SECONDS = 60.0
STOP_SECONDS = 15.0


class ServiceFailed(Exception):
    """A program did not start, or ended before it should."""


class Service:
    """One running program with its children.

    :param name: for messages and for the name of its log
    :param argv: command line
    :param cores: the cores it is pinned to
    :param folder: where its log goes
    :param env: variables added to the environment
    """

    def __init__(self, name: str, argv: Sequence[str], cores: Sequence[int], folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log_path = folder / f"{name}.log"
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cores)), *argv]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                pinned,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the program (``taskset`` replaces itself by it)."""
        return self._process.pid

    def wait_ready(self, port: int, *, tls: bool = False) -> None:
        """Wait until it answers an HTTP request on a port of 127.0.0.1.

        :param tls: over TLS, without looking at its certificate
        :raises ServiceFailed: when it ends first, or does not answer within ``READY_SECONDS``
        """
        self._wait(lambda: _answers(port, tls), f"does not answer on port {port}")

    def wait_listening(self, path: Path) -> None:
        """Wait until it accepts connections on a Unix socket.

        :raises ServiceFailed: when it ends first, or does not within ``READY_SECONDS``
        """
        self._wait(lambda: _accepts(path), f"does not listen on {path}")

    def _wait(self, ready: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServiceFailed(f"{self.name} ended with {self._process.returncode}: {self._log_end()}")
            if ready():
                return
            time.sleep(0.05)
        raise ServiceFailed(f"{self.name} {otherwise}: {self._log_end()}")

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL to its whole session when that is not enough."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._kill_session()
                self._process.wait()
        self._kill_session()

    def _kill_session(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _log_end(self) -> str:
        text = self.log_path.read_text(encoding="utf-8", errors="replace").strip()
        return text[-2000:] or "(nothing in its log)"


def unverified_tls() -> ssl.SSLContext:
    """TLS for a client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _answers(port: int, tls: bool) -> bool:
    request = b"GET / HTTP/1.1\r\nHost: bench\r\nUser: admin\r\nConnection: close\r\n\r\n"
    try:
        with contextlib.ExitStack() as open_until_read:
            connection = open_until_read.enter_context(socket.create_connection(("127.0.0.1", port), 1.0))
            connection.settimeout(2.0)
            if tls:
                connection = open_until_read.enter_context(unverified_tls().wrap_socket(connection))
            connection.sendall(request)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _accepts(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
    except OSError:
        return False
    return True


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
