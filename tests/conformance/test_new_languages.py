"""What ``headgate new plugin`` writes in Go and Java: its own tests pass, it builds, and the proxy runs with its configuration."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from headgate.cli import main
from tests.conformance.plugin_programs import go, have_java
from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import assert_only_admin_passes, started
from tests.integration.harness import HeadgateFactory


def run(folder: Path, command: Sequence[str]) -> str:
    """Run a command there; returns its output.

    :raises AssertionError: if it fails
    """
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=170, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.timeout(180)  # a build, on a machine that may be busy with another one
@pytest.mark.parametrize("language", ["go", "java"])
def test_skeleton(language: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    folder = tmp_path / "my-check"
    result = CliRunner().invoke(main, ["new", "plugin", "my-check", "--lang", language, "--into", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    if language == "go":
        assert "PASS: TestCall" in run(folder, [go(), "test", "-buildvcs=false", "-v", "."])
        run(folder, [go(), "build", "-buildvcs=false", "-o", "my-check", "."])
    else:
        have_java()
        assert "Tests run: 1, Failures: 0, Errors: 0" in run(folder, ["mvn", "--batch-mode", "--no-transfer-progress", "package"])
    upstream = backend()
    assert_only_admin_passes(started(headgate, folder, upstream), "demo", upstream)
