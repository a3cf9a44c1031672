"""Builds the native auth filter of ``examples/native_auth`` in each language whose compiler is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.places import EXAMPLES, HEADGATE_COMPILED, NATIVE_MODULES
from bench.rounds import say

_SOURCES = EXAMPLES / "native_auth"
_BUILD_SECONDS = 300.0


class BuildFailed(Exception):
    """A compiler is missing, or did not make the module."""


def build_native_modules() -> tuple[dict[str, Path], list[str]]:
    """Build what can be built.

    :returns: language -> shared object, and for the languages that are missing why
    :raises BuildFailed: if Headgate does not say where its header file is
    """
    include = _run("headgate", [str(HEADGATE_COMPILED), "include-dir"]).strip()
    builders: dict[str, Callable[[Path, str], None]] = {"C": _build_c, "Rust": _build_rust, "Go": _build_go}
    modules: dict[str, Path] = {}
    missing: list[str] = []
    for language, build in builders.items():
        folder = NATIVE_MODULES / language.lower()
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / "auth.so"
        try:
            build(target, include)
        except BuildFailed as failure:
            missing.append(f"{language} ({failure})")
            say(f"  {language}: {failure}")
        else:
            modules[language] = target
    return modules, missing


def _build_c(target: Path, include: str) -> None:
    compiler = _program("cc")
    source = str(_SOURCES / "c" / "auth.c")
    _run("cc", [compiler, "-std=c11", "-O2", "-shared", "-fPIC", f"-I{include}", "-o", str(target), source])


def _build_rust(target: Path, include: str) -> None:
    cargo = _program("cargo")
    output = target.parent / "target"
    # In a copy: cargo writes its lock file beside the manifest.
    copy = target.parent / "source"
    shutil.copytree(_SOURCES / "rust", copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
    _run("cargo", [cargo, "build", "--quiet", "--release", "--target-dir", str(output)], folder=copy)
    shutil.copyfile(output / "release" / "libauth.so", target)


def _build_go(target: Path, include: str) -> None:
    go = _program("go")
    env = {"CGO_CFLAGS": f"-O2 -I{include}", "CGO_ENABLED": "1"}
    _run("go", [go, "build", "-buildmode=c-shared", "-o", str(target), "."], env, _SOURCES / "go")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BuildFailed(f"{name} is not installed")
    return found


def _run(name: str, argv: list[str], env: dict[str, str] | None = None, folder: Path | None = None) -> str:
    """Run a program to its end; what it wrote to its standard output."""
    try:
        result = subprocess.run(
            argv, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False, env={**os.environ, **(env or {})}, cwd=folder
        )
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"{name} did not end within {_BUILD_SECONDS:.0f} s") from None
    if result.returncode != 0:
        last = (result.stderr.strip() or "it says nothing").splitlines()[-1]
        raise BuildFailed(f"{name} ended with {result.returncode}: {last}")
    return result.stdout
