"""What ``headgate new`` writes in Python, C, Lua and WASM: its own tests pass, and the proxy runs with its configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from headgate.cli import main
from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import assert_only_admin_passes, started, with_own_python
from tests.integration.harness import HeadgateFactory
from tests.native.build import build


@pytest.mark.parametrize("kind", ["filter", "plugin", "module", "native", "lua", "wasm"])
def test_skeleton(kind: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_own_python(monkeypatch, Path(sys.executable))
    monkeypatch.setenv("HEADGATE_WASM_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "my-check"
    result = CliRunner().invoke(main, ["new", kind, "my-check", "--into", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    if kind == "native":
        build(folder / "my_check.c", folder / "my_check.so")
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert " passed" in tests.stdout
    upstream = backend()
    assert_only_admin_passes(started(headgate, folder, upstream), "demo", upstream)
