"""Real ``headgate start`` processes for tests, on ports that the kernel chooses.

def test_forwards(headgate, backend):
    upstream = backend()
    proxy = headgate(simple_config(upstream.address))
    assert proxy.get("/").status == 200
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.server.control_client import ControlClient
from tests.simple_config import simple_config as simple_config

START_TIMEOUT = 30.0
"""Seconds within which a proxy must be ready, on a busy machine too."""

Config = Mapping[str, object] | str | Path
"""A mapping (written as JSON), a text (written as YAML), or a file to use as it is."""


def until(condition: Callable[[], object], what: str = "", timeout: float = 20.0) -> None:
    """Wait for a condition; this bounds the wait and is no statement about speed.

    :raises TimeoutError: if it does not come true
    """
    end = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout} s in vain" + (f" for: {what}" if what else ""))
        pause.wait(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass
class Response:
    """An answer to a request."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def request(
    address: tuple[str, int],
    method: str = "GET",
    target: str = "/",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 20.0,
) -> Response:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())
    finally:
        connection.close()


@dataclass
class ReloadOutcome:
    """What came of a reload."""

    ok: bool
    errors: list[str]
    warnings: list[str]


class Workspace:
    """Where one proxy's files are, and how its commands are run."""

    def __init__(self, folder: Path, runtime: Path, config: Config, extensions: Sequence[str | Path]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log_path = folder / "output.log"
        self.ready_path = folder / "ready.json"
        self._environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "PYTHONUNBUFFERED": "1"}
        for name in ("HEADGATE_CONFIG", "HEADGATE_EXTENSIONS"):
            self._environment.pop(name, None)
        self.extension_paths = [self._extension(entry, number) for number, entry in enumerate(extensions)]
        self.config_path = config if isinstance(config, Path) else folder / ("config.yaml" if isinstance(config, str) else "config.json")
        self.write(config)

    def write(self, config: Config) -> None:
        """Write the configuration file anew."""
        if isinstance(config, str):
            self.config_path.write_text(config)
        elif not isinstance(config, Path):
            self.config_path.write_text(json.dumps(config))

    def _extension(self, entry: str | Path, number: int) -> str:
        if isinstance(entry, str) and "\n" in entry:
            path = self.folder / f"extension_{number}.py"
            path.write_text(entry)
            return str(path)
        return str(entry)

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command line of a command that takes a configuration."""
        return [sys.executable, "-m", "headgate.cli", name, "-c", str(self.config_path), *arguments]

    def start_command(self, workers: int | None, arguments: Sequence[str]) -> list[str]:
        """The command line of ``headgate start``."""
        options = ["--ready-file", str(self.ready_path)]
        if workers is not None:
            options += ["--workers", str(workers)]
        for extension in self.extension_paths:
            options += ["-e", extension]
        return self.command("start", *options, *arguments)

    def run(self, command: Sequence[str], timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(command, env=self._environment, cwd=self.folder, capture_output=True, text=True, timeout=timeout, check=False)

    def spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command whose output goes to the log file."""
        with self.log_path.open("ab") as output:
            return subprocess.Popen(command, env=self._environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


class Headgate:
    """A running proxy."""

    def __init__(self, workspace: Workspace, process: subprocess.Popen[bytes]) -> None:
        self.workspace = workspace
        self.process = process
        self._facts: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        return self.process.pid

    @property
    def config_path(self) -> Path:
        """The configuration file."""
        return self.workspace.config_path

    @property
    def control(self) -> Path:
        """The control socket."""
        return Path(self._facts["control_socket"])

    @property
    def admin(self) -> tuple[str, int]:
        """Host and port of the admin server."""
        return _host_and_port(self._facts["admin"])

    @property
    def logs(self) -> str:
        """Everything written to standard output and standard error so far, by the supervisor and its workers."""
        return self.workspace.log_path.read_text(errors="replace")

    def address(self, listener: str = "listener") -> tuple[str, int]:
        """Host and port of a listener."""
        return _host_and_port(self._facts["listeners"][listener])

    def wait_ready(self) -> None:
        """Wait until all workers serve.

        :raises RuntimeError: if the proxy ends instead, with its output
        """
        until(lambda: self.workspace.ready_path.exists() or self.process.poll() is not None, "the proxy is ready", START_TIMEOUT)
        if self.process.poll() is not None:
            raise RuntimeError(f"headgate start ended with {self.process.returncode}:\n{self.logs}")
        self._facts = json.loads(self.workspace.ready_path.read_text())

    def ask(self, command: str, timeout: float = 60.0, **fields: object) -> dict[str, Any]:
        """Ask on the control socket."""
        client = ControlClient(self.control)
        try:
            return client.ask(command, timeout, **fields)
        finally:
            client.close()

    def status(self) -> dict[str, Any]:
        """What ``headgate status --json`` prints."""
        return self.ask("status")

    def workers(self) -> list[int]:
        """Process ids of the workers that serve, by slot."""
        return [worker["pid"] for worker in self.status()["workers"] if worker["state"] == "serving"]

    def reload(self, config: Config | None = None) -> ReloadOutcome:
        """Write the configuration, if one is given, and reload."""
        if config is not None:
            self.workspace.write(config)
        answer = self.ask("reload", 120.0)
        if answer["ok"]:
            self._facts["listeners"] = answer["listeners"]
            self._facts["admin"] = self.status()["admin"]
        return ReloadOutcome(bool(answer["ok"]), list(answer.get("errors", [])), list(answer.get("warnings", [])))

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``headgate COMMAND -c <this configuration> ARGUMENTS`` to its end."""
        return self.workspace.run(self.workspace.command(command, *arguments))

    def send_signal(self, number: int) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def wait(self, timeout: float = 40.0) -> int:
        """Wait for the end; returns the exit code."""
        return self.process.wait(timeout)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 40.0) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.send_signal(number)
        return self.wait(timeout)

    # --- traffic

    def request(self, method: str = "GET", target: str = "/", *, listener: str = "listener", **arguments: Any) -> Response:
        """One request on a connection of its own; arguments as of :func:`request`."""
        return request(self.address(listener), method, target, **arguments)

    def get(self, target: str = "/", headers: Mapping[str, str] | None = None, listener: str = "listener") -> Response:
        """GET on a connection of its own."""
        return self.request("GET", target, headers=headers, listener=listener)

    def connect(self, listener: str = "listener", timeout: float = 20.0) -> socket.socket:
        """A connection, for bytes of the test's own."""
        return socket.create_connection(self.address(listener), timeout)

    def admin_get(self, target: str) -> Response:
        """GET on the admin server."""
        return request(self.admin, "GET", target)

    def post_admin(self, target: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """POST on the admin server."""
        return request(self.admin, "POST", target, headers, body)

    def metrics(self) -> dict[str, float]:
        """The samples of ``/metrics``: name with labels -> value."""
        lines = self.admin_get("/metrics").body.decode().splitlines()
        samples = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in samples}

    def metric(self, name: str) -> float:
        """The sum of a metric over all its labels."""
        return sum(value for key, value in self.metrics().items() if key.partition("{")[0] == name)


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class HeadgateFactory:
    """Starts proxies for one test, and ends whatever it started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Short, because a Unix socket's path may have 107 bytes only.
        self._runtime = Path(tempfile.mkdtemp(prefix="hg-"))
        self._started: list[Headgate] = []

    def __call__(
        self,
        config: Config,
        *,
        extensions: Sequence[str | Path] = (),
        workers: int | None = 1,
        arguments: Sequence[str] = (),
        wait: bool = True,
    ) -> Headgate:
        """Start a proxy and wait until it is ready.

        :param extensions: modules or paths for ``-e``; a text of several lines is the source of a file
        :param workers: ``--workers``; None leaves it to the configuration
        :param arguments: more arguments for ``headgate start``
        :param wait: whether to wait
        """
        workspace = self.workspace(config, extensions)
        proxy = Headgate(workspace, workspace.spawn(workspace.start_command(workers, arguments)))
        self._started.append(proxy)
        if wait:
            proxy.wait_ready()
        return proxy

    def workspace(self, config: Config, extensions: Sequence[str | Path] = ()) -> Workspace:
        """The files of a proxy that the test starts by itself."""
        return Workspace(self._folder / f"proxy-{len(self._started)}", self._runtime, config, extensions)

    def fails(self, config: Config, *, extensions: Sequence[str | Path] = (), workers: int | None = 1) -> subprocess.CompletedProcess[str]:
        """Start a proxy that is expected not to start; returns exit code and output."""
        workspace = self.workspace(config, extensions)
        return workspace.run(workspace.start_command(workers, ()))

    def check(self, config: Config, *arguments: str, extensions: Sequence[str | Path] = ()) -> subprocess.CompletedProcess[str]:
        """Run ``headgate check``."""
        workspace = self.workspace(config, extensions)
        options = [option for extension in workspace.extension_paths for option in ("-e", extension)]
        return workspace.run(workspace.command("check", *options, *arguments))

    def close(self) -> None:
        """End everything; on a failure of the test its output shows what the proxies said."""
        for proxy in self._started:
            if proxy.process.poll() is None:
                proxy.send_signal(signal.SIGQUIT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    proxy.wait(10.0)
                if proxy.process.poll() is None:
                    proxy.process.kill()
                    proxy.wait()
            print(f"--- output of headgate {proxy.pid}\n{proxy.logs}")
        shutil.rmtree(self._runtime, ignore_errors=True)
