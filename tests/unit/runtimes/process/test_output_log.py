"""What a plugin writes, as it reaches the log."""

import logging

import pytest

from headgate.runtimes.process.output_log import LINES_PER_SECOND, MAX_LINE, OutputLog

LOGGER = logging.getLogger("headgate.plugin.checker")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1, LOGGER.name)


def test_lines_in_pieces(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    output = OutputLog(LOGGER, logging.INFO, clock)
    output.feed(b"one\r\n\ntw")
    output.feed(b"o\nthree")
    output.finish()
    assert caplog.messages == ["one", "two", "three"]
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    assert output.last_line == "three"


def test_hclog(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    output = OutputLog(LOGGER, logging.INFO, clock)
    output.feed(b'{"@level":"error","@message":"no disk","@module":"plugin","@timestamp":"2026","free":0}\n{"@level":"error"}\n{x}\n[1]\n')
    output.feed(b'{"a":' + b"[" * 4000 + b"\n")
    assert caplog.messages[:4] == ["no disk free=0", '{"@level":"error"}', "{x}", "[1]"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, *[logging.INFO] * 4]


def test_a_flood_is_cut_and_counted(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    output = OutputLog(LOGGER, logging.INFO, clock)
    output.feed(b"noise\n" * 10_000)
    assert len(caplog.messages) == LINES_PER_SECOND
    assert output.flooded
    clock.now += 1.0
    output.feed(b"quiet\n")
    assert caplog.messages[-2:] == [f"... {10_000 - LINES_PER_SECOND} lines dropped", "quiet"]
    assert not output.flooded


def test_a_line_without_end_is_cut(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    output = OutputLog(LOGGER, logging.INFO, clock)
    for _ in range(100):
        output.feed(b"x" * 1000)
    output.feed(b"\nnext\n")
    assert [len(message) for message in caplog.messages] == [MAX_LINE, 4]


def test_off(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    output = OutputLog(LOGGER, None, clock)
    output.feed(b"x\n" * 1000)
    output.finish()
    assert caplog.messages == []
    assert output.last_line == "x"
