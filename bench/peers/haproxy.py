"""HAProxy as a reverse proxy."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.peers.peer import Peer

_CONFIG = """
global
    nbthread 1
    maxconn 8000
defaults
    mode http
    timeout connect 10s
    timeout client 3600s
    timeout server 3600s
    http-reuse always
frontend front
    bind 127.0.0.1:{port} backlog 4096
    default_backend back
backend back
    server origin 127.0.0.1:{backend_port}
"""


class HAProxy(Peer):
    """HAProxy, one thread."""

    def __init__(self) -> None:
        super().__init__("haproxy", "HAProxy")

    def version(self) -> str:
        output = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout
        return "HAProxy " + output.split()[2].partition("-")[0]

    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        config = folder / "haproxy.cfg"
        config.write_text(_CONFIG.format(port=port, backend_port=backend_port), encoding="utf-8")
        return ["haproxy", "-db", "-f", str(config)], {}
