"""``headgate new``: what it writes, and what it refuses."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from headgate.cli import main
from headgate.cli.skeleton import SkeletonError, kinds, languages, make

EVERY = [(kind, language) for kind in kinds() for language in languages(kind)]


def new(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["new", *arguments], catch_exceptions=False)


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_nothing_is_left_of_the_template(kind: str, language: str, tmp_path: Path) -> None:
    """Program, configuration, README and test are there, and each has the name."""
    folder = tmp_path / "place"
    result = new(kind, "my-own_check2", "--lang", language, "--into", str(folder))
    assert result.exit_code == 0
    written = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert "skeleton" not in (result.output + "".join(written) + "".join(written.values())).lower()
    assert {"README.md", "config.yaml"} <= set(written)
    assert any("test" in name.lower() for name in written)
    assert yaml.safe_load(written["config.yaml"])["servers"]
    assert f"cd {folder}" in result.output
    for name, text in written.items():
        if name.endswith(".py"):
            assert language != "python" or "MyOwnCheck2" in text
            ast.parse(text)
        assert os.access(folder / name, os.X_OK) == text.startswith("#!")


def test_kinds_and_languages() -> None:
    assert {"filter", "plugin", "module", "lua", "wasm", "native"} <= set(kinds())
    assert [languages("native"), languages("module")] == [["c", "go", "rust"], ["python"]]
    assert {("filter", "python"), ("plugin", "python"), ("plugin", "go"), ("plugin", "java")} <= set(EVERY)
    assert all(languages(kind)[0] == "python" for kind in ("filter", "plugin")), "what is written without --lang"


def test_plugins_in_all_languages_have_one_configuration(tmp_path: Path) -> None:
    configs = []
    for language in languages("plugin"):
        config = yaml.safe_load(make("plugin", "check", language, tmp_path).files["config.yaml"])
        assert config["plugins"][0].pop("command")
        configs.append(config)
    assert configs.count(configs[0]) == len(configs)


def test_it_overwrites_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "check"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    result = new("filter", "check", "--into", str(folder))
    assert result.exit_code == 1
    assert f"{folder} is there already" in result.output
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    assert new("filter", "check", "--into", str(tmp_path)).exit_code == 0


def test_by_default_it_writes_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new("filter", "check").exit_code == 0
    assert (tmp_path / "check" / "check.py").is_file()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = new("filter", "check", "--into", str(tmp_path / "file" / "check"))
    assert result.exit_code == 1
    assert str(tmp_path / "file") in result.output


@pytest.mark.parametrize("name", ["", "Check", "1st", "a b", "../x", "a--b", "-a", "a/b", "é"])
def test_names_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    with pytest.raises(SkeletonError, match="not a name"):
        make("filter", name, None, tmp_path)


@pytest.mark.parametrize("name", ["json", "class", "headgate", "map"])
def test_names_that_mean_something_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(SkeletonError, match="means something else"):
        make("plugin", name, None, tmp_path)


def test_a_language_that_the_kind_has_not(tmp_path: Path) -> None:
    with pytest.raises(SkeletonError, match="there are: python"):
        make("filter", "check", "java", tmp_path)


def test_unknown_kind() -> None:
    assert new("filtre", "check").exit_code == 2
