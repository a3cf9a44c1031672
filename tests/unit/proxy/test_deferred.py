"""Verdicts that come later without a coroutine: resolved, failed, past the time limit, abandoned."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import ClassVar

import pytest

from headgate.api import Deferred, Phase, Status, Stream, StreamFilter
from headgate.testing import FilterTester, Reply


class Abandoned(Deferred):
    """Notes that nobody waits any more."""

    notes: ClassVar[list[str]] = []

    def on_abandoned(self) -> None:
        self.notes.append("abandoned")


@pytest.fixture(autouse=True)
def _no_notes() -> None:
    Abandoned.notes.clear()


def deferring(direction: str, outcome: Callable[[Deferred, Stream], object], later: bool = True) -> type[StreamFilter[object]]:
    """A filter whose handler returns a deferred verdict, settled by ``outcome``: in a later turn of the loop, or before it is returned."""

    def handler(self: object, stream: Stream) -> Deferred:
        deferred = Abandoned()
        if later:
            asyncio.get_running_loop().call_soon(outcome, deferred, stream)
        else:
            outcome(deferred, stream)
        return deferred

    return type("Deferring", (StreamFilter,), {direction: handler})


@pytest.mark.parametrize("later", [True, False], ids=["later", "before it is returned"])
@pytest.mark.parametrize("direction", ["on_receive", "on_send"])
def test_the_stream_goes_on_when_it_is_resolved(direction: str, later: bool) -> None:
    tester = FilterTester(deferring(direction, lambda deferred, _: deferred.resolve(), later), reply=Reply(body=[b"a", b"b"]))
    exchange = tester.request("POST", "/", body=[b"1", b"2", b"3"])
    assert (exchange.status, exchange.body, exchange.upstream[0].body) == (200, b"ab", b"123")
    assert Abandoned.notes == []


def test_a_reply_given_before_it_is_resolved_with_stop_is_the_answer() -> None:
    def refuse(deferred: Deferred, stream: Stream) -> None:
        stream.reply(418)
        deferred.resolve(Status.STOP)

    tester = FilterTester(deferring("on_receive", refuse))
    exchange = tester.request()
    assert (exchange.status, exchange.upstream) == (418, [])
    assert tester.stats.replies == 1


def test_a_deferred_rematch_goes_on_with_the_walk() -> None:
    class Asking(StreamFilter[object]):
        phase = Phase.AFTER_ROUTE
        asked = False

        def on_receive(self, stream: Stream) -> Deferred | Status:
            if self.asked:
                return Status.CONTINUE
            self.asked = True
            deferred = Deferred()
            asyncio.get_running_loop().call_soon(deferred.resolve, Status.REMATCH_ROUTE)
            return deferred

    assert FilterTester(Asking).request().status == 200


def test_only_the_first_settlement_counts() -> None:
    def twice(deferred: Deferred, stream: Stream) -> None:
        deferred.resolve()
        deferred.resolve(Status.TERMINATE)
        deferred.fail(ValueError("late"))

    tester = FilterTester(deferring("on_receive", twice))
    assert tester.request().status == 200
    assert tester.stats.errors == 0


@pytest.mark.parametrize("later", [True, False], ids=["later", "before it is returned"])
@pytest.mark.parametrize("direction", ["on_receive", "on_send"])
@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_a_failure_is_the_filter_s(direction: str, policy: str, status: int, later: bool) -> None:
    failing = deferring(direction, lambda deferred, _: deferred.fail(ValueError("boom")), later)
    tester = FilterTester(failing, entry={"on_error": policy})
    assert tester.request().status == status
    assert tester.stats.errors == 1


@pytest.mark.parametrize("direction", ["on_receive", "on_send"])
@pytest.mark.parametrize(("policy", "status"), [("deny", 504), ("allow", 200)])
def test_past_its_time_limit_it_is_abandoned(direction: str, policy: str, status: int) -> None:
    tester = FilterTester(deferring(direction, lambda deferred, _: None), entry={"timeout": "20ms", "on_error": policy})
    assert tester.request().status == status
    assert tester.stats.timeouts == 1
    assert Abandoned.notes == ["abandoned"]


def test_a_stream_that_is_answered_otherwise_abandons_it() -> None:
    tester = FilterTester(deferring("on_receive", lambda _, stream: stream.terminate(503)))
    assert tester.request().status == 503
    assert Abandoned.notes == ["abandoned"]


def _objects_of_waiting() -> int:
    return sum(type(thing).__module__ == "headgate.proxy.handler_call" for thing in gc.get_objects())


@pytest.mark.parametrize("later", [True, False], ids=["later", "before it is returned"])
def test_waiting_leaves_nothing_to_the_garbage_collector(later: bool) -> None:
    tester = FilterTester(deferring("on_receive", lambda deferred, _: deferred.resolve(), later))
    gc.collect()
    gc.disable()
    try:
        before = _objects_of_waiting()
        assert tester.request().status == 200
        assert _objects_of_waiting() == before
    finally:
        gc.enable()
