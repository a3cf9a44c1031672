"""The wheel of deadlines: moved later, moved earlier, removed; never early."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from headgate.net.deadlines import RESOLUTION, DeadlineWheel, Timed

Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Item(Timed):
    """Notes when its deadline came."""

    def __init__(self, name: str = "", log: list[str] | None = None) -> None:
        super().__init__()
        self.fired: list[float] = []
        self.name = name
        self.log = log if log is not None else []

    def on_deadline(self) -> None:
        self.fired.append(monotonic())
        self.log.append(self.name)


def run(scenario: Callable[[DeadlineWheel], Awaitable[None]]) -> None:
    async def body() -> None:
        async with asyncio.timeout(20):
            await scenario(DeadlineWheel())

    asyncio.run(body())


@pytest.mark.parametrize("delay", [0.0, 0.001, RESOLUTION, 0.055])
def test_never_early_and_once(until: Until, delay: float) -> None:
    async def scenario(wheel: DeadlineWheel) -> None:
        item, after = Item(), Item()
        when = monotonic() + delay
        wheel.arm(item, when)
        wheel.arm(after, when + 3 * RESOLUTION)
        await until(lambda: bool(after.fired))
        assert len(item.fired) == 1
        assert item.fired[0] >= when
        assert item.deadline == 0.0
        assert item.tick == 0

    run(scenario)


def test_a_deadline_in_the_past_comes_soon_but_not_within_the_call(until: Until) -> None:
    async def scenario(wheel: DeadlineWheel) -> None:
        item = Item()
        wheel.arm(item, monotonic() - 100)
        assert not item.fired
        await until(lambda: bool(item.fired))

    run(scenario)


def test_moved_later_by_a_store_alone(until: Until) -> None:
    """What connections do at each request: the wheel finds out when the old slot comes up."""

    async def scenario(wheel: DeadlineWheel) -> None:
        log: list[str] = []
        moved, old = Item("moved", log), Item("old", log)
        first = monotonic() + RESOLUTION
        wheel.arm(moved, first)
        wheel.arm(old, first)
        later = first + 4 * RESOLUTION
        moved.deadline = later
        await until(lambda: bool(moved.fired))
        assert log == ["old", "moved"]
        assert moved.fired[0] >= later

    run(scenario)


def test_moved_earlier(until: Until) -> None:
    async def scenario(wheel: DeadlineWheel) -> None:
        item = Item()
        wheel.arm(item, monotonic() + 3600)
        soon = monotonic() + RESOLUTION
        wheel.arm(item, soon)
        await until(lambda: bool(item.fired))
        assert item.fired[0] >= soon

    run(scenario)


def test_order_across_slots(until: Until) -> None:
    async def scenario(wheel: DeadlineWheel) -> None:
        log: list[str] = []
        items = [Item(name, log) for name in "cabd"]
        now = monotonic()
        for item, slot in zip(items, (3, 1, 2, 4), strict=True):
            wheel.arm(item, now + slot * RESOLUTION)
        await until(lambda: len(log) == 4)
        assert log == ["a", "b", "c", "d"]

    run(scenario)


@pytest.mark.parametrize("how", ["remove", "arm 0", "store 0"])
def test_taken_back(until: Until, how: str) -> None:
    async def scenario(wheel: DeadlineWheel) -> None:
        gone, after = Item(), Item()
        wheel.arm(gone, monotonic() + RESOLUTION)
        wheel.arm(after, monotonic() + 3 * RESOLUTION)
        if how == "remove":
            wheel.remove(gone)
            assert gone.tick == 0
        elif how == "arm 0":
            wheel.arm(gone, 0.0)
        else:
            gone.deadline = 0.0
        await until(lambda: bool(after.fired))
        assert not gone.fired
        wheel.arm(gone, monotonic() + RESOLUTION)
        await until(lambda: bool(gone.fired))

    run(scenario)


def test_removing_a_neighbour_from_within_a_deadline(until: Until) -> None:
    """One connection's timeout may end another one that stands in the same slot."""

    async def scenario(wheel: DeadlineWheel) -> None:
        class Killer(Item):
            victim: Timed

            def on_deadline(self) -> None:
                super().on_deadline()
                wheel.remove(self.victim)

        first, second, after = Killer(), Killer(), Item()
        first.victim, second.victim = second, first
        when = monotonic() + RESOLUTION
        wheel.arm(first, when)
        wheel.arm(second, when)
        wheel.arm(after, when + 3 * RESOLUTION)
        await until(lambda: bool(after.fired))
        assert len(first.fired) + len(second.fired) == 1

    run(scenario)


def test_arming_again_from_within_a_deadline(until: Until) -> None:
    async def scenario(wheel: DeadlineWheel) -> None:
        class Again(Item):
            def on_deadline(self) -> None:
                super().on_deadline()
                if len(self.fired) < 4:
                    wheel.arm(self, monotonic())

        item = Again()
        wheel.arm(item, monotonic())
        await until(lambda: len(item.fired) == 4)

    run(scenario)


def test_one_that_raises_takes_no_other_with_it(until: Until, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(wheel: DeadlineWheel) -> None:
        class Broken(Item):
            def on_deadline(self) -> None:
                super().on_deadline()
                raise RuntimeError("broken")

        when = monotonic() + RESOLUTION
        broken, good = [Broken() for _ in range(8)], [Item() for _ in range(8)]
        later = Item()
        for item in (*broken, *good):
            wheel.arm(item, when)
        wheel.arm(later, when + 3 * RESOLUTION)
        await until(lambda: bool(later.fired))
        assert [len(item.fired) for item in (*broken, *good)] == [1] * 16

    with caplog.at_level(logging.ERROR, "headgate.net"):
        run(scenario)
    assert len(caplog.records) == 8


def test_what_is_armed_far_ahead_during_a_turn_does_not_delay_the_slots_before_it(until: Until) -> None:
    class Rearming(Item):
        wheel: DeadlineWheel

        def on_deadline(self) -> None:
            super().on_deadline()
            self.wheel.arm(self, monotonic() + 60)

    async def scenario(wheel: DeadlineWheel) -> None:
        first, second = Rearming(), Item()
        first.wheel = wheel
        now = monotonic()
        wheel.arm(first, now + RESOLUTION)
        wheel.arm(second, now + 4 * RESOLUTION)
        await until(lambda: bool(second.fired))
        assert len(first.fired) == 1

    run(scenario)
