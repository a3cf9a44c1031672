"""What every measured proxy has in common.

The task is the same for all: HTTP/1.1 on both sides, keep-alive on both sides, one worker unless stated, no access log, one route to one
backend. Headers that a proxy adds by its own default stay on: they are part of what it costs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from bench.certificate import Certificate
from bench.service import Service, free_port


class Peer(ABC):
    """One proxy in one configuration.

    :param key: short name, used in result files
    :param label: name in the tables
    :param certificate: speaks TLS 1.3 with it, without session tickets; None: plain text
    """

    def __init__(self, key: str, label: str, certificate: Certificate | None = None) -> None:
        self.key = key
        self.label = label
        self.certificate = certificate
        self.port = 0
        self._service: Service | None = None

    @abstractmethod
    def version(self) -> str:
        """Name and version of the program."""

    @abstractmethod
    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        """Write the configuration.

        :param folder: for its files, its own
        :param port: to listen on at 127.0.0.1
        :param backend_port: of the backend on 127.0.0.1
        :returns: command line and environment to start it with
        """

    def start(self, folder: Path, cores: list[int], backend_port: int) -> None:
        """Start it and wait until it forwards.

        :raises ServiceFailed: if it does not
        """
        own = folder / self.key
        own.mkdir(exist_ok=True)
        self.port = free_port()
        argv, env = self.prepare(own, self.port, backend_port)
        self._service = Service(self.key, argv, cores, own, env)
        self._service.wait_ready(self.port, tls=self.certificate is not None)

    @property
    def pid(self) -> int:
        """Root of its process tree."""
        if self._service is None:
            raise RuntimeError(f"{self.key} is not running")
        return self._service.pid

    @property
    def roots(self) -> Sequence[int]:
        """Roots of all process trees whose CPU time is the proxy's."""
        return [self.pid]

    def stop(self) -> None:
        """End it, if it runs."""
        if self._service is not None:
            self._service.stop()
            self._service = None
