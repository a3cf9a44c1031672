"""Builds the shared objects of tests with this machine's C compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from headgate.runtimes.native.abi import INCLUDE_DIR

FOLDER = Path(__file__).parent


def build(source: Path, target: Path, *options: str, include: Path = INCLUDE_DIR) -> Path:
    """Compile a C file into a shared object.

    :param include: the folder of ``headgate_filter.h``

    :raises AssertionError: with the compiler's words, if it cannot
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is needed: cc or gcc"
    command = [
        compiler,
        "-std=c11",
        "-D_DEFAULT_SOURCE",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        "-pthread",
        f"-I{include}",
    ]
    done = subprocess.run([*command, *options, "-o", str(target), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target
