"""The generic agent with a real process: its presets, and MOSN's own configuration of the ``pluginfilter`` demo."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, request, simple_config

PLUGIN = '''\
from headgate.plugin import Request, Response, serve


def call(request: Request) -> Response:
    """As a checker: the name as MOSN writes it. As a filter: an edit of each part."""
    if request.header.get("User") != "admin":
        return Response(status=-1)
    return Response({"X-Length": str(len(request.body)), "User": ""}, {}, request.body.upper())


serve(call)
'''

MOSN = Path(__file__).parents[2] / "golden" / "mosn-configs" / "pluginfilter.json"


def executable(path: Path) -> Path:
    path.write_text(f"#!{sys.executable}\n{PLUGIN}")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("policy", ["deny", "allow"])
def test_checker(policy: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    upstream = backend()
    plugin = {"name": "checker", "command": [str(executable(tmp_path / "checker"))]}
    entry = {"type": "plugin", "on_error": policy, "timeout": "2s", "config": {"preset": "checker"}}
    proxy = headgate(simple_config(upstream.address, stream_filters=[entry], top={"plugins": [plugin]}), workers=2)
    assert {proxy.get("/").status for _ in range(5)} == {403}
    assert not upstream.requests
    assert {proxy.get("/", {"user": "admin"}).status for _ in range(5)} == {200}


def test_mosns_own_configuration_of_pluginfilter(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """Unchanged but for the ports. The plugin is the executable of that name beside the configuration file."""
    upstream = backend()
    config: dict[str, Any] = json.loads(MOSN.read_text())
    config["servers"][0]["listeners"][0]["address"] = "127.0.0.1:0"
    config["cluster_manager"]["clusters"][0]["hosts"] = [{"address": upstream.address}]
    config["admin"]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    folder = headgate.workspace(config).folder
    executable(folder / "pluginfilter")
    proxy = headgate(config)
    answer = request(proxy.address("clientListener"), "POST", "/", {"User": "admin"}, b"abc")
    assert answer.status == 200
    seen = upstream.requests[-1]
    assert seen.body == b"ABC"
    names = {name.lower(): value for name, value in seen.headers.items()}
    assert names["x-length"] == "3" and "user" not in names
