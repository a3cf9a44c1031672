"""Hooks of a body's end, called in a module written in C that keeps chunks back until then."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.runtimes.native import abi
from headgate.testing import Exchange, FilterTester, Reply
from tests.native.build import FOLDER, build


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(FOLDER / "body_ends.c", tmp_path_factory.mktemp("native") / "body_ends.so")


def ask(module: Path, end: str = "", back: str = "", do: str = "", **entry: object) -> Exchange:
    """A request with a body in two chunks, answered with one in two chunks."""
    tester = FilterTester("native", {}, entry={"path": str(module), **entry}, reply=Reply(body=[b"c", b"d"]))
    headers = {name: value for name, value in (("End", end), ("Back-End", back), ("Do", do)) if value}
    return tester.request("POST", "/", headers, body=[b"a", b"b"])


def test_what_was_kept_goes_on_at_the_end(module: Path) -> None:
    exchange = ask(module)
    assert exchange.upstream[0].body == b"ab|"
    assert (exchange.status, exchange.body, exchange.complete) == (200, b"cd|", True)


def test_an_end_that_adds_nothing(module: Path) -> None:
    exchange = ask(module, "drop", "drop")
    assert (exchange.upstream[0].body, exchange.body, exchange.complete) == (b"", b"", True)


def test_a_message_without_a_body_ends_too_and_before_its_trailers(module: Path) -> None:
    tester = FilterTester("native", {}, entry={"path": str(module)}, reply=Reply(body=b""))
    exchange = tester.request("POST", body=b"")
    assert (exchange.upstream[0].body, exchange.body) == (b"|", b"|")
    tester = FilterTester("native", {}, entry={"path": str(module)}, reply=Reply(body=[b"c"], trailers={"X-Two": "2"}))
    exchange = tester.request("POST", body=[b"a"], trailers={"X-One": "1"})
    assert (exchange.upstream[0].body, exchange.upstream[0].trailers.get("x-one")) == (b"a|", "1")
    assert (exchange.body, exchange.trailers.get("x-two")) == (b"c|", "2")


def test_an_end_that_is_held_goes_on_from_a_thread(module: Path, caplog: pytest.LogCaptureFixture) -> None:
    exchange = ask(module, "hold", "hold")
    assert exchange.upstream[0].body == b"ab|>"
    assert (exchange.status, exchange.body, exchange.complete) == (200, b"cd|>", True)
    exchange = ask(module, "hold-as-set", "hold-as-set")
    assert (exchange.upstream[0].body, exchange.body) == (b"ab|", b"cd|")
    assert "not noticed" not in caplog.text and "let go" not in caplog.text


def test_a_reply_at_the_end(module: Path) -> None:
    # Whose own body passes the module on the way back, and ends.
    at_once = ask(module, "reply")
    assert (at_once.status, at_once.body, at_once.complete) == (403, b"no|", True)
    later = ask(module, "hold-reply")
    assert (later.status, later.body) == (429, b"late|")


@pytest.mark.parametrize("end", ["fail", "unpromised", "hold-fail", "hold-rematch"])
def test_a_failure_at_the_end_goes_by_the_entry_s_policy(module: Path, end: str) -> None:
    assert ask(module, end).status == 500
    assert ask(module, end, on_error="allow").status == 200


def test_a_failure_is_logged_in_the_module_s_words(module: Path, caplog: pytest.LogCaptureFixture) -> None:
    ask(module, "fail")
    ask(module, "hold-rematch")
    assert "on_receive_end: NativeError: the end failed" in caplog.text
    assert "later_complete with 3, which is no verdict" in caplog.text


def test_the_request_may_end_with_its_body(module: Path) -> None:
    exchange = ask(module, "hold-end")
    assert exchange.status == 0 and exchange.closed


def test_an_end_that_is_held_too_long(module: Path) -> None:
    assert ask(module, "hold-never", timeout="20ms").status == 504
    allowed = ask(module, "hold-never", timeout="20ms", on_error="allow")
    assert (allowed.status, allowed.upstream[0].body) == (200, b"ab|")


def test_a_promise_that_is_decided_at_once(module: Path) -> None:
    assert ask(module, "promised").upstream[0].body == b"ab|"


@pytest.mark.parametrize(("do", "number"), [("release-nobody", abi.GONE), ("release-verdict", abi.WRONG_HOOK)])
def test_only_the_end_of_a_body_can_be_released(module: Path, do: str, number: int) -> None:
    exchange = ask(module, do=do)
    assert exchange.status == 200
    assert exchange.upstream[0].headers.get("x-result") == str(number)
