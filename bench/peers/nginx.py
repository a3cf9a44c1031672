"""nginx as a reverse proxy."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.peers.peer import Peer

_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    upstream backend {{
        server 127.0.0.1:{backend_port};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


class Nginx(Peer):
    """nginx, one worker process."""

    def __init__(self) -> None:
        super().__init__("nginx", "nginx")

    def version(self) -> str:
        output = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
        return "nginx " + output.strip().rpartition("/")[2]

    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        config = folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, port=port, backend_port=backend_port), encoding="utf-8")
        return ["nginx", "-c", str(config), "-p", str(folder)], {}
