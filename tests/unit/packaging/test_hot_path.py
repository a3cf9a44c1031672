"""The list of compiled modules, and whether the build under test is the one that it should be."""

from __future__ import annotations

import fnmatch
import importlib
import os
import tomllib
from pathlib import Path

import pytest

import headgate
from headgate.cli.version import build_kind

ROOT = Path(__file__).resolve().parents[3]
TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["headgate"]
MARK = "Compiled by mypyc; interpreted otherwise."


def hot_path() -> list[str]:
    found = {path.relative_to(ROOT).as_posix() for pattern in TABLE["hot-path"] for path in ROOT.glob(pattern)}
    return sorted(path for path in found if not any(fnmatch.fnmatch(path, pattern) for pattern in TABLE["hot-path-except"]))


def module_name(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").replace("/", ".")


@pytest.mark.parametrize("pattern", TABLE["hot-path"])
def test_each_pattern_matches_a_file(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


def test_a_module_that_says_it_is_compiled_is_on_the_list() -> None:
    saying = set()
    for path in (ROOT / "src").rglob("*.py"):
        if MARK in " ".join(path.read_text(encoding="utf-8").split()):
            saying.add(path.relative_to(ROOT).as_posix())
    assert saying - set(hot_path()) == set()


def test_all_hot_modules_run_in_the_same_build() -> None:
    """In the compiled build every one of them is an extension module, in the interpreted build none is."""
    suffix = ".so" if build_kind() == "compiled" else ".py"
    others = [path for path in hot_path() if not str(importlib.import_module(module_name(path)).__file__).endswith(suffix)]
    assert others == []


def test_the_build_under_test_is_the_one_that_make_asked_for() -> None:
    assert build_kind() == os.environ.get("HEADGATE_EXPECT_BUILD", build_kind())


def test_the_package_is_typed() -> None:
    assert (Path(str(headgate.__file__)).parent / "py.typed").exists()
