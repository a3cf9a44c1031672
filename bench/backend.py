"""The origin server behind every proxy: nginx, answering 17 bytes from memory."""

from __future__ import annotations

from pathlib import Path

from bench.service import Service, free_port

BODY = "hello, headgate!\n"
assert len(BODY) == 17, "the figures in design and docs are for a 17-byte body"

_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/backend.pid;
error_log {folder}/backend-error.log crit;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        default_type text/plain;
        location / {{ return 200 "hello, headgate!\\n"; }}
    }}
}}
"""


class Backend:
    """The running origin server.

    :param cores: the cores it is pinned to
    :param folder: for its configuration and log
    """

    def __init__(self, cores: list[int], folder: Path) -> None:
        self.port = free_port()
        config = folder / "backend.conf"
        config.write_text(_CONFIG.format(folder=folder, port=self.port), encoding="utf-8")
        self._service = Service("backend", ["nginx", "-c", str(config), "-p", str(folder)], cores, folder)
        self._service.wait_ready(self.port)

    def stop(self) -> None:
        """End it."""
        self._service.stop()
