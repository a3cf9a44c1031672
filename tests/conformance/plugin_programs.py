"""The plugin programs in Go and Java that ``make test-all`` builds (``scripts/build_plugins.sh``), and the toolchains it found."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "plugins"


def built(name: str) -> Path:
    """A file that the build made; a missing one fails the test."""
    path = BUILT / name
    if not path.exists():
        pytest.fail(f"{path} is not built: make test-all, or scripts/build_plugins.sh", pytrace=False)
    return path


def go() -> str:
    """The path of a Go that is new enough; without one the test fails with the script's words."""
    found = subprocess.run([str(ROOT / "scripts" / "require_go.sh")], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.fail(found.stderr, pytrace=False)
    return found.stdout.strip()


def have_java() -> None:
    """Without a JDK and Maven the test fails with the script's words."""
    found = subprocess.run([str(ROOT / "scripts" / "require_java.sh")], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.fail(found.stderr, pytrace=False)
