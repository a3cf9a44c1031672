"""Headgate in its two builds, with any stream filters."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.certificate import Certificate
from bench.peers.peer import Peer
from bench.places import HEADGATE_COMPILED, HEADGATE_INTERPRETED, ROOT

Entry = dict[str, object]
"""One entry of ``stream_filters``, or of ``plugins``."""

AUTH: Entry = {"type": "bench_auth", "config": {"User": "admin"}}
LOOP_LAG: Entry = {"type": "bench_loop_lag", "config": {}}
EXTENSIONS = ["bench.extensions.auth", "bench.extensions.spin", "bench.extensions.loop_lag"]


def spin(rounds: int) -> Entry:
    """The entry of the filter that uses CPU time."""
    return {"type": "bench_spin", "config": {"rounds": rounds}}


class Headgate(Peer):
    """Headgate.

    :param compiled: the build compiled by mypyc, or the same files interpreted
    :param filters: entries of ``stream_filters``
    :param workers: number of worker processes
    :param certificate: speaks TLS 1.3 with it
    :param plugins: entries of ``plugins``
    """

    def __init__(
        self,
        key: str,
        label: str,
        *,
        compiled: bool = True,
        filters: Sequence[Entry] = (),
        workers: int = 1,
        certificate: Certificate | None = None,
        plugins: Sequence[Entry] = (),
    ) -> None:
        super().__init__(key, label, certificate)
        self.program = HEADGATE_COMPILED if compiled else HEADGATE_INTERPRETED
        self.filters = list(filters)
        self.plugins = list(plugins)
        self.workers = workers
        self.config_path = Path()

    def version(self) -> str:
        output = subprocess.run([str(self.program), "version"], capture_output=True, text=True, check=True).stdout
        return " ".join(output.split())

    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        self.config_path = folder / "headgate.json"
        self.config_path.write_text(json.dumps(self.config(folder, port, backend_port), indent=2), encoding="utf-8")
        argv = [str(self.program), "start", "-c", str(self.config_path), "--workers", str(self.workers)]
        return argv, {"PYTHONPATH": str(ROOT)}

    def reload(self) -> None:
        """Have the running proxy take up what its configuration file says now.

        :raises subprocess.CalledProcessError: if it refuses
        """
        argv = [str(self.program), "reload", "--control-socket", str(self.config_path.parent / "control.sock")]
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)

    def config(self, folder: Path, port: int, backend_port: int) -> dict[str, object]:
        """The whole configuration."""
        proxy = {"downstream_protocol": "Http1", "upstream_protocol": "Http1", "router_config_name": "routes"}
        chain: dict[str, object] = {"filters": [{"type": "proxy", "config": proxy}]}
        if self.certificate is not None:
            chain["tls_context"] = _tls_context(self.certificate)
        server = {
            "default_log_path": "stdout",
            "default_log_level": "WARN",
            "processor": self.workers,
            "routers": [{"router_config_name": "routes", "virtual_hosts": self.virtual_hosts()}],
            "listeners": [
                {
                    "name": "front",
                    "address": f"127.0.0.1:{port}",
                    "bind_port": True,
                    "connection_idle_timeout": "3600s",
                    "filter_chains": [chain],
                    "stream_filters": self.filters,
                }
            ],
        }
        return {
            "extensions": EXTENSIONS,
            "plugins": self.plugins,
            "pid": str(folder / "headgate.pid"),
            "control_socket": str(folder / "control.sock"),
            "servers": [server],
            "cluster_manager": {"clusters": self.clusters(backend_port)},
        }

    def virtual_hosts(self) -> list[dict[str, object]]:
        """Virtual hosts of the one router."""
        return [{"name": "all", "domains": ["*"], "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "backend"}}]}]

    def clusters(self, backend_port: int) -> list[dict[str, object]]:
        """All clusters."""
        return [cluster("backend", backend_port)]


def _tls_context(certificate: Certificate) -> dict[str, object]:
    return {
        "status": True,
        "cert_chain": str(certificate.chain),
        "private_key": str(certificate.key),
        "min_version": "tlsv1_3",
        "ticket": "off",
    }


def cluster(name: str, backend_port: int) -> dict[str, object]:
    """One cluster whose only host is the backend; its connections are kept as long as they live, as those of the other proxies."""
    return {
        "name": name,
        "type": "SIMPLE",
        "lb_type": "LB_ROUNDROBIN",
        "max_request_per_conn": 1_000_000_000,
        "hosts": [{"address": f"127.0.0.1:{backend_port}"}],
    }
