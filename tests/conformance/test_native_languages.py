"""Shared objects in Rust and Go: the one filter in every language, the examples, and what ``headgate new native`` writes.

The modules are built by scripts/build_native.sh, which ``make test-all`` runs.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory
from tests.integration.runtimes.every_way import EveryWay, Site, site_of
from tests.integration.runtimes.ways import native

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "native"
EXAMPLE = ROOT / "examples" / "native_auth"
LANGUAGES = ["rust", "go"]


def built(name: str, language: str) -> Path:
    """A shared object that the build made; a missing one fails the test."""
    path = BUILT / f"{name}-{language}.so"
    if not path.exists():
        pytest.fail(f"{path} is not built: make test-all, or scripts/build_native.sh", pytrace=False)
    return path


@pytest.fixture(scope="module", params=LANGUAGES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A proxy with the filter in one language."""
    with site_of(native(built("demo", request.param)), tmp_path_factory.mktemp(request.param)) as made:
        yield made


class TestEveryWay(EveryWay):
    """The cases."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example(language: str, headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    config: dict[str, Any] = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    config["servers"][0]["listeners"][0]["address"] = "127.0.0.1:0"
    config["cluster_manager"]["clusters"][0]["hosts"] = [{"address": upstream.address}]
    shutil.copy(built("auth", language), headgate.workspace(config).folder / "auth.so")
    proxy = headgate(config)
    denied = proxy.get("/", listener="web")
    assert (denied.status, denied.body) == (403, b"forbidden\n")
    assert not upstream.requests
    assert proxy.get("/", {"User": "admin"}, listener="web").status == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_configuration_that_it_refuses(language: str, headgate: HeadgateFactory) -> None:
    config: dict[str, Any] = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    entry = config["servers"][0]["listeners"][0]["stream_filters"][0]
    entry.update(path=str(built("auth", language)), config={"User": 1})
    result = headgate.check(config)
    assert result.returncode == 1
    assert 'stream_filters[0].config: expected {"Header": "value", ...}' in result.stdout + result.stderr
