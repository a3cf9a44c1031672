"""The modules of ``tests/conformance/wasm/``, which ``scripts/build_wasm_modules.sh`` builds into ``build/wasm/``."""

from __future__ import annotations

from pathlib import Path

import pytest

_BUILT = Path(__file__).parents[2] / "build" / "wasm"


def built(name: str) -> Path:
    """A module's file; one that is not there fails the test."""
    file = _BUILT / f"{name}.wasm"
    if not file.is_file():
        pytest.fail(f"{file} is not built: scripts/build_wasm_modules.sh, or make test-all", pytrace=False)
    return file
