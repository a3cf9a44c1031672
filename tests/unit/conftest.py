"""What unit tests share: a worker in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import pytest

from headgate.api.registry import ExtensionScope
from headgate.observe.stats_store import StatsStore
from headgate.testing import InMemoryProxy, ReceivedRequest, Reply

ResultT = TypeVar("ResultT")


def configuration(
    *,
    routes: Sequence[Mapping[str, object]] = ({"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},),
    stream_filters: Sequence[Mapping[str, object]] = (),
    http1: Mapping[str, object] | None = None,
    listener: Mapping[str, object] | None = None,
    cluster: Mapping[str, object] | None = None,
    virtual_host: Mapping[str, object] | None = None,
    hosts: Sequence[str] = ("127.0.0.1:2",),
) -> dict[str, object]:
    """A configuration with one listener, one router and one cluster named ``upstream``."""
    proxy: dict[str, object] = {
        "type": "proxy",
        "config": {"downstream_protocol": "Http1", "router_config_name": "router", "extend_config": {"Http1": dict(http1 or {})}},
    }
    return {
        "servers": [
            {
                "routers": [
                    {
                        "router_config_name": "router",
                        "virtual_hosts": [{"name": "host", "domains": ["*"], "routers": list(routes), **(virtual_host or {})}],
                    }
                ],
                "listeners": [
                    {
                        "name": "listener",
                        "address": "127.0.0.1:1",
                        "bind_port": True,
                        "filter_chains": [{"filters": [proxy]}],
                        "stream_filters": list(stream_filters),
                        **(listener or {}),
                    }
                ],
            }
        ],
        "cluster_manager": {
            "clusters": [
                {
                    "name": "upstream",
                    "type": "STATIC",
                    "lb_type": "LB_ROUNDROBIN",
                    "hosts": [{"address": host} for host in hosts],
                    **(cluster or {}),
                }
            ]
        },
    }


@pytest.fixture(name="configuration")
def configuration_fixture() -> Callable[..., dict[str, object]]:
    """Makes configurations."""
    return configuration


class Bench:
    """Runs a scenario against a worker in memory."""

    def __init__(self) -> None:
        self.scope = ExtensionScope()
        self.stats = StatsStore()

    def run(
        self,
        scenario: Callable[[InMemoryProxy], Awaitable[ResultT]],
        reply: Reply | Callable[[ReceivedRequest], Reply] | None = None,
        **parts: object,
    ) -> ResultT:
        """Build a configuration of ``parts`` (see ``configuration``), run the scenario, close everything."""
        answer = reply or Reply()

        async def body() -> ResultT:
            responder = answer if callable(answer) else lambda _: answer
            proxy = InMemoryProxy(configuration(**parts), self.scope, responder, self.stats)  # type: ignore[arg-type]  # forwarded as they come
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
