"""The file behind a log: appending, rotation, pipes whose reader has stopped."""

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.api.errors import ConfigError
from headgate.observe.log_file import LogFile, open_log


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe and a descriptor that reads it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reader
    os.close(reader)


def test_two_writers_append_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    first, second = LogFile(str(path)), LogFile(str(path))
    for _ in range(3):
        first.write(b"first\n")
        second.write(b"second\n")
    assert path.read_bytes() == b"first\nsecond\n" * 3


def test_a_new_file_is_not_for_everyone(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    LogFile(str(path)).close()
    assert path.stat().st_mode & 0o137 == 0


def test_reopen_goes_on_in_a_new_file_after_a_rotation(tmp_path: Path) -> None:
    path, rotated = tmp_path / "a.log", tmp_path / "a.log.1"
    file = LogFile(str(path))
    file.write(b"old\n")
    path.rename(rotated)
    file.write(b"still old\n")
    file.reopen()
    file.write(b"new\n")
    assert rotated.read_bytes() == b"old\nstill old\n"
    assert path.read_bytes() == b"new\n"


def test_a_failed_reopen_keeps_the_present_file(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    file = LogFile(str(directory / "a.log"))
    moved = tmp_path / "moved"
    directory.rename(moved)
    with pytest.raises(FileNotFoundError):
        file.reopen()
    file.write(b"kept\n")
    assert (moved / "a.log").read_bytes() == b"kept\n"


def test_a_closed_file_opens_again_when_written(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "a.log"))
    file.close()
    file.close()
    file.write(b"again\n")
    assert (tmp_path / "a.log").read_bytes() == b"again\n"


def test_a_missing_directory_is_named_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_log(str(tmp_path / "absent" / "a.log"), "servers[0].default_log_path")
    assert caught.value.path == "servers[0].default_log_path"
    assert "No such file or directory" in caught.value.message
    assert caught.value.hint == f"create the directory {tmp_path / 'absent'}"


def test_a_directory_is_no_log_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        open_log(str(tmp_path), "p")


def test_a_pipe_without_a_reader_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(ConfigError):
        open_log(str(path), "p")


def test_a_slow_reader_of_a_pipe_never_blocks(fifo: tuple[Path, int]) -> None:
    path, reader = fifo
    file = LogFile(str(path))
    data = b"x" * 99 + b"\n"
    written = file.write(data * 10000)
    assert 0 < written < 1_000_000
    assert written % 100 == 0
    assert file.write(data) == 0
    assert os.read(reader, 65536) != b""
    assert file.write(data) == 100


def test_a_reader_that_is_gone_is_an_error_not_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = LogFile(str(path))
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        file.write(b"lost\n")


def test_a_line_longer_than_the_pipes_unit_goes_through(fifo: tuple[Path, int]) -> None:
    path, reader = fifo
    line = b"y" * (select.PIPE_BUF * 2 + 10) + b"\n"
    assert LogFile(str(path)).write(line) == len(line)
    assert os.read(reader, 65536) == line


@pytest.mark.parametrize("name", ["stdout", "/dev/stdout"])
def test_stdout_is_the_processs_own(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    file = LogFile(name)
    file.write(b"to stdout\n")
    file.reopen()
    file.close()
    assert capfd.readouterr().out == "to stdout\n"


def test_stderr_is_the_processs_own(capfd: pytest.CaptureFixture[str]) -> None:
    LogFile("stderr").write(b"to stderr\n")
    assert capfd.readouterr().err == "to stderr\n"
