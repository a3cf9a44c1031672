"""Other people's programs: found or the test fails with their names, run, and ended."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.harness import until


class Programs:
    """Runs programs in a directory of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    @staticmethod
    def find(name: str) -> str:
        """The path of a program; a missing one fails the test (``make test-all`` installs them)."""
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if path is None:
            pytest.fail(f"{name} is not installed: apt-get install {name}, or make test-all", pytrace=False)
        return path

    def run(self, name: str, *arguments: str, stdin: bytes | None = None, timeout: float = 50.0) -> str:
        """Run a program to its end; returns its output, with what it wrote to standard error behind it.

        :raises AssertionError: if its exit code is not 0
        """
        result = subprocess.run(
            [self.find(name), *arguments], input=stdin or b"", capture_output=True, cwd=self.folder, timeout=timeout, check=False
        )
        output = (result.stdout + result.stderr).decode(errors="replace")
        assert result.returncode == 0, output
        return output

    def serve(self, name: str, port: int, *arguments: str) -> None:
        """Start a server in the foreground and wait until it listens on a port."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([self.find(name), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        self._running.append(process)
        until(lambda: process.poll() is not None or listens(port), f"{name} listens")
        assert process.poll() is None, (self.folder / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        """End what still runs."""
        for process in self._running:
            process.terminate()
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A TCP port that nobody uses at present."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 5.0).close()
    except OSError:
        return False
    return True
