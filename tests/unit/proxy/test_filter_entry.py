"""An entry's own keys: match, configuration per route, quarantine."""

from __future__ import annotations

import asyncio

from headgate.api import (
    Phase,
    Status,
    Stream,
    StreamFilter,
)
from headgate.testing import FilterTester


def test_match_keeps_other_requests_out() -> None:
    class Deny(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            stream.reply(403)
            return Status.STOP

    headers = [{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "^b", "regex": True}]
    match = {"path_prefix": "/api", "methods": ["POST"], "headers": headers}
    tester = FilterTester(Deny, entry={"match": match})
    good = {"X-A": "1", "X-B": "bb"}
    assert tester.request("POST", "/api/x", good).status == 403
    assert tester.request("POST", "/%61pi/x", good).status == 403, "percent-encoding is no way around"
    assert tester.request("GET", "/api/x", good).status == 200
    assert tester.request("POST", "/other", good).status == 200
    assert tester.request("POST", "/api/x", {"X-A": "1"}).status == 200
    assert tester.request("POST", "/api/x", {"X-A": "2", "X-B": "b"}).status == 200
    assert tester.stats.calls == 2


def test_per_route_configuration_is_merged_by_the_engine() -> None:
    class Check(StreamFilter[dict[str, str]]):
        phase = Phase.AFTER_ROUTE

        def on_receive(self, stream: Stream) -> Status:
            stream.reply(200, body=",".join(f"{key}={value}" for key, value in sorted(self.config.items())))
            return Status.STOP

    tester = FilterTester(
        Check,
        {"User": "global", "level": "listener"},
        entry={"name": "check"},
        virtual_host={"per_filter_config": {"check": {"User": "host"}}},
        routes=[
            {"match": {"path": "/route"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"check": {"User": "route"}}},
            {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
        ],
    )
    assert tester.request("GET", "/route").body == b"User=route,level=listener"
    assert tester.request("GET", "/").body == b"User=host,level=listener"


def test_quarantine_sets_a_failing_filter_aside_and_brings_it_back() -> None:
    broken = [True]

    class Flaky(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            if broken[0]:
                raise ValueError("boom")

    quarantine = {"max_failures": 2, "window": "10s", "backoff": "50ms"}
    tester = FilterTester(Flaky, entry={"quarantine": quarantine})

    async def body() -> None:
        proxy = tester.proxy()

        async def get() -> int:
            client = proxy.connect("listener")
            exchange = await client.exchange("GET", "/", {}, b"", None, 5)
            client.leave()
            return exchange.status

        assert [await get() for _ in range(2)] == [500, 500]
        assert tester.stats.quarantined == 1
        calls = tester.stats.calls
        assert await get() == 503
        assert tester.stats.calls == calls, "it is not called while set aside"
        broken[0] = False
        status = 503
        while tester.stats.quarantined:
            await asyncio.sleep(0.01)
            status = await get()
        assert status == 200
        assert tester.stats.quarantines == 1
        proxy.close()

    asyncio.run(body())


def test_quarantine_of_an_allowing_filter_lets_requests_pass() -> None:
    class Broken(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            raise ValueError("boom")

    tester = FilterTester(Broken, entry={"quarantine": {"max_failures": 1}, "on_error": "allow"})

    async def body() -> None:
        proxy = tester.proxy()
        for _ in range(3):
            client = proxy.connect("listener")
            assert (await client.exchange("GET", "/", {}, b"", None, 5)).status == 200
            client.leave()
        proxy.close()

    asyncio.run(body())
    assert tester.stats.calls == 1
