"""The check in WASM: the example as it stands, only its ports are others."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory

EXAMPLE = Path(__file__).parents[3] / "examples" / "wasm_auth"


def test_only_admin_passes(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    config = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    listener = config["servers"][0]["listeners"][0]
    listener["address"] = "127.0.0.1:0"
    listener["stream_filters"][0]["config"]["path"] = str(EXAMPLE / "auth.wat")
    config["cluster_manager"]["clusters"][0]["hosts"] = [{"address": upstream.address}]
    config["admin"]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    proxy = headgate(config)
    assert proxy.get("/", listener="demo", headers={"User": "admin"}).status == 200
    assert proxy.get("/", listener="demo", headers={"User": "guest"}).status == 403
    assert len(upstream.requests) == 1
