"""Configurations and what loading makes of them, see tests/golden/README.md."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate.config import examine
from headgate.config.dump import to_json
from headgate.config.reader import read_file

GOLDEN = Path(__file__).parents[2] / "golden"
CONFIGS = sorted(path for folder in ("mosn-configs", "own-configs") for path in (GOLDEN / folder).iterdir() if path.name != "NOTICE")
UPDATE = os.environ.get("HEADGATE_UPDATE_GOLDEN") == "1"


def _compare(name: str, text: str) -> None:
    golden = GOLDEN / "config" / name
    if UPDATE:
        if text:
            golden.write_text(text, encoding="utf-8")
        else:
            golden.unlink(missing_ok=True)
    recorded = golden.read_text(encoding="utf-8") if golden.exists() else ""
    assert text == recorded


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_golden(path: Path) -> None:
    found = examine(read_file(path), base="/etc/headgate")
    assert found.config is not None
    _compare(f"{path.stem}.errors", "".join(f"{error.render()}\n" for error in found.errors))
    _compare(f"{path.stem}.warnings", "".join(f"{warning.render()}\n" for warning in found.warnings))
    _compare(f"{path.stem}.json", to_json(found.config) + "\n")


def test_every_golden_file_has_its_configuration() -> None:
    stems = {path.stem for path in CONFIGS}
    assert {path.stem for path in (GOLDEN / "config").iterdir()} == stems
