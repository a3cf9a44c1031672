"""Runs the plugin examples, in whatever language, and says what must come of them."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.backends import Backend
from tests.integration.harness import Headgate, HeadgateFactory, request, until

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
MOSN = ROOT / "tests" / "golden" / "mosn-configs"
STOPPED = "stopped"
"""What the programs in Go and Java, and the one on grpcio, write when they end by themselves: one that is killed does not."""


def copied(example: Path, folder: Path) -> Path:
    """A copy of an example, for a test to change."""
    return Path(shutil.copytree(example, folder / example.name, ignore=shutil.ignore_patterns("__pycache__", "certs")))


def started(
    headgate: HeadgateFactory, folder: Path, upstream: Backend, name: str = "config.yaml", command: Sequence[str] = (), **arguments: Any
) -> Headgate:
    """Start a copied example.

    :param name: its configuration, in which the ports are replaced
    :param command: what takes the place of the first plugin's ``command``, the one change that another language needs
    """
    path = folder / name
    text = path.read_text()
    config = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    config["servers"][0]["listeners"][0]["address"] = "127.0.0.1:0"
    config["cluster_manager"]["clusters"][0]["hosts"] = [{"address": upstream.address}]
    config["admin"]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    if command:
        config["plugins"][0]["command"] = list(command)
    path.write_text(json.dumps(config) if path.suffix == ".json" else yaml.safe_dump(config))
    return headgate(path, **arguments)


def with_own_python(monkeypatch: pytest.MonkeyPatch, python: Path) -> None:
    """Have ``python3`` be the interpreter that runs the tests, as in an active virtual environment."""
    monkeypatch.setenv("PATH", f"{python.parent}:{os.environ['PATH']}")


def plugin_pid(proxy: Headgate, name: str) -> int:
    """The process id of a plugin, from the proxy's log."""
    return int(re.findall(rf"plugin {name}#\d+: pid (\d+)", proxy.logs)[-1])


def warmed_up(address: tuple[str, int]) -> None:
    """The first answers of a virtual machine may take longer than the entry's timeout on a busy machine; then, too, nobody passes."""
    seen: list[int] = []

    def rejected() -> bool:
        seen.append(request(address).status)
        return seen[-1] == 403

    until(rejected, "the plugin answers in time")
    assert set(seen) <= {403, 504}


def assert_only_admin_passes(proxy: Headgate, listener: str, upstream: Backend) -> None:
    """403 without the header; with it 200 from the backend, and 502 when there is none."""
    address = proxy.address(listener)
    warmed_up(address)
    assert request(address, headers={"User": "guest"}).status == 403
    assert not upstream.requests
    assert request(address, headers={"User": "admin"}).status == 200
    upstream.stop()
    assert request(address, headers={"User": "admin"}).status == 502


def make_certificates(folder: Path) -> None:
    """Run the example's script; the CA is in ``certs/ca.pem``."""
    subprocess.run([str(folder / "make_certificates.sh")], check=True, capture_output=True, timeout=30)


def https_status(address: tuple[str, int], ca: Path | None, headers: Mapping[str, str] | None = None) -> int:
    """The status of one request over TLS.

    :param ca: what to trust; None: what the system trusts
    """
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    connection = http.client.HTTPSConnection(*address, context=context, timeout=20.0)
    try:
        connection.request("GET", "/", headers=dict(headers or {}))
        return connection.getresponse().status
    finally:
        connection.close()


def assert_certificate_is_the_plugins(proxy: Headgate, listener: str, folder: Path, headers: Mapping[str, str] | None = None) -> None:
    """Plain HTTP fails in the handshake, HTTPS answers 200 with the CA, and without it the certificate is not trusted."""
    address = proxy.address(listener)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        request(address)
    assert https_status(address, folder / "certs" / "ca.pem", headers) == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        https_status(address, None)
