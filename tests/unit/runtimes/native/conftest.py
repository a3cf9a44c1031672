"""Shared objects for these tests, built once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[4]))

from tests.native.build import FOLDER, build


@pytest.fixture(scope="session")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exercise module, heads only."""
    return build(FOLDER / "exercise.c", tmp_path_factory.mktemp("native") / "exercise.so")


@pytest.fixture(scope="session")
def exercise_buffer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with whole bodies."""
    return build(FOLDER / "exercise.c", tmp_path_factory.mktemp("native") / "exercise.so", "-DEXERCISE_BUFFER")


@pytest.fixture(scope="session")
def exercise_chunks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with chunks."""
    return build(FOLDER / "exercise.c", tmp_path_factory.mktemp("native") / "exercise.so", "-DEXERCISE_CHUNKS")
