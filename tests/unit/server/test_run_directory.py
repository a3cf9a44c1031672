"""The files by which a running proxy is found."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from headgate.api.errors import ServerError
from headgate.server import run_directory


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_the_directory_is_the_owners_alone(runtime: Path) -> None:
    directory = run_directory.run_directory()
    assert directory == runtime / "headgate"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_directory_that_others_can_enter_is_refused(runtime: Path) -> None:
    (runtime / "headgate").mkdir(mode=0o755)
    (runtime / "headgate").chmod(0o755)
    with pytest.raises(ServerError, match="only user"):
        run_directory.run_directory()


def test_a_link_is_refused(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (runtime / "headgate").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ServerError):
        run_directory.run_directory()


def test_control_sockets_of_two_configurations_differ(tmp_path: Path) -> None:
    first = run_directory.default_control_socket(tmp_path / "a.json")
    assert first == run_directory.default_control_socket(tmp_path / "a.json")
    assert first != run_directory.default_control_socket(tmp_path / "b.json")
    assert run_directory.pid_file_beside(first).name == first.name.replace(".sock", ".pid")


def test_pid_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pid"
    run_directory.write_pid_file(path, 42)
    assert run_directory.read_pid_file(path) == 42
    run_directory.remove_own_pid_file(path, 43)
    assert path.exists()
    run_directory.remove_own_pid_file(path, 42)
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "abc", "-1", "1 2"])
def test_a_pid_file_without_a_number(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.pid"
    path.write_text(text)
    with pytest.raises(ServerError, match="holds no process id"):
        run_directory.read_pid_file(path)


def test_ready_file_is_complete_and_leaves_nothing_else(tmp_path: Path) -> None:
    run_directory.write_ready_file(tmp_path / "ready", {"pid": 1})
    assert json.loads((tmp_path / "ready").read_text()) == {"pid": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=f"{tmp_path}/missing/ready: no such file or directory"):
        run_directory.write_ready_file(tmp_path / "missing" / "ready", {})
