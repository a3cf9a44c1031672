"""The access log: buffered, rotated, counted; a disk that fails costs lines, never requests."""

import errno
import logging
import os
from pathlib import Path

import pytest

from headgate.api import Address, ConnectionInfo, Headers, RequestHead, Stream
from headgate.api.errors import ConfigError
from headgate.observe.access_log import FLUSH_BYTES, KEEP_BYTES, AccessLog
from headgate.observe.log_file import LogFile
from headgate.observe.stats import AccessLogStats

ENTRY = "servers[0].listeners[0].access_logs[0]"


def _stream(number: int = 1, agent: str = "curl") -> Stream:
    connection = ConnectionInfo(number, Address("10.0.0.9", 4000), Address("10.0.0.1", 80), "in")
    return Stream(number, RequestHead("GET", "/", Headers.of({"User-Agent": agent})), connection)


def _log(path: Path, format_text: str = "%stream_id%") -> tuple[AccessLog, AccessLogStats]:
    stats = AccessLogStats(str(path))
    return AccessLog(str(path), format_text, ENTRY, stats), stats


class Disk:
    """Stands in for the operating system's write: takes as much as it is allowed to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = b""
        self.space = 0
        monkeypatch.setattr(LogFile, "write", self.write)

    def write(self, data: bytes) -> int:
        if self.space == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = data[: self.space]
        self.space -= len(part)
        self.taken += part
        return len(part)


def test_lines_wait_for_the_flush(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, stats = _log(path)
    log.log(_stream(1))
    log.log(_stream(2))
    assert path.read_text() == ""
    log.flush()
    assert path.read_text() == "1\n2\n"
    assert stats.lines == 2
    log.flush()
    assert path.read_text() == "1\n2\n"


def test_a_full_buffer_is_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, _ = _log(path, "x" * 1023)
    for _ in range(FLUSH_BYTES // 1024 - 1):
        log.log(_stream())
    assert path.stat().st_size == 0
    log.log(_stream())
    assert path.stat().st_size == FLUSH_BYTES


def test_the_default_format_is_used_for_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, _ = _log(path, "")
    log.log(_stream(7))
    log.close()
    assert path.read_text() == "- -  7 - - - 0 0 - 0 - false 0 - 10.0.0.1:80 10.0.0.9:4000 -\n"


def test_a_client_cannot_forge_a_line(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, _ = _log(path, '%stream_id% "%request_header_user-agent%"')
    stream = _stream(1, 'a" 200')
    stream.request.headers.append_line("x", b"X: y")
    stream.variables["note"] = "line\r\n2 forged"
    log.log(stream)
    log.close()
    assert path.read_text() == '1 "a\\" 200"\n'


def test_bytes_that_are_not_utf8_are_written(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, _ = _log(path, "%request_header_user-agent%")
    stream = _stream()
    stream.request.headers.append_line("user-agent", b"User-Agent: second")
    stream.request.headers.lines[0] = b"User-Agent: \xff\xfe"
    log.log(stream)
    log.close()
    assert path.read_bytes() == b"\\xff\\xfe\n"


def test_a_log_that_is_switched_off_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, _ = _log(path)
    log.enabled = False
    log.log(_stream(1))
    log.enabled = True
    log.log(_stream(2))
    log.close()
    assert path.read_text() == "2\n"


def test_reopen_writes_what_waits_into_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, _ = _log(path)
    log.log(_stream(1))
    path.rename(tmp_path / "access.log.1")
    log.reopen()
    log.log(_stream(2))
    log.close()
    assert (tmp_path / "access.log.1").read_text() == "1\n"
    assert path.read_text() == "2\n"


def test_a_failed_reopen_is_counted_and_keeps_writing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    log, stats = _log(directory / "access.log")
    directory.rename(tmp_path / "moved")
    log.reopen()
    log.log(_stream(1))
    log.close()
    assert stats.errors == 1
    assert "cannot reopen" in caplog.text
    assert (tmp_path / "moved" / "access.log").read_text() == "1\n"


def test_a_full_disk_drops_counts_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log, stats = _log(tmp_path / "access.log")
    disk = Disk(monkeypatch)
    with caplog.at_level(logging.WARNING, logger="headgate.observe"):
        for number in (1, 2, 3):
            log.log(_stream(number))
            log.flush()
        assert (stats.lines, stats.dropped, stats.errors) == (0, 3, 3)
        disk.space = 1000
        log.log(_stream(4))
        log.flush()
    assert disk.taken == b"4\n"
    assert (stats.lines, stats.dropped) == (1, 3)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "No space left on device" in caplog.text


def test_a_line_that_the_disk_took_in_part_is_finished_when_there_is_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, stats = _log(tmp_path / "access.log", "line-%stream_id%")
    disk = Disk(monkeypatch)
    disk.space = 3
    log.log(_stream(1))
    log.flush()
    disk.space = 1000
    log.flush()
    assert disk.taken == b"line-1\n"
    assert (stats.lines, stats.dropped) == (1, 0)


def test_a_line_that_was_torn_does_not_swallow_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, stats = _log(tmp_path / "access.log", "line-%stream_id%")
    disk = Disk(monkeypatch)
    disk.space = 3
    log.log(_stream(1))
    log.flush()
    log.log(_stream(2))
    log.flush()
    disk.space = 1000
    log.log(_stream(3))
    log.flush()
    assert disk.taken == b"lin\nline-3\n"
    assert (stats.lines, stats.dropped) == (1, 2)


def test_a_slow_reader_of_a_pipe_costs_lines_past_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log, stats = _log(path, "%stream_id%:" + "x" * 1000)
    total = 3 * KEEP_BYTES // 1000
    for number in range(total):
        log.log(_stream(number))
    log.flush()
    assert stats.dropped > 0
    received = b""
    while True:
        try:
            part = os.read(reader, 1 << 16)
        except BlockingIOError:
            break
        if not part:
            break
        received += part
        log.flush()
    log.close()
    os.close(reader)
    lines = received.decode().split("\n")
    assert lines.pop() == ""
    assert all(len(line.partition(":")[2]) == 1000 for line in lines)
    assert stats.lines == len(lines)
    assert stats.lines + stats.dropped == total


def test_what_a_pipe_did_not_take_by_the_end_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, stats = _log(tmp_path / "access.log", "line-%stream_id%")
    monkeypatch.setattr(LogFile, "write", lambda self, data: 0)
    log.log(_stream(1))
    log.close()
    assert stats.dropped == 1


def test_bad_formats_and_files_name_the_entry(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        AccessLog(str(tmp_path / "a"), "%", ENTRY)
    assert caught.value.path == f"{ENTRY}.log_format"
    with pytest.raises(ConfigError) as caught:
        AccessLog(str(tmp_path / "absent" / "a"), "", ENTRY)
    assert caught.value.path == f"{ENTRY}.log_path"


def test_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    log = AccessLog("stdout", "%stream_id%", ENTRY)
    log.log(_stream(3))
    log.close()
    assert capfd.readouterr().out == "3\n"
