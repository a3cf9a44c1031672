"""Extensions that a configuration names: modules by dotted name, files and folders by path.

A module by dotted name is imported once for the process and registers there. A file or folder by path is loaded anew for each
configuration, under a name of its own, and registers in that configuration's :class:`~headgate.api.registry.ExtensionScope`; so a
reload takes up a changed file while requests under way finish on the old code, and two files of one name do not collide. Modules that
such a file imports from its own folder are likewise its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.registry import ExtensionScope, collecting

_numbers: Final = itertools.count(1)


def load_extensions(specs: Sequence[str], base: Path | None = None) -> ExtensionScope:
    """Load every extension of a configuration.

    :param specs: dotted module names, or paths of files and folders; of a folder that is no package every ``*.py`` is loaded whose name
        begins neither with ``_`` nor with ``test_``
    :param base: what relative paths are relative to; None: the current directory
    :raises ConfigRejected: with one error for each that cannot be loaded, naming file and line
    """
    scope = ExtensionScope()
    errors: list[ConfigError] = []
    for position, spec in enumerate(specs):
        path = f"extensions[{position}]"
        try:
            if _is_path(spec):
                for file in _files(Path(base or ".", spec).resolve(), path):
                    load_file(file, scope)
            else:
                importlib.import_module(spec)
        except ConfigError as error:
            errors.append(error)
        except (Exception, SystemExit) as error:
            errors.append(ConfigError(path, f"extension {spec} cannot be loaded: {describe(error)}"))
    if errors:
        scope.close()
        raise ConfigRejected(errors)
    return scope


def describe(error: BaseException) -> str:
    """An error of an author's code in one line, with file and line."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    outside = [frame for frame in frames if Path(frame.filename).parent != Path(__file__).parent] or frames
    place = f"{outside[-1].filename}:{outside[-1].lineno}: " if outside else ""
    return f"{place}{type(error).__name__}: {error}"


def _is_path(spec: str) -> bool:
    return "/" in spec or spec.endswith(".py") or spec in (".", "..")


def _files(target: Path, path: str) -> list[Path]:
    if target.is_file():
        return [target]
    if not target.is_dir():
        raise ConfigError(path, f"no such file or folder: {target}")
    if (target / "__init__.py").is_file():
        return [target / "__init__.py"]
    files = sorted(file for file in target.glob("*.py") if not file.name.startswith(("_", "test_", "conftest")))
    if not files:
        raise ConfigError(path, f"no Python file in {target}")
    return files


def load_file(file: Path, scope: ExtensionScope) -> ModuleType:
    """Load a Python file anew, under a name of its own; what it registers goes into ``scope``, whose end is the end of that name.

    What goes wrong in it is raised as it is; :func:`describe` says where.
    """
    package = file.name == "__init__.py"
    stem = file.parent.name if package else file.stem
    name = f"headgate_extension_{next(_numbers)}_{stem}"
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)] if package else None)
    if spec is None or spec.loader is None:
        raise ImportError(f"not a Python file: {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic and dataclasses look a class's module up there
    try:
        with _siblings(file.parent), collecting(scope):
            spec.loader.exec_module(module)
    except BaseException:
        _forget(name)
        raise
    scope.at_close(partial(_forget, name))
    return module


def _forget(name: str) -> None:
    """Take a module, and what it has loaded of its own package, out of the process-wide table."""
    # A copy: this runs in the event loop, and meanwhile another configuration's build may import in its thread.
    for known in list(sys.modules):
        if known == name or known.startswith(f"{name}."):
            sys.modules.pop(known, None)


@contextmanager
def _siblings(folder: Path) -> Iterator[None]:
    """Let a file import from its own folder, and take what it imported out of the process-wide table again."""
    before = set(sys.modules)
    writes_bytecode = sys.dont_write_bytecode
    # Cached bytecode is told from stale by size and whole seconds: an edit of the same size within a second would not be taken up.
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = writes_bytecode
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin and Path(origin).is_relative_to(folder) and not name.startswith("headgate_extension_"):
                del sys.modules[name]
