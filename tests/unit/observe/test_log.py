"""The proxy's own log: levels by MOSN's names, console and JSON, one record per record, no secrets, no way to fail."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.api.errors import ConfigError
from headgate.observe import log
from headgate.observe.log_file import LogFile
from headgate.observe.log_formatter import redacted

logger = logging.getLogger("headgate.test_room")
CONSOLE_LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ +\[\d+\] [\w.]+: .*")


@pytest.fixture(autouse=True)
def restored_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            if isinstance(handler, log.LogHandler):
                handler.close()
    root.setLevel(level)
    log._handlers.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "headgate.log"


def test_a_console_record_is_one_line(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "console")
    logger.info("hello %s", "world")
    (line,) = path.read_text().splitlines()
    assert CONSOLE_LINE.fullmatch(line)
    assert line.endswith("test_room: hello world")
    assert " INFO  [" in line


def test_a_json_record_is_one_object(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "json")
    # Given to the handler itself: pytest would capture a lone surrogate, which it cannot send from a parallel worker.
    (handler,) = [handler for handler in logging.getLogger().handlers if isinstance(handler, log.LogHandler)]
    record_made = logger.makeRecord(logger.name, logging.WARNING, __file__, 1, "two\nlines \x1b %s", ("\udcff",), None)
    handler.handle(record_made)
    (line,) = path.read_text().splitlines()
    record = json.loads(line)
    assert record["level"] == "WARN"
    assert record["logger"] == "headgate.test_room"
    assert record["message"] == "two\nlines \x1b \udcff"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
    assert isinstance(record["pid"], int)
    assert "error" not in record


def test_a_message_of_several_lines_stays_one_console_line(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "console")
    logger.info("one\r\ntwo\x1b\x85\u2028three")
    (line,) = path.read_text(encoding="utf-8").split("\n")[:-1]
    assert line.endswith("one\\r\\ntwo\\x1b\\x85\\u2028three")


def _fail(message: str) -> None:
    try:
        raise ValueError(message)
    except ValueError:
        logger.exception("it failed")


def test_a_traceback_stands_in_lines_that_no_record_begins_with(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "console")
    _fail("first\n2026/11/24 13:05:59.042 INFO  [1] forged: record")
    head, *rest = path.read_text().splitlines()
    assert CONSOLE_LINE.fullmatch(head)
    assert len(rest) > 3
    assert all(line.startswith("    | ") for line in rest)


def test_a_traceback_is_a_field_of_the_json_record(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "json")
    _fail("boom")
    (line,) = path.read_text().splitlines()
    assert "ValueError: boom" in json.loads(line)["error"]


@pytest.mark.parametrize("format", ["console", "json"])
def test_secrets_are_redacted_in_messages_and_tracebacks(path: Path, format: str) -> None:
    log.configure_logging(str(path), "INFO", format)
    logger.info("headers: %r", [("authorization", "Basic c2VjcmV0"), ("x", "y")])
    _fail("Cookie: session=c2VjcmV0")
    text = path.read_text()
    assert "c2VjcmV0" not in text
    assert text.count("[redacted]") >= 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc", "Authorization: [redacted]"),
        ("b'authorization: Basic abc', b'x: y'", "b'authorization: [redacted]', b'x: y'"),
        ("{'Cookie': 'a=1; b=2', 'x': 'y'}", "{'Cookie': '[redacted]', 'x': 'y'}"),
        ('{"set-cookie": "a=1"}', '{"set-cookie": "[redacted]"}'),
        ("Headers([('proxy-authorization', 'Basic abc')])", "Headers([('proxy-authorization', '[redacted]')])"),
        ("cookie=a", "cookie=[redacted]"),
        ("no cookie, no authorization", "no cookie, no authorization"),
        ("x-authorization-policy", "x-authorization-policy"),
    ],
)
def test_what_is_redacted(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("FATAL", "FATAL"),
        ("ERROR", "FATAL ERROR"),
        ("WARN", "FATAL ERROR WARN"),
        ("INFO", "FATAL ERROR WARN INFO"),
        ("DEBUG", "FATAL ERROR WARN INFO DEBUG"),
        ("TRACE", "FATAL ERROR WARN INFO DEBUG TRACE"),
        ("warning", "FATAL ERROR WARN"),
        ("critical", "FATAL"),
        ("off", ""),
    ],
)
def test_levels_by_mosns_names(path: Path, name: str, written: str) -> None:
    log.configure_logging(str(path), name, "json")
    for level in log.LEVELS.values():
        logger.log(level, "x")
    assert " ".join(json.loads(line)["level"] for line in path.read_text().splitlines()) == written


def test_the_level_changes_while_running(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "console")
    assert log.levels() == {str(path): "INFO"}
    logger.debug("no")
    assert log.set_level(str(path), "DEBUG")
    logger.debug("yes")
    assert log.levels() == {str(path): "DEBUG"}
    assert [line.rpartition(" ")[2] for line in path.read_text().splitlines()] == ["yes"]
    assert not log.set_level("/elsewhere", "DEBUG")
    assert not log.set_level(str(path), "LOUD")


def test_a_log_can_be_switched_off_and_on(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "console")
    assert log.set_enabled(str(path), False)
    logger.info("no")
    assert log.set_enabled(str(path), True)
    logger.info("yes")
    assert path.read_text().count("\n") == 1
    assert not log.set_enabled("/elsewhere", False)


def test_rotation(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "console")
    logger.info("old")
    path.rename(path.with_suffix(".1"))
    log.reopen()
    logger.info("new")
    assert path.with_suffix(".1").read_text().endswith("old\n")
    assert path.read_text().endswith("new\n")


def test_a_failed_rotation_is_logged_where_it_was(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    log.configure_logging(str(directory / "headgate.log"), "INFO", "console")
    directory.rename(tmp_path / "moved")
    log.reopen()
    assert "cannot reopen: No such file or directory" in (tmp_path / "moved" / "headgate.log").read_text()


def test_configuring_again_replaces_and_a_failure_changes_nothing(path: Path, tmp_path: Path) -> None:
    log.configure_logging(str(path), "INFO", "console")
    other = tmp_path / "other.log"
    log.configure_logging(str(other), "ERROR", "json")
    with pytest.raises(ConfigError):
        log.configure_logging(str(tmp_path / "absent" / "x.log"), "INFO", "console")
    logger.error("here")
    assert path.read_text() == ""
    assert other.read_text().count("\n") == 1
    assert log.levels() == {str(other): "ERROR"}


@pytest.mark.parametrize(
    ("level", "format", "config_path"),
    [("LOUD", "console", "servers[0].default_log_level"), ("INFO", "xml", "servers[0].log_format")],
)
def test_bad_settings_name_their_path(path: Path, level: str, format: str, config_path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        log.configure_logging(str(path), level, format)
    assert caught.value.path == config_path
    assert "known:" in caught.value.hint


def test_an_empty_path_is_stderr_and_stdout_is_special(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure_logging("", "INFO", "console")
    logger.info("to stderr")
    assert log.levels() == {"stderr": "INFO"}
    log.configure_logging("stdout", "INFO", "console")
    logger.info("to stdout")
    captured = capfd.readouterr()
    assert "to stderr" in captured.err
    assert "to stdout" in captured.out


def test_a_failing_disk_is_counted_and_said_once(path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(self: LogFile, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    log.configure_logging(str(path), "INFO", "console")
    monkeypatch.setattr(LogFile, "write", fail)
    logger.info("one")
    logger.info("two")
    assert log.dropped_records() == 2
    assert capfd.readouterr().err == f"headgate: log {path}: No space left on device; records are dropped\n"


class Hostile:
    """An argument whose every text form raises."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_record_that_cannot_be_formatted_breaks_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.configure_logging(str(path), "INFO", "console")
    root = logging.getLogger()
    # Without pytest's own handlers, which raise for such records.
    monkeypatch.setattr(root, "handlers", [handler for handler in root.handlers if isinstance(handler, log.LogHandler)])
    logger.info("%s", Hostile())
    logger.info("%d", "text")
    logger.info(Hostile())
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    assert all("could not be formatted" in line for line in lines)


def test_records_of_extensions_are_written_too(path: Path) -> None:
    log.configure_logging(str(path), "INFO", "json")
    logging.getLogger("my_filters.auth").info("hello")
    assert json.loads(path.read_text())["logger"] == "my_filters.auth"
