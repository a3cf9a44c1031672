"""Filters that ask for another route or host: the walk goes back, and not without end."""

from __future__ import annotations

import asyncio

import pytest

from headgate.api import (
    Phase,
    Status,
    Stream,
    StreamFilter,
)
from headgate.testing import FilterTester
from tests.unit.proxy.recorder import Recorder, scope_of


def test_rematch_route_runs_the_same_filter_again_and_not_the_ones_before(notes: list[str]) -> None:
    class Before(Recorder):
        phase = Phase.AFTER_ROUTE

        def on_receive(self, stream: Stream) -> Status:
            self.note("before")
            return Status.CONTINUE

    class Rematch(Recorder):
        phase = Phase.AFTER_ROUTE

        def __init__(self, config: dict[str, object]) -> None:
            super().__init__(config)
            self.asked = False

        def on_receive(self, stream: Stream) -> Status:
            self.note(f"route {stream.route is not None}")
            if self.asked:
                return Status.CONTINUE
            self.asked = True
            stream.request.headers.set("service", "test")
            return Status.REMATCH_ROUTE

    tester = FilterTester(
        Before,
        route={"match": {"prefix": "/", "headers": [{"name": "service", "value": "test"}]}, "route": {"cluster_name": "upstream"}},
        scope=scope_of(rematch=Rematch),
        filters=[{"type": "rematch"}],
    )
    assert tester.request("POST", "/", body=b"abc").status == 200
    assert notes == ["before", "route False", "route True"]


@pytest.mark.parametrize(("status", "phase"), [(Status.REMATCH_ROUTE, Phase.AFTER_ROUTE), (Status.RECHOOSE_HOST, Phase.AFTER_CHOOSE_HOST)])
def test_endless_reentry_is_bounded(status: Status, phase: Phase) -> None:
    calls: list[int] = []

    class Again(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            calls.append(1)
            return status

    Again.phase = phase
    tester = FilterTester(Again)
    assert tester.request().status == 500
    assert len(calls) == 11
    assert tester.stats.errors == 1


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        (Status.REMATCH_ROUTE, Phase.BEFORE_ROUTE),
        (Status.REMATCH_ROUTE, Phase.AFTER_CHOOSE_HOST),
        (Status.RECHOOSE_HOST, Phase.AFTER_ROUTE),
    ],
)
def test_reentry_from_a_wrong_phase_is_an_error(status: Status, phase: Phase) -> None:
    class Wrong(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            return status

    Wrong.phase = phase
    tester = FilterTester(Wrong)
    assert tester.request().status == 500
    assert tester.stats.errors == 1


def test_reentry_from_a_sender_is_an_error() -> None:
    class Wrong(StreamFilter[dict[str, object]]):
        def on_send(self, stream: Stream) -> Status:
            return Status.REMATCH_ROUTE

    assert FilterTester(Wrong).request().status == 500


def test_async_rematch_goes_on_with_the_walk() -> None:
    class Waiting(StreamFilter[dict[str, object]]):
        phase = Phase.AFTER_ROUTE
        asked = False

        async def on_receive(self, stream: Stream) -> Status:
            await asyncio.sleep(0)
            if self.asked:
                return Status.CONTINUE
            self.asked = True
            return Status.REMATCH_ROUTE

    assert FilterTester(Waiting).request().status == 200
