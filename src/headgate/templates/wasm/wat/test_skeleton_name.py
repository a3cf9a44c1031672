"""Tests of skeleton-name. They need no socket."""

from __future__ import annotations

from pathlib import Path

from headgate.testing import FilterTester

MODULE = str(Path(__file__).with_name("skeleton_name.wat"))


def test_admin_passes() -> None:
    """With the header."""
    assert FilterTester("wasm", {"path": MODULE}).request(headers={"User": "admin"}).status == 200


def test_others_do_not() -> None:
    """Without it, or with another value."""
    exchange = FilterTester("wasm", {"path": MODULE}).request(headers={"User": "guest"})
    assert (exchange.status, exchange.body) == (403, b"forbidden")
