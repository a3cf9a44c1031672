"""Filters that only look at heads share one chain: nobody can tell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from headgate.api import Phase, Status, Stream, StreamFilter
from headgate.api.registry import collecting
from headgate.api.stream_filter import stream_filter
from headgate.testing import FilterTester, InMemoryProxy, Reply

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

TO_UPSTREAM: dict[str, object] = {"route": {"cluster_name": "upstream"}}


def statuses(bench: Bench, targets: list[str], filters: list[type[StreamFilter[object]]], **parts: object) -> list[int]:
    """Requests one after the other through these filters."""
    with collecting(bench.scope):
        for kind in filters:
            stream_filter(kind.__name__)(kind)

    async def scenario(proxy: InMemoryProxy) -> list[int]:
        client = proxy.connect("listener")
        return [(await client.exchange("GET", target, {}, b"", None, 10)).status for target in targets]

    entries = [{"type": kind.__name__, "quarantine": {"max_failures": 2, "window": "60s", "backoff": "60s"}} for kind in filters]
    return bench.run(scenario, Reply(), stream_filters=entries, **parts)


def test_each_request_has_an_instance_of_its_own(bench: Bench) -> None:
    seen: list[bool] = []

    class Counts(StreamFilter[object]):
        called = 0

        def on_receive(self, stream: Stream) -> None:
            self.called += 1
            seen.append(self.called == 1)

    assert statuses(bench, ["/"] * 3, [Counts]) == [200] * 3
    assert seen == [True] * 3
    assert Counts.called == 0


@pytest.mark.parametrize("waits", [False, True])
def test_a_filter_that_has_the_route_matched_again_remembers(bench: Bench, waits: bool) -> None:
    notes: list[str] = []

    class Before(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> None:
            notes.append("before")

    class Moves(StreamFilter[object]):
        phase = Phase.AFTER_ROUTE
        moved = False

        def on_receive(self, stream: Stream) -> Status:
            return self.decide(stream)

        def decide(self, stream: Stream) -> Status:
            notes.append("again" if self.moved else "first")
            if self.moved:
                return Status.CONTINUE
            self.moved = True
            stream.request.path = "/moved"
            return Status.REMATCH_ROUTE

    class MovesLater(Moves):
        async def on_receive(self, stream: Stream) -> Status:  # type: ignore[override]
            await asyncio.sleep(0)
            return self.decide(stream)

    class After(StreamFilter[object]):
        phase = Phase.AFTER_CHOOSE_HOST

        def on_receive(self, stream: Stream) -> None:
            notes.append("after")

    assert statuses(bench, ["/a", "/b"], [Before, MovesLater if waits else Moves, After]) == [200, 200]
    assert notes == ["before", "first", "again", "after"] * 2


@pytest.mark.parametrize(("phase", "expected"), [(Phase.BEFORE_ROUTE, ["entry"] * 3), (Phase.AFTER_ROUTE, ["entry", "route", "entry"])])
def test_the_route_s_configuration_is_there_as_soon_as_there_is_a_route(phase: Phase, expected: list[str]) -> None:
    seen: list[str] = []

    class Configured(StreamFilter[dict[str, str]]):
        def on_receive(self, stream: Stream) -> None:
            seen.append(self.config["from"])

    Configured.phase = phase
    own = {"match": {"path": "/own"}, "per_filter_config": {"filter_under_test": {"from": "route"}}, **TO_UPSTREAM}
    tester = FilterTester(
        Configured, {"from": "entry"}, config_type=dict[str, str], routes=[own, {"match": {"prefix": "/"}, **TO_UPSTREAM}]
    )

    async def scenario() -> None:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        for target in ("/", "/own", "/"):
            assert (await client.exchange("GET", target, {}, b"", None, 10)).status == 200
        client.leave()
        proxy.close()

    asyncio.run(scenario())
    assert seen == expected


def test_one_that_is_set_aside_denies(bench: Bench) -> None:
    class Fine(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> None:
            pass

    class Breaks(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> None:
            raise RuntimeError("broken")

    assert statuses(bench, ["/"] * 4, [Fine, Breaks]) == [500, 500, 503, 503]


@pytest.mark.parametrize("hook", ["__init__", "__setattr__", "on_destroy", "on_log", "on_send"])
def test_code_of_the_author_s_own_runs_for_each_request(bench: Bench, hook: str) -> None:
    notes: list[str] = []

    class Own(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> None:
            pass

    def own(self: StreamFilter[object], *values: object) -> None:
        notes.append(hook)
        if hook.startswith("__"):
            getattr(StreamFilter, hook)(self, *values)

    setattr(Own, hook, own)
    assert statuses(bench, ["/", "/"], [Own]) == [200, 200]
    assert notes == [hook] * 2


def test_what_a_filter_replies_stays_with_its_request(bench: Bench) -> None:
    class Refuses(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> Status:
            if stream.request.path == "/no":
                stream.reply(403, body="no")
                return Status.STOP
            return Status.CONTINUE

    assert statuses(bench, ["/no", "/", "/no", "/"], [Refuses]) == [403, 200, 403, 200]
