"""What a dead worker had to say."""

from __future__ import annotations

from headgate.server.stderr_tail import StderrTail


def reason(*parts: bytes) -> str:
    tail = StderrTail()
    for part in parts:
        tail.feed(part)
    return tail.reason()


def test_the_last_line_of_a_traceback() -> None:
    assert reason(b"Traceback (most recent call last):\n  File ...\n", b"ImportError: no module\n\n") == "ImportError: no module"


def test_a_line_without_an_end_and_one_cut_in_two() -> None:
    assert reason(b"first\nsec", b"ond") == "second"
    assert reason(b"fir", b"st\n") == "first"


def test_the_interpreters_verdict_says_more_than_what_follows_it() -> None:
    text = b'Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n  File "a.py", line 1 in f\n'
    assert reason(b"noise\n", text) == "Fatal Python error: Segmentation fault"


def test_nothing() -> None:
    assert reason() == ""
    assert reason(b"\n \n") == ""


def test_a_flood_is_bounded() -> None:
    tail = StderrTail()
    for _ in range(100):
        tail.feed(b"x" * 100_000)
    tail.feed(b"\n" * 100_000)
    tail.feed(b"end\n")
    assert tail.reason() == "end"
