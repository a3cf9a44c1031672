"""Handlers that wait: their verdicts, time limits, failures."""

from __future__ import annotations

import asyncio

import pytest

from headgate.api import (
    Status,
    Stream,
    StreamFilter,
)
from headgate.testing import FilterTester, Reply


@pytest.mark.parametrize("answer", [Status.CONTINUE, None, "reply"])
def test_async_receiver_and_sender(answer: object) -> None:
    class Waiting(StreamFilter[dict[str, object]]):
        async def on_receive(self, stream: Stream) -> Status | None:
            await asyncio.sleep(0.005)
            if answer == "reply":
                stream.reply(418)
                return Status.STOP
            return answer  # type: ignore[return-value]

        async def on_send(self, stream: Stream) -> Status:
            await asyncio.sleep(0.005)
            assert stream.response is not None
            stream.response.headers.set("X-Async", "yes")
            return Status.CONTINUE

    tester = FilterTester(Waiting, reply=Reply(body=[b"a", b"b"]))
    exchange = tester.request("POST", "/", body=[b"1", b"2", b"3"])
    assert exchange.status == (418 if answer == "reply" else 200)
    assert exchange.headers.get("x-async") == "yes"
    if answer != "reply":
        assert exchange.body == b"ab"
        assert exchange.upstream[0].body == b"123"


@pytest.mark.parametrize("direction", ["on_receive", "on_send"])
@pytest.mark.parametrize(("policy", "status"), [("deny", 504), ("allow", 200)])
@pytest.mark.parametrize("stubborn", [False, True], ids=["cancellable", "ignores cancellation"])
def test_async_handler_past_its_timeout(direction: str, policy: str, status: int, stubborn: bool) -> None:
    async def hang(self: object, stream: Stream) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(3)
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    hanging = type("Hanging", (StreamFilter,), {direction: hang})
    tester = FilterTester(hanging, entry={"timeout": "20ms", "on_error": policy})

    async def scenario() -> int:
        exchange = await tester.send()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return exchange.status

    assert asyncio.run(scenario()) == status
    assert tester.stats.timeouts == 1


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_async_handler_that_raises(policy: str, status: int) -> None:
    class Raising(StreamFilter[dict[str, object]]):
        async def on_receive(self, stream: Stream) -> None:
            await asyncio.sleep(0)
            raise ValueError("boom")

    tester = FilterTester(Raising, entry={"on_error": policy})
    assert tester.request().status == status
    assert tester.stats.errors == 1
