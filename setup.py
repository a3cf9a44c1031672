"""Compiles the forwarding path with mypyc when this machine can build C extensions; everything else is in pyproject.toml.

What happens, and always with one line that says so:

- a C compiler and Python's headers are there: the modules of ``[tool.headgate] hot-path`` are compiled;
  a failure from then on is an error, never a silent fall-back;
- they are not there, or ``HEADGATE_NO_COMPILE=1``: the same files are installed to run interpreted;
- ``HEADGATE_REQUIRE_COMPILE=1``: not being able to compile is an error;
- an editable install is never compiled: a changed file must be what runs.
"""

from __future__ import annotations

import fnmatch
import os
import sys
import tempfile
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.errors import BaseError as SetuptoolsError

ROOT = Path(__file__).resolve().parent

BUILDING_COMMANDS = {"build", "build_ext", "bdist_wheel", "install"}
"""setup.py also runs to answer questions about the package; compiling then would be wasted."""


def say(message: str) -> None:
    """One line that stands out in the output of ``pip install -v`` and ``python -m build``."""
    print(f"\n*** headgate: {message}\n", file=sys.stderr, flush=True)


def hot_path() -> list[str]:
    """Paths of the modules to compile, relative to this folder, sorted."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        table = tomllib.load(file)["tool"]["headgate"]
    found: set[str] = set()
    for pattern in table["hot-path"]:
        matches = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}
        if not matches:
            raise SystemExit(f"headgate: pyproject.toml: [tool.headgate] hot-path: {pattern!r} matches no file")
        found |= matches
    return sorted(path for path in found if not any(fnmatch.fnmatch(path, pattern) for pattern in table["hot-path-except"]))


def why_no_extensions() -> str | None:
    """Why this machine cannot build a C extension; None if it can. Tried out, as nothing else tells for certain."""
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.errors import CCompilerError, DistutilsError
    from setuptools._distutils.sysconfig import customize_compiler, get_python_inc

    with tempfile.TemporaryDirectory() as folder:
        compiler = new_compiler()
        customize_compiler(compiler)
        for what, include in (("no working C compiler", ""), ("Python's header files are missing", "#include <Python.h>\n")):
            source = Path(folder, "probe.c")
            source.write_text(f"{include}int headgate_probe(void) {{ return 0; }}\n", encoding="ascii")
            try:
                objects = compiler.compile([str(source)], output_dir=folder, include_dirs=[get_python_inc()])
                compiler.link_shared_object(objects, str(Path(folder, "probe.so")))
            except (CCompilerError, DistutilsError, SetuptoolsError, OSError) as error:
                return f"{what} ({str(error).splitlines()[0]})"
    return None


def compiled_modules() -> list[Extension]:
    """The forwarding path as extension modules."""
    from mypyc.build import mypycify

    modules = hot_path()
    say(f"compiling the forwarding path: {len(modules)} modules with mypyc (HEADGATE_NO_COMPILE=1 leaves it interpreted)")
    # Without the project's own mypy settings: `make check` judges the code, here only what mypyc needs counts,
    # so that a later mypy with a new lint does not break an installation.
    options = ["--config-file=", "--ignore-missing-imports"]
    extensions: list[Extension] = mypycify(
        [*options, *modules],
        opt_level="3",
        debug_level="0",
        multi_file=False,
        separate=False,
        group_name="headgate",
    )
    for extension in extensions:
        extension.extra_link_args = [*extension.extra_link_args, "-Wl,--strip-all"] if sys.platform == "linux" else []
    return extensions


def extension_modules() -> list[Extension]:
    """What to compile in this run."""
    commands = set(sys.argv[1:])
    if "editable_wheel" in commands:
        say("editable install: not compiled, runs interpreted")
        return []
    if not commands & BUILDING_COMMANDS:
        return []
    required = os.environ.get("HEADGATE_REQUIRE_COMPILE") == "1"
    if os.environ.get("HEADGATE_NO_COMPILE") == "1":
        if required:
            raise SystemExit("headgate: HEADGATE_NO_COMPILE and HEADGATE_REQUIRE_COMPILE are both set")
        say("HEADGATE_NO_COMPILE=1: not compiled, runs interpreted")
        return []
    obstacle = why_no_extensions()
    if obstacle is None:
        return compiled_modules()
    if required:
        raise SystemExit(f"headgate: HEADGATE_REQUIRE_COMPILE=1, but {obstacle}")
    say(f"{obstacle}: not compiled, runs interpreted")
    return []


setup(ext_modules=extension_modules())
