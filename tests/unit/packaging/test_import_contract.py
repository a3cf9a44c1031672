"""The order of the layers, which ``make check`` holds, covers every room there is."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_every_room_has_its_place_in_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    named = {room.strip("() ") for layer in layers for room in layer.split("|")}
    rooms = {path.parent.name for path in (ROOT / "src" / "headgate").glob("*/__init__.py")}
    assert named == rooms
