from __future__ import annotations

from pathlib import Path

import pytest

import headgate.runtimes.wasm.registration  # noqa: F401


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of compiled modules, of each test its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HEADGATE_WASM_CACHE", str(folder))
    return folder
