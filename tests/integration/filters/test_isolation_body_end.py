"""The hooks of a body's end, in the worker and in a process of their own: called once, in the same order, with the same visible result."""

from __future__ import annotations

from pathlib import Path

import pytest

import headgate.runtimes.builtin  # noqa: F401
from headgate.testing import Reply
from tests.integration.filters.isolation_places import Isolated, Place
from tests.integration.harness import until


@pytest.mark.parametrize("how", ["bytes", "later", "at once"])
def test_what_was_kept_goes_on_at_the_end(how: str, filtered: Place) -> None:
    tester = filtered("t-keeps", {"receive": how, "send": how}, reply=Reply(body=[b"x", b"y"]))
    exchange = tester.request("POST", "/", body=[b"ab", b"c"])
    assert (exchange.status, exchange.upstream[0].body, exchange.body) == (200, b"ABC.", b"XY.")


def test_nothing_goes_on(filtered: Place) -> None:
    exchange = filtered("t-keeps", reply=Reply(body=b"xy")).request("POST", "/", body=b"ab")
    assert (exchange.status, exchange.upstream[0].body, exchange.body) == (200, b"", b"")


@pytest.mark.parametrize("how", ["bytes", "later"])
def test_a_message_without_a_body_ends_too(how: str, filtered: Place) -> None:
    exchange = filtered("t-keeps", {"receive": how, "send": how}, reply=Reply(body=[])).request("GET", "/")
    assert (exchange.status, exchange.upstream[0].body, exchange.body) == (200, b".", b".")


@pytest.mark.parametrize("how", ["bytes", "later"])
@pytest.mark.parametrize("body", [[b"ab"], []], ids=["with a body", "without"])
def test_each_hook_runs_once_and_in_order(how: str, body: list[bytes], filtered: Place, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    config: dict[str, object] = {"receive": how, "send": how, "file": str(notes)}
    tester = filtered("t-keeps", config, reply=Reply(body=body, trailers={"X-Out": "1"}))
    assert tester.request("POST", "/", body=body, trailers={"X-Sum": "1"}).status == 200
    until(lambda: notes.exists() and notes.read_text(), "on_destroy")
    hooks = ["receive", "receive_data", "receive_end", "receive_trailers", "send", "send_data", "send_end", "send_trailers"]
    assert notes.read_text() == " ".join(hook for hook in hooks if body or not hook.endswith("data"))


def test_a_sender_that_stops_the_others_sees_the_body_all_the_same(filtered: Place, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    config: dict[str, object] = {"send": "bytes", "stop": "1", "file": str(notes)}
    exchange = filtered("t-keeps", config, reply=Reply(body=[b"xy"], trailers={"X-Out": "1"})).request("GET", "/")
    assert exchange.body == b"XY."
    until(lambda: notes.exists() and notes.read_text(), "on_destroy")
    assert notes.read_text() == "receive receive_end send send_data send_end send_trailers"


@pytest.mark.parametrize("how", ["reply", "later reply"])
def test_a_reply_at_the_end(how: str, filtered: Place) -> None:
    exchange = filtered("t-keeps", {"receive": how, "send": "bytes"}).request("POST", "/", body=b"evil")
    assert (exchange.status, exchange.body) == (403, b"EVIL..")
    assert not exchange.upstream


def test_termination_at_the_end(filtered: Place) -> None:
    exchange = filtered("t-keeps", {"receive": "termination"}).request("POST", "/", body=b"ab")
    assert (exchange.status, exchange.closed) == (0, True)


@pytest.mark.parametrize("how", ["raise", "number", "fail", "Stop", "never"])
def test_an_end_that_fails(how: str, filtered: Place) -> None:
    tester = filtered("t-keeps", {"receive": how}, entry={"timeout": "100ms"})
    exchange = tester.request("POST", "/", body=b"ab")
    assert exchange.status == (504 if how == "never" else 500)
    assert not exchange.upstream
    assert tester.tester is not None
    assert (tester.tester.stats.errors, tester.tester.stats.timeouts) == ((0, 1) if how == "never" else (1, 0))


def test_a_rest_that_is_no_bytes_is_the_filters_failure(isolated: Isolated) -> None:
    exchange = isolated("t-keeps", {"receive": "text"}).request("POST", "/", body=b"ab")
    assert exchange.status == 500
    assert not exchange.upstream


@pytest.mark.parametrize("how", ["raise", "fail", "never"])
def test_an_end_that_fails_and_is_skipped_has_changed_nothing(how: str, isolated: Isolated) -> None:
    tester = isolated("t-keeps", {"receive": how, "send": "bytes"}, entry={"on_error": "allow", "timeout": "100ms"})
    assert tester.request("POST", "/", body=b"ab").upstream[0].body == b"ab"
