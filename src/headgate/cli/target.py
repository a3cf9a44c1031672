"""Which running proxy a command is for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec

import click

from headgate.api.errors import ServerError
from headgate.config import examine_file
from headgate.server.run_directory import default_control_socket, read_pid_file

ParametersT = ParamSpec("ParametersT")


@dataclass(frozen=True)
class Target:
    """What the user said; one of the three is given.

    :ivar config_path: the configuration file that the proxy was started with
    :ivar control_socket: its control socket
    :ivar pid_file: its pid file, for when there is no way to the control socket
    """

    config_path: Path | None
    control_socket: Path | None
    pid_file: Path | None

    def find_control_socket(self) -> Path | None:
        """The control socket; None if only a pid file is given.

        A configuration file that has become faulty since the start does not stand in the way.

        :raises ServerError: if nothing is given
        """
        if self.control_socket is not None:
            return self.control_socket
        if self.config_path is not None:
            if not self.config_path.exists():
                raise ServerError(f"{self.config_path}: no such file or directory")
            config = examine_file(self.config_path, lenient=True).config
            named = config.control_socket if config is not None else ""
            return Path(named) if named else default_control_socket(Path.cwd() / self.config_path)
        if self.pid_file is not None:
            return None
        raise ServerError("say which proxy is meant: -c FILE, --control-socket PATH or --pid-file PATH")

    def process(self) -> ProxyProcess:
        """The process that the pid file names.

        :raises ServerError: if no proxy runs under that number
        """
        assert self.pid_file is not None
        return ProxyProcess(read_pid_file(self.pid_file), self.pid_file)


class ProxyProcess:
    """A running proxy, known by its process id only.

    :raises ServerError: if that process does not run, or is something else: a stale pid file
    """

    def __init__(self, pid: int, pid_file: Path) -> None:
        self.pid = pid
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        except OSError:
            raise ServerError(f"not running: {pid_file} names process {pid}, which does not exist") from None
        runs_proxy = any(Path(word).name == "headgate" or word == "headgate.cli" for word in words)
        if not runs_proxy or not {"start", "quickstart"}.intersection(words):
            raise ServerError(f"not running: {pid_file} names process {pid}, which is another program")

    def send(self, number: signal.Signals) -> None:
        """Send a signal.

        :raises ServerError: if that is not permitted or the process has ended
        """
        try:
            os.kill(self.pid, number)
        except OSError as error:
            raise ServerError(f"process {self.pid}: {(error.strerror or str(error)).lower()}") from None

    def wait_for_end(self, timeout: float) -> bool:
        """Wait until the process has ended.

        :param timeout: seconds to wait
        :returns: whether it has
        """
        end = time.monotonic() + timeout
        while Path(f"/proc/{self.pid}").exists():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


def target_options(command: Callable[ParametersT, None]) -> Callable[ParametersT, None]:
    """Decorates a command that is for a running proxy."""
    for option in (
        click.option("--pid-file", type=click.Path(path_type=Path), help="Its pid file, where the control socket cannot be reached."),
        click.option("--control-socket", type=click.Path(path_type=Path), help="Its control socket."),
        click.option(
            "-c",
            "--config",
            "config_path",
            type=click.Path(path_type=Path),
            envvar="HEADGATE_CONFIG",
            show_envvar=True,
            help="The configuration file that the proxy was started with.",
        ),
    ):
        command = option(command)
    return command
