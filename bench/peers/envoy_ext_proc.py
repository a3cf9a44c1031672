"""Envoy with its ext_proc filter and the Python server that answers it, counted together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.peers.envoy import Envoy
from bench.peers.envoy_filters import Entry, ext_proc, ext_proc_cluster
from bench.places import EXT_PROC_PYTHON, ROOT
from bench.service import Service


class EnvoyExtProc(Envoy):
    """Envoy, one worker thread, and ``ext_proc_server.py`` on the same core, joined by a Unix socket."""

    def __init__(self, key: str, label: str) -> None:
        super().__init__(key, label, filters=[ext_proc()])
        self._server: Service | None = None

    def start(self, folder: Path, cores: list[int], backend_port: int) -> None:
        own = folder / self.key
        own.mkdir(exist_ok=True)
        path = _socket(own)
        # -P: without the script's own folder, whose envoy.py would be taken for the package of the messages.
        argv = [str(EXT_PROC_PYTHON), "-P", str(ROOT / "bench" / "peers" / "ext_proc_server.py"), str(path)]
        self._server = Service("ext-proc-server", argv, cores, own)
        self._server.wait_listening(path)
        super().start(folder, cores, backend_port)

    def clusters(self, folder: Path, backend_port: int) -> list[Entry]:
        return [*super().clusters(folder, backend_port), ext_proc_cluster(_socket(folder))]

    @property
    def roots(self) -> Sequence[int]:
        if self._server is None:
            raise RuntimeError(f"{self.key} is not running")
        return [self.pid, self._server.pid]

    def stop(self) -> None:
        super().stop()
        if self._server is not None:
            self._server.stop()
            self._server = None


def _socket(folder: Path) -> Path:
    return folder / "ext-proc.sock"
