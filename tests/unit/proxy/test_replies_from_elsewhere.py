"""Replies and ends that come from outside of a handler: other tasks, other threads, too late."""

from __future__ import annotations

import asyncio

import pytest

from headgate.api import (
    ReplyTooLateError,
    Stream,
    StreamFilter,
)
from headgate.testing import FilterTester, Reply


def test_terminate_later_answers_and_cancels_upstream() -> None:
    held: list[Stream] = []

    class Keep(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            held.append(stream)

    tester = FilterTester(Keep, reply=Reply(never=True))

    async def body() -> None:
        task = asyncio.ensure_future(tester.send())
        while not held:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert held[0].terminate(504)
        exchange = await task
        assert exchange.status == 504
        assert not held[0].terminate(504), "it is over"
        with pytest.raises(ReplyTooLateError):
            held[0].reply(200)

    asyncio.run(body())


def test_terminate_from_another_thread() -> None:
    held: list[Stream] = []

    class Keep(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            held.append(stream)

    async def body() -> None:
        task = asyncio.ensure_future(FilterTester(Keep, reply=Reply(never=True)).send())
        while not held:
            await asyncio.sleep(0)
        assert await asyncio.to_thread(held[0].terminate, 503)
        assert (await task).status == 503

    asyncio.run(body())


def test_terminate_after_the_end_does_nothing() -> None:
    held: list[Stream] = []

    class Keep(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            held.append(stream)

    assert FilterTester(Keep).request().status == 200
    assert not held[0].terminate(504)


def test_reply_from_a_task_of_the_filter_s_own() -> None:
    class Background(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            self.task = asyncio.ensure_future(self.later(stream))

        async def later(self, stream: Stream) -> None:
            await asyncio.sleep(0.005)
            stream.reply(299, body="later")

    assert FilterTester(Background, reply=Reply(never=True)).request().status == 299
