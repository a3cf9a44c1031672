"""Replaced configurations go when nothing uses them any more, and leave no memory behind."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import cast

import pytest

from headgate.api.registry import ExtensionScope
from headgate.config import parse
from headgate.observe.stats import StatsStore
from headgate.proxy.listener import ListenerRuntime
from headgate.proxy.runtime import Runtime
from headgate.proxy.worker_context import WorkerContext
from headgate.server.worker_retirement import Retirement, settle

Make = Callable[..., dict[str, object]]


class FakeListener:
    """A listener that says how many connections it has."""

    def __init__(self) -> None:
        self.active_connections = 1


def build(configuration: Make) -> Runtime:
    async def in_loop() -> Runtime:
        context = WorkerContext(StatsStore())
        context.bind(asyncio.get_running_loop())
        return Runtime.build(parse(configuration()).config, ExtensionScope(), context)

    return asyncio.run(in_loop())


@pytest.fixture
def runtime(configuration: Make) -> Runtime:
    return build(configuration)


def test_goes_at_once_if_nothing_uses_it(runtime: Runtime) -> None:
    retirement = Retirement()
    retirement.add(runtime, [])
    assert retirement.runtimes == []
    assert runtime.generation.retired


def test_stays_while_requests_are_under_way(runtime: Runtime) -> None:
    retirement = Retirement()
    runtime.generation.active_streams = 1
    retirement.add(runtime, [])
    assert retirement.runtimes == [runtime]
    runtime.generation.stream_ended()
    retirement.tick(idle=True)
    assert retirement.runtimes == []


def test_is_not_closed_while_a_removed_listener_can_still_bring_requests(runtime: Runtime) -> None:
    retirement = Retirement()
    listener = FakeListener()
    retirement.add(runtime, [cast(ListenerRuntime, listener)])
    retirement.tick(idle=True)
    assert (runtime.generation.retired, len(retirement.listeners)) == (False, 1)
    listener.active_connections = 0
    retirement.tick(idle=True)
    assert (runtime.generation.retired, len(retirement.listeners)) == (True, 0)


@pytest.mark.parametrize("ticks", [1, 30])
def test_frozen_memory_is_swept(configuration: Make, ticks: int) -> None:
    """At the first idle moment, or after a while in any case."""
    retirement = Retirement()
    built = [build(configuration)]
    clusters = weakref.ref(built[0].listeners["listener"].clusters)
    try:
        settle(first=False)
        retirement.add(built.pop(), [])
        for _ in range(ticks - 1):
            retirement.tick(idle=False)
        retirement.tick(idle=ticks == 1)
        assert clusters() is None
    finally:
        gc.unfreeze()
