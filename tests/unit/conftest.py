"""What unit tests share: a configuration, and a worker in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from headgate.api.registry import ExtensionScope
from headgate.observe.stats_store import StatsStore
from headgate.testing import InMemoryProxy, ReceivedRequest, Reply
from tests.simple_config import simple_config

ResultT = TypeVar("ResultT")


def configuration(*, hosts: Sequence[str] = ("127.0.0.1:2",), **parts: Any) -> dict[str, object]:
    """A configuration for a worker in memory; ``parts`` as of ``simple_config``."""
    return simple_config(*hosts, **parts)


@pytest.fixture(name="configuration")
def configuration_fixture() -> Callable[..., dict[str, object]]:
    """Makes configurations."""
    return configuration


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A file with such a configuration."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(configuration()))
    return path


class Bench:
    """Runs a scenario against a worker in memory."""

    def __init__(self) -> None:
        self.scope = ExtensionScope()
        self.stats = StatsStore()

    def run(
        self,
        scenario: Callable[[InMemoryProxy], Awaitable[ResultT]],
        reply: Reply | Callable[[ReceivedRequest], Reply] | None = None,
        **parts: Any,
    ) -> ResultT:
        """Build a configuration of ``parts`` (see ``configuration``), run the scenario, close everything."""
        answer = reply or Reply()

        async def body() -> ResultT:
            responder = answer if callable(answer) else lambda _: answer
            proxy = InMemoryProxy(configuration(**parts), self.scope, responder, self.stats)
            try:
                async with asyncio.timeout(20):
                    return await scenario(proxy)
            finally:
                proxy.close()
                await asyncio.sleep(0)

        return asyncio.run(body())


@pytest.fixture
def bench() -> Bench:
    """A worker in memory."""
    return Bench()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the scenario's time limit bounds it."""
    while not condition():
        await asyncio.sleep(0.001)


@pytest.fixture(name="until")
def until_fixture() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits for a condition."""
    return until
