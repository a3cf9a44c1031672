from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from bench import native_modules
from bench.native_modules import BuildFailed, build_native_modules

COMPILER = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = -o ] && echo made > "$2"; shift; done
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs, the only ones that there are; Headgate among them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(native_modules, "NATIVE_MODULES", tmp_path / "native")
    monkeypatch.setattr(native_modules, "HEADGATE_COMPILED", folder / "headgate")
    monkeypatch.setattr(shutil, "which", lambda name: str(folder / name) if (folder / name).exists() else None)
    write(folder / "headgate", "#!/bin/sh\necho /include\n")
    return folder


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_what_has_no_compiler_is_named_and_the_rest_is_built(programs: Path) -> None:
    write(programs / "cc", COMPILER)
    modules, missing = build_native_modules()
    assert list(modules) == ["C"] and modules["C"].read_text(encoding="ascii") == "made\n"
    assert missing == ["Rust (cargo is not installed)", "Go (go is not installed)"]


def test_a_compiler_that_fails_is_quoted(programs: Path) -> None:
    write(programs / "go", "#!/bin/sh\necho first >&2; echo no such package >&2; exit 2\n")
    modules, missing = build_native_modules()
    assert modules == {}
    assert missing[-1] == "Go (go ended with 2: no such package)"


def test_cargo_works_in_a_copy_of_the_source(programs: Path, tmp_path: Path) -> None:
    write(programs / "cargo", '#!/bin/sh\nls Cargo.toml >/dev/null || exit 1\nmkdir -p "$5/release" && pwd > "$5/release/libauth.so"\n')
    modules, _ = build_native_modules()
    assert Path(modules["Rust"].read_text(encoding="ascii").strip()) == tmp_path / "native" / "rust" / "source"


def test_without_headgate_nothing_can_be_built(programs: Path) -> None:
    write(programs / "headgate", "#!/bin/sh\nexit 3\n")
    with pytest.raises(BuildFailed, match="headgate ended with 3"):
        build_native_modules()
