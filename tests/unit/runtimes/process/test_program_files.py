"""A plugin's program has changed if a file of it has, as far as its command line names them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate.api.plugin import PluginDefinition
from headgate.runtimes.process.program_files import program_fingerprint


class Case:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("program", "python3.11", "script.py", "log"):
            folder.joinpath(name).write_text(name)

    def of(self, program: str, *arguments: str) -> str:
        return program_fingerprint(PluginDefinition("checker", (str(self.folder / program),), arguments, cwd=str(self.folder)))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def replace(path: Path) -> None:
    """The same text and times in another file, as a deployment tool may leave it."""
    found = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.rename(path)


def grow(path: Path) -> None:
    path.write_text("longer than before")


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [touch, replace, grow, remove])
def test_the_executable(change: object, case: Case) -> None:
    before = case.of("program", "script.py")
    assert case.of("program", "script.py") == before
    assert callable(change)
    change(case.folder / "program")
    assert case.of("program", "script.py") != before


@pytest.mark.parametrize("change", [touch, replace, grow, remove])
def test_what_an_interpreter_is_told_to_run(change: object, case: Case) -> None:
    before = case.of("python3.11", "-u", "script.py")
    assert callable(change)
    change(case.folder / "script.py")
    assert case.of("python3.11", "-u", "script.py") != before


def test_files_that_are_no_program(case: Case) -> None:
    def both() -> tuple[str, str]:
        return case.of("program", "script.py", "--log", "log"), case.of("python3.11", ".", "\0", "script.py", "--log", "log")

    before = both()
    grow(case.folder / "log")
    assert both() == before


def test_a_link_is_followed(case: Case) -> None:
    link = case.folder / "current"
    link.symlink_to("program")
    before = case.of("current")
    link.unlink()
    link.symlink_to("log")
    assert case.of("current") != before
