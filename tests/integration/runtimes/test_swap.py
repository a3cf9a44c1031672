"""A filter of each kind is replaced under load: no request is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory
from tests.integration.runtimes.marking import KINDS, PLUGIN, REGISTERED, Write, by_rename, in_place, text
from tests.integration.runtimes.swap import Swap, file_entry, plugin_entry


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_WASM_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("place", [in_place, by_rename])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_replaced(
    kind: str, place: Callable[[Write, Path, str], None], headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path
) -> None:
    name, write = KINDS[kind]
    path = tmp_path / name
    write(path, "1")
    Swap(headgate, backend, file_entry(kind, path)).run(lambda version: place(write, path, version))


def test_a_plugin_process_is_replaced(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """By one that another command line starts."""
    write = text(PLUGIN)

    def place(version: str) -> None:
        write(tmp_path / f"marker-{version}", version)

    place("1")
    Swap(headgate, backend, plugin_entry(tmp_path)).run(place)


def test_an_isolated_class_is_replaced(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    path = tmp_path / "marker.py"
    write = text(REGISTERED)
    write(path, "1")
    entry = {"type": "marker", "isolation": "process"}
    swap = Swap(headgate, backend, lambda version: {"stream_filters": [entry], "extensions": [str(path)]})
    swap.run(lambda version: write(path, version))
