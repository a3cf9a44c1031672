"""A worker dies while the plugin that gives the certificate is down: the others serve with what they hold, its place is filled later."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, until
from tests.integration.tls.site import Site, request, tls_config

LOADER = """
import json, pathlib, sys
from headgate.plugin import Response, serve

folder = pathlib.Path(__file__).parent
if (folder / "down").exists():
    sys.exit("the vault is sealed")
answer = {"cert_pem": (folder / "server.pem").read_text(), "key_pem": (folder / "server.key").read_text()}
serve(lambda request: Response(body=json.dumps(answer).encode()))
"""


def test_the_place_of_a_worker_stays_empty_until_the_plugin_is_back(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    program = Path(site.path("loader"))
    program.write_text(f"#!{sys.executable}\n{LOADER}")
    program.chmod(0o755)
    config = tls_config(backend().address, tls={"type": "loader"})
    config["plugins"] = [{"name": "loader", "command": [str(program)], "restart": {"backoff": "50ms", "max_backoff": "200ms"}}]
    proxy = headgate(config, workers=2)
    client = site.client_context()
    assert request(proxy.address(), client).status == 200
    down = Path(site.path("down"))
    down.touch()
    (plugin,) = proxy.status()["plugins"]
    os.kill(plugin["instances"][0]["pid"], signal.SIGKILL)
    until(lambda: "the vault is sealed" in proxy.logs, "the plugin cannot start")
    dead, kept = proxy.workers()
    os.kill(dead, signal.SIGKILL)
    until(lambda: "no certificate from plugin 'loader': unavailable" in proxy.logs, "the new worker is refused")
    assert {request(proxy.address(), client).status for _ in range(20)} == {200}
    assert proxy.workers() == [kept]
    down.unlink()
    until(lambda: len(proxy.workers()) == 2, "the place is filled")
    assert request(proxy.address(), client).status == 200
