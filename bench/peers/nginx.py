"""nginx as a reverse proxy."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.certificate import Certificate
from bench.load import CIPHER, CURVE
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
        listen 127.0.0.1:{port} {tls}backlog=4096;
        {tls_settings}
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""

# NumTickets: without tickets OpenSSL would still send sessions, which the client could name, but not resume.
_TLS_SETTINGS = """
        ssl_certificate {certificate.chain};
        ssl_certificate_key {certificate.key};
        ssl_protocols TLSv1.3;
        ssl_ecdh_curve {curve};
        ssl_conf_command Ciphersuites {cipher};
        ssl_conf_command NumTickets 0;
        ssl_session_tickets off;
        ssl_session_cache off;
"""


class Nginx(Peer):
    """nginx, one worker process.

    :param certificate: speaks TLS 1.3 with it
    """

    def __init__(self, *, certificate: Certificate | None = None) -> None:
        super().__init__("nginx", "nginx", certificate)

    def version(self) -> str:
        output = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
        return "nginx " + output.strip().rpartition("/")[2]

    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        config = folder / "nginx.conf"
        tls = ""
        if self.certificate is not None:
            tls = _TLS_SETTINGS.format(certificate=self.certificate, curve=CURVE, cipher=CIPHER)
        text = _CONFIG.format(folder=folder, port=port, backend_port=backend_port, tls="ssl " if tls else "", tls_settings=tls.strip())
        config.write_text(text, encoding="utf-8")
        return ["nginx", "-c", str(config), "-p", str(folder)], {}
