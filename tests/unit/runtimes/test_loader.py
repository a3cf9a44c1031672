"""Loading extensions: files, folders, packages, modules; what goes wrong; and a changed file."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.api import ConfigRejected
from headgate.api.registry import ExtensionScope
from headgate.api.stream_filter import STREAM_FILTERS, ClassFactory
from headgate.runtimes.module.loader import load_extensions

FILTER = """
from headgate.api import StreamFilter, stream_filter
{imports}

@stream_filter("{name}")
class Filter(StreamFilter):
    mark = {mark}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file with a filter in it."""

    def write_file(path: str, name: str = "loaded", mark: str = "1", imports: str = "", text: str | None = None) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILTER.format(name=name, mark=mark, imports=imports) if text is None else text)
        return file

    return write_file


def mark(scope: ExtensionScope, name: str = "loaded") -> object:
    """The mark of the loaded class."""
    factory = STREAM_FILTERS.find(name, "", scope).create({})
    assert isinstance(factory, ClassFactory)
    return getattr(factory.filter_class, "mark", None)


def findings(specs: list[str], base: Path) -> list[str]:
    """The findings of a load that is refused."""
    with pytest.raises(ConfigRejected) as caught:
        load_extensions(specs, base)
    return [error.render() for error in caught.value.errors]


def test_file(write: Write, tmp_path: Path) -> None:
    write("one.py")
    scope = load_extensions(["./one.py"], tmp_path)
    assert mark(scope) == 1
    assert "loaded" not in STREAM_FILTERS.names(), "it is known in its configuration only"


def test_absolute_path_and_a_name_without_a_slash(write: Write, tmp_path: Path) -> None:
    file = write("one.py")
    assert mark(load_extensions([str(file)])) == 1
    assert mark(load_extensions(["one.py"], tmp_path)) == 1


def test_folder_loads_each_file_but_private_ones_and_tests(write: Write, tmp_path: Path) -> None:
    write("folder/a.py", "a")
    write("folder/b.py", "b")
    for skipped in ("_private.py", "test_a.py", "conftest.py"):
        write(f"folder/{skipped}", text="raise RuntimeError('not to be loaded')")
    scope = load_extensions(["./folder"], tmp_path)
    assert sorted(name for _, name in scope.registrations) == ["a", "b"]


def test_package_is_loaded_as_one_with_relative_imports(write: Write, tmp_path: Path) -> None:
    write("package/__init__.py", text="from . import inner\n")
    write("package/inner.py", "packed", mark="VALUE", imports="from .values import VALUE")
    write("package/values.py", text="VALUE = 7\n")
    assert mark(load_extensions(["./package"], tmp_path), "packed") == 7


def test_module_by_dotted_name(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("headgate_test_dotted_module.py", text="VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load_extensions(["headgate_test_dotted_module"])
    assert sys.modules.pop("headgate_test_dotted_module").VALUE == 1


def test_siblings_of_two_files_do_not_collide(write: Write, tmp_path: Path) -> None:
    for number in ("1", "2"):
        write(f"dir{number}/values.py", text=f"VALUE = {number}\n")
        write(f"dir{number}/main.py", f"from_{number}", mark="VALUE", imports="from values import VALUE")
    path = list(sys.path)
    scope = load_extensions(["./dir1/main.py", "./dir2/main.py"], tmp_path)
    assert mark(scope, "from_1") == 1
    assert mark(scope, "from_2") == 2
    assert "values" not in sys.modules
    assert sys.path == path


def test_a_changed_file_is_new_in_the_next_load_and_the_old_one_lives_on(write: Write, tmp_path: Path) -> None:
    write("main.py", mark="VALUE", imports="from values import VALUE")
    write("values.py", text="VALUE = 1\n")
    first = load_extensions(["./main.py"], tmp_path)
    write("values.py", text="VALUE = 1 + 1\n")
    second = load_extensions(["./main.py"], tmp_path)
    assert mark(first) == 1
    assert mark(second) == 2


def test_syntax_error_names_file_and_line(write: Write, tmp_path: Path) -> None:
    file = write("bad.py", text="x = 1\ndef broken(:\n")
    (line,) = findings(["./bad.py"], tmp_path)
    assert line.startswith(f"extensions[0]: extension ./bad.py cannot be loaded: {file}:2: ")


def test_raising_module_names_file_and_line(write: Write, tmp_path: Path) -> None:
    file = write("bad.py", text="x = 1\n\nraise ValueError('no key')\n")
    assert findings(["./bad.py"], tmp_path) == [f"extensions[0]: extension ./bad.py cannot be loaded: {file}:3: ValueError: no key"]


def test_missing_import_names_file_and_line(write: Write, tmp_path: Path) -> None:
    file = write("bad.py", text="import headgate_no_such_module\n")
    (line,) = findings(["./bad.py"], tmp_path)
    assert f"{file}:1: ModuleNotFoundError" in line


def test_what_cannot_be_found(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    lines = findings(["./nothing.py", "./empty", "headgate_no_such_module"], tmp_path)
    assert lines[0] == f"extensions[0]: no such file or folder: {tmp_path}/nothing.py"
    assert lines[1] == f"extensions[1]: no Python file in {tmp_path}/empty"
    assert lines[2].startswith("extensions[2]: extension headgate_no_such_module cannot be loaded: ")


def test_two_files_that_register_one_name(write: Write, tmp_path: Path) -> None:
    write("one.py")
    write("two.py")
    (line,) = findings(["./one.py", "./two.py"], tmp_path)
    assert line.startswith("extensions[1]: extension ./two.py cannot be loaded: ")
    assert "'loaded' is registered twice" in line


def test_a_failed_load_leaves_nothing_behind(write: Write, tmp_path: Path) -> None:
    write("bad.py", text="import helper_of_bad\nraise ValueError\n")
    write("helper_of_bad.py", text="")
    before, path = set(sys.modules), list(sys.path)
    findings(["./bad.py"], tmp_path)
    assert not {name for name in set(sys.modules) - before if "bad" in name}
    assert sys.path == path


def test_a_changed_file_of_the_same_size_and_second(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's cache of compiled files goes by size and time of change in seconds: an edit within a second must not be lost."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write("main.py", mark="1")
    first = load_extensions(["./main.py"], tmp_path)
    write("main.py", mark="2")
    assert mark(load_extensions(["./main.py"], tmp_path)) == 2
    assert mark(first) == 1


def test_a_module_that_exits_is_a_finding(write: Write, tmp_path: Path) -> None:
    write("bad.py", text="import sys\nsys.exit(3)\n")
    (line,) = findings(["./bad.py"], tmp_path)
    assert "SystemExit" in line


def left_behind() -> set[str]:
    """Modules of files that were loaded by path."""
    return {name for name in sys.modules if name.startswith("headgate_extension_")}


def test_the_end_of_a_scope_is_the_end_of_its_modules(write: Write, tmp_path: Path) -> None:
    before = left_behind()
    (tmp_path / "package").mkdir()
    write("package/__init__.py", text="from .part import Part\n")
    write("package/part.py", text="class Part:\n    pass\n")
    write("main.py", text="class Held:\n    pass\n")
    scope = load_extensions(["./main.py", "./package"], tmp_path)
    loaded = left_behind() - before
    assert len(loaded) == 3
    classes = [weakref.ref(value) for name in loaded for value in vars(sys.modules[name]).values() if isinstance(value, type)]
    assert len(classes) >= 2
    scope.close()
    scope.close()
    assert left_behind() == before
    gc.collect()
    assert not [reference() for reference in classes if reference() is not None], "the code is gone, too"


def test_a_load_that_fails_leaves_nothing_of_what_it_loaded_before(write: Write, tmp_path: Path) -> None:
    before = left_behind()
    write("good.py", text="")
    write("bad.py", text="raise ValueError\n")
    findings(["./good.py", "./bad.py"], tmp_path)
    assert left_behind() == before
