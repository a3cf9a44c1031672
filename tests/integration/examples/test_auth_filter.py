"""The article's first demo: the example as it stands, and MOSN's own configuration for it with the example as its extension."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, request

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "auth_filter"
MOSN = ROOT / "tests" / "golden" / "mosn-configs" / "ext-simple-streamfilter.json"


def example() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    config["extensions"] = [str(EXAMPLE / "auth_filter.py")]
    return config


def mosn() -> dict[str, Any]:
    config: dict[str, Any] = json.loads(MOSN.read_text())
    return config


@pytest.mark.parametrize("which", ["example", "mosn"])
def test_only_admin_passes(which: str, headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """403 without the header; with it 200 from the backend, and 502 when there is none. Only the ports are other than in the file."""
    upstream = backend()
    config = example() if which == "example" else mosn()
    listener = config["servers"][0]["listeners"][0]
    listener["address"] = "127.0.0.1:0"
    config["cluster_manager"]["clusters"][0]["hosts"] = [{"address": upstream.address}]
    config["admin"]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    proxy = headgate(config, extensions=[] if which == "example" else [EXAMPLE])
    address = proxy.address(listener["name"])
    assert request(address).status == 403
    assert request(address, headers={"User": "guest"}).status == 403
    assert not upstream.requests
    assert request(address, headers={"User": "admin"}).status == 200
    upstream.stop()
    assert request(address, headers={"User": "admin"}).status == 502
