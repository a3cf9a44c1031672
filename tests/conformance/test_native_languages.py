"""Shared objects in Rust and Go: the one filter in every language, the examples, and what ``headgate new native`` writes.

The modules are built by scripts/build_native.sh, which ``make test-all`` runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from headgate.cli import main
from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import assert_only_admin_passes, copied, started
from tests.integration.harness import HeadgateFactory, simple_config
from tests.integration.load import Load
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
def test_the_example(language: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    upstream = backend()
    folder = copied(EXAMPLE, tmp_path)
    shutil.copy(built("auth", language), folder / "auth.so")
    assert_only_admin_passes(started(headgate, folder, upstream), "web", upstream)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_configuration_that_it_refuses(language: str, headgate: HeadgateFactory) -> None:
    config: dict[str, Any] = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    entry = config["servers"][0]["listeners"][0]["stream_filters"][0]
    entry.update(path=str(built("auth", language)), config={"User": 1})
    result = headgate.check(config)
    assert result.returncode == 1
    assert 'stream_filters[0].config: expected {"Header": "value", ...}' in result.stdout + result.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_reloads_under_load(language: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """The file is replaced while it is in use. Go's runtime stays loaded: nothing of it may be unmapped."""
    library = tmp_path / "demo.so"
    shutil.copy(built("demo", language), library)
    proxy = headgate(simple_config(backend().address, stream_filters=[native(library).with_entry()]), workers=2)
    workers = proxy.workers()
    with Load(proxy.address()) as load:
        for _ in range(3):
            load.wait_for(load.answered + 50)
            shutil.copy(built("demo", language), library)
            assert proxy.reload().ok
        load.wait_for(load.answered + 50)
    assert not load.failures
    assert set(load.statuses) == {403}
    assert proxy.workers() == workers
    loaded = Path(f"/proc/{workers[0]}/maps").read_text()
    kept = len(set(re.findall(r"\S+ r-xp \S+ \S+ (\d+) .*memfd:demo.so", loaded)))
    assert kept == 4 if language == "go" else kept >= 1


@pytest.mark.timeout(180)  # a build, on a machine that may be busy with another one
def test_a_go_plugin_is_explained(headgate: HeadgateFactory, tmp_path: Path) -> None:
    """What MOSN loads: built by Go itself, with ``-buildmode=plugin``."""
    go = subprocess.run([str(ROOT / "scripts" / "require_go.sh")], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "go.mod").write_text("module example.test/auth\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text("package main\n\nfunc CreateFilterFactory() {}\n\nfunc main() {}\n")
    environment = {**os.environ, "CGO_ENABLED": "1"}
    subprocess.run([go, "build", "-buildmode=plugin", "-o", "auth.so", "."], cwd=tmp_path, env=environment, check=True)
    entry = {"type": "auth", "go_plugin_config": {"so_path": str(tmp_path / "auth.so"), "factory_method": "CreateFilterFactory"}}
    result = headgate.check(simple_config("127.0.0.1:1", stream_filters=[entry]))
    assert result.returncode == 1
    assert "auth.so is a Go plugin (-buildmode=plugin)" in result.stdout + result.stderr
    assert "-buildmode=c-shared" in result.stdout + result.stderr


@pytest.mark.timeout(180)  # a build, on a machine that may be busy with another one
@pytest.mark.parametrize("language", LANGUAGES)
def test_skeleton(language: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """What ``headgate new native`` writes is built as its README says, its own tests pass, and the proxy runs with it."""
    folder = tmp_path / "my-check"
    result = CliRunner().invoke(main, ["new", "native", "my-check", "--lang", language, "--into", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (command,) = re.findall(r"^\$ ((?:cargo|CGO_CFLAGS).*)$", (folder / "README.md").read_text(), re.MULTILINE)
    script = ROOT / "scripts" / ("require_rust.sh" if language == "rust" else "require_go.sh")
    tool = subprocess.run([str(script)], capture_output=True, text=True, check=True).stdout.strip()
    path = f"{Path(tool).parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    for line in (command, f"{sys.executable} -m pytest -q -p no:cacheprovider"):
        environment = {**os.environ, "PATH": path}
        done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    upstream = backend()
    assert_only_admin_passes(started(headgate, folder, upstream), "demo", upstream)
