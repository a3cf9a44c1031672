"""Calls from extensions to clusters, through an engine in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from headgate.api import Headers, RequestHead
from headgate.api.errors import ExtensionError
from headgate.api.registry import ExtensionScope, collecting
from headgate.api.stream_filter import ClassFactory, StreamFilter, StreamFilterFactory, stream_filter
from headgate.api.upstream_call import UpstreamCaller, UpstreamReceiver, upstream_caller
from headgate.observe.stats_store import StatsStore
from headgate.testing import InMemoryProxy, ReceivedRequest, Reply


class Answer(UpstreamReceiver):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.done = asyncio.Event()

    def on_upstream_response(self, status: int, headers: Headers, body: bytes, trailers: Headers | None) -> None:
        self.heard.append((status, headers, body, trailers))
        self.done.set()

    def on_upstream_failure(self, kind: str, message: str) -> None:
        self.heard.append((kind, message))
        self.done.set()


class World:
    """A proxy in memory and the caller of its configuration."""

    def __init__(
        self, configuration: Callable[..., dict[str, object]], reply: Reply | Callable[[ReceivedRequest], Reply], **parts: object
    ) -> None:
        callers: list[UpstreamCaller] = []

        def create(config: object) -> StreamFilterFactory:
            callers.append(upstream_caller())
            return ClassFactory(StreamFilter, config)

        scope = ExtensionScope()
        with collecting(scope):
            stream_filter("caller")(create)
        responder = reply if callable(reply) else lambda _: reply
        self.stats = StatsStore()
        self.proxy = InMemoryProxy(configuration(stream_filters=[{"type": "caller"}], **parts), scope, responder, self.stats)
        self.proxy.connect("listener")  # binds it to the loop
        self.caller = callers[0]

    def start(
        self, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b"", timeout: float = 5.0, **more: Any
    ) -> Answer:
        answer = Answer()
        head = RequestHead(method, "/path", Headers.of({"Host": "inner", **(headers or {})}))
        answer.call = self.caller.start(more.pop("cluster", "upstream"), head, body, timeout, answer, **more)  # type: ignore[attr-defined]  # for the test
        return answer

    async def call(self, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b"", **more: Any) -> tuple[Any, ...]:
        answer = self.start(method, headers, body, **more)
        await asyncio.wait_for(answer.done.wait(), 10.0)
        assert len(answer.heard) == 1
        return answer.heard[0]

    def host(self) -> dict[str, int]:
        counters = self.stats.host("upstream", "127.0.0.1:2").snapshot()
        return {**counters["counters"], **counters["gauges"]}


Run = Callable[..., Any]


@pytest.fixture
def world(configuration: Callable[..., dict[str, object]]) -> Run:
    """Runs a scenario in a world."""

    def run(
        scenario: Callable[[World], Awaitable[object]], reply: Reply | Callable[[ReceivedRequest], Reply] | None = None, **parts: object
    ) -> object:
        async def body() -> object:
            made = World(configuration, reply or Reply(), **parts)
            try:
                return await scenario(made)
            finally:
                made.proxy.close()
                await asyncio.sleep(0)

        return asyncio.run(body())

    return run


def test_an_answer_with_body_and_trailers(world: Run) -> None:
    async def scenario(made: World) -> None:
        status, headers, body, trailers = await made.call("POST", {"x": "1"}, b"question")
        assert (status, headers.get("a"), body, trailers.get("t")) == (201, "b", b"onetwo", "3")
        seen = made.proxy.upstream.requests[0]
        assert (seen.method, seen.target, seen.headers.get("host"), seen.headers.get("x"), seen.body) == (
            "POST",
            "/path",
            "inner",
            "1",
            b"question",
        )
        assert (made.host()["request_total"], made.host()["request_active"], made.host()["response_success"]) == (1, 0, 1)

    world(scenario, Reply(201, {"a": "b"}, [b"one", b"two"], {"t": "3"}))


def test_connections_are_used_again(world: Run) -> None:
    async def scenario(made: World) -> None:
        for _ in range(3):
            assert (await made.call())[0] == 200
        assert made.proxy.upstream.connections == 1

    world(scenario)


def test_framing_and_hop_by_hop_fields_are_taken_out(world: Run) -> None:
    bad = {
        "Transfer-Encoding": "chunked",
        "Content-Length": "999",
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "TE": "trailers",
        "Upgrade": "h2c",
    }

    async def scenario(made: World) -> None:
        assert (await made.call("POST", bad, b"abc"))[0] == 200
        assert (await made.call("GET", bad))[0] == 200
        first, second = made.proxy.upstream.requests
        assert dict(first.headers.items()) == {"host": "inner", "content-length": "3"}
        assert (dict(second.headers.items()), first.body, second.body) == ({"host": "inner"}, b"abc", b"")

    world(scenario)


def test_an_empty_authority_is_sent_as_it_is(world: Run) -> None:
    """RFC 9112 section 3.2; a filter for Envoy may do it."""

    async def scenario(made: World) -> None:
        assert (await made.call("GET", {"Host": ""}))[0] == 200
        assert dict(made.proxy.upstream.requests[0].headers.items()) == {"host": ""}

    world(scenario)


@pytest.mark.parametrize(("method", "headers"), [("G T", {}), ("GET\r\nX: 1", {}), ("GET", {"Connection": "host"})])
def test_a_request_that_cannot_be_sent(world: Run, method: str, headers: dict[str, str]) -> None:
    async def scenario(made: World) -> None:
        assert (await made.call(method, headers))[0] == "bad_request"
        assert made.proxy.upstream.requests == []

    world(scenario)


def test_an_unknown_cluster_fails(world: Run) -> None:
    async def scenario(made: World) -> None:
        assert (await made.call(cluster="nowhere"))[0] == "unknown_cluster"
        assert (made.caller.has_cluster("nowhere"), made.caller.has_cluster("upstream")) == (False, True)

    world(scenario)


def test_the_time_limit(world: Run) -> None:
    async def scenario(made: World) -> None:
        assert (await made.call(timeout=0.03))[0] == "timeout"
        counts = made.host()
        assert (counts["request_timeout"], counts["request_active"], counts["response_failed"]) == (1, 0, 1)

    world(scenario, Reply(never=True))


def test_cancelled_calls_say_nothing(world: Run, until: Callable[[Callable[[], bool]], Awaitable[None]]) -> None:
    async def scenario(made: World) -> None:
        answer = made.start()
        await until(lambda: bool(made.proxy.upstream.requests))
        answer.call.cancel()  # type: ignore[attr-defined]  # put there by the world
        answer.call.cancel()  # type: ignore[attr-defined]  # put there by the world
        early = made.start()
        early.call.cancel()  # type: ignore[attr-defined]  # put there by the world
        await asyncio.sleep(0.05)
        assert (answer.heard, early.heard, made.host()["request_active"]) == ([], [], 0)
        assert made.host()["connection_active"] <= 1

    world(scenario, Reply(never=True))


@pytest.mark.parametrize("reply", [Reply(body=b"x" * 2000), Reply(body=[b"x" * 900, b"x" * 900])], ids=["announced", "chunked"])
def test_answers_beyond_the_limit(world: Run, reply: Reply) -> None:
    async def scenario(made: World) -> None:
        assert (await made.call(max_response=1000))[0] == "too_large"
        assert made.host()["request_active"] == 0

    world(scenario, reply)


def test_hosts_that_do_not_answer_properly(world: Run) -> None:
    async def scenario(made: World) -> None:
        assert (await made.call())[0] == "reset"
        made.proxy.upstream.refuse = True
        assert (await made.call())[0] == "connect"
        assert (made.host()["response_failed"], made.host()["request_active"]) == (2, 0)

    world(scenario, Reply(raw=b"no HTTP\r\n\r\n", close=True))


def test_a_stale_connection_is_replaced_for_idempotent_methods_only(world: Run) -> None:
    replies = iter([Reply(), Reply(raw=b"", close=True, never=True), Reply(), Reply(raw=b"", close=True, never=True)])

    async def scenario(made: World) -> None:
        assert (await made.call())[0] == 200
        assert (await made.call())[0] == 200
        assert (await made.call("POST"))[0] == "reset"

    world(scenario, lambda _: next(replies))


def test_the_clusters_breaker_counts_calls(world: Run) -> None:
    breaker = {"circuit_breakers": [{"max_requests": 1}]}

    async def scenario(made: World) -> None:
        held = made.start()
        assert (await made.call())[0] == "overflow"
        held.call.cancel()  # type: ignore[attr-defined]  # put there by the world
        after = made.start()
        assert after.heard == []
        after.call.cancel()  # type: ignore[attr-defined]  # put there by the world

    world(scenario, Reply(never=True), cluster=breaker)


def test_callers_are_for_what_is_built() -> None:
    with pytest.raises(ExtensionError, match="while a configuration is built"):
        upstream_caller()
