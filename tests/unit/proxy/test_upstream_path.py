"""The exchange with the host: retries, time limits, limits of the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from headgate.api import Stream, StreamFilter
from headgate.api.registry import collecting
from headgate.api.stream_filter import stream_filter
from headgate.testing import InMemoryProxy, ReceivedRequest, Reply

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

Until = Callable[[Callable[[], bool]], Awaitable[None]]

HOST = "127.0.0.1:2"


def in_turn(*replies: Reply) -> Callable[[ReceivedRequest], Reply]:
    """Answers one after the other; the last for ever."""
    left: Iterator[Reply] = iter(replies[:-1])
    return lambda _: next(left, replies[-1])


def to_upstream(**route: object) -> list[Mapping[str, object]]:
    """One route with these keys in its action."""
    return [{"match": {"prefix": "/"}, "route": {"cluster_name": "upstream", **route}}]


def policy(**keys: object) -> list[Mapping[str, object]]:
    """A route with a retry policy."""
    return to_upstream(retry_policy={"retry_on": True, **keys})


def exchange(
    bench: Bench,
    reply: Reply | Callable[[ReceivedRequest], Reply],
    method: str = "GET",
    body: bytes | list[bytes] = b"",
    headers: Mapping[str, str] | None = None,
    first: str = "",
    **parts: object,
) -> tuple[int, list[ReceivedRequest]]:
    """One request (``first``: after another one on the same connections); its status and what the host saw."""

    async def scenario(proxy: InMemoryProxy) -> tuple[int, list[ReceivedRequest]]:
        client = proxy.connect("listener")
        if first:
            assert (await client.exchange(first, "/first", {}, b"", None, 5)).status == 200
        result = await client.exchange(method, "/", headers or {}, body, None, 10)
        return result.status, proxy.upstream.requests

    status, requests = bench.run(scenario, reply, **parts)
    assert bench.stats.host("upstream", HOST).request_active == 0
    return status, requests


def with_variables(bench: Bench, **variables: object) -> list[Mapping[str, object]]:
    """A filter entry that sets stream variables."""

    class Sets(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> None:
            stream.variables.update(variables)

    with collecting(bench.scope):
        stream_filter("sets")(Sets)
    return [{"type": "sets"}]


# --- the retry policy


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_bad_statuses_are_retried(bench: Bench, status: int) -> None:
    got, requests = exchange(bench, in_turn(Reply(status), Reply(status), Reply()), routes=policy(num_retries=2))
    assert got == 200
    assert len(requests) == 3
    assert bench.stats.cluster("upstream").request_retry == 2


def test_only_named_statuses_are_retried(bench: Bench) -> None:
    routes = policy(num_retries=2, status_codes=[404])
    assert exchange(bench, in_turn(Reply(404), Reply()), routes=routes)[0] == 200
    assert exchange(bench, in_turn(Reply(500), Reply()), routes=routes)[0] == 500


def test_the_last_answer_stands_when_the_retries_are_used_up(bench: Bench) -> None:
    got, requests = exchange(bench, Reply(503, body=b"busy"), routes=policy(num_retries=2))
    assert got == 503
    assert len(requests) == 3


def test_without_retry_on_a_status_is_not_retried(bench: Bench) -> None:
    routes = to_upstream(retry_policy={"retry_on": False, "num_retries": 5})
    got, requests = exchange(bench, in_turn(Reply(503), Reply()), routes=routes)
    assert got == 503
    assert len(requests) == 1


def test_sender_filters_see_the_answer_that_stands_only(bench: Bench) -> None:
    seen: list[int] = []

    class Sees(StreamFilter[object]):
        def on_send(self, stream: Stream) -> None:
            assert stream.response is not None
            seen.append(stream.response.status)

    with collecting(bench.scope):
        stream_filter("sees")(Sees)
    exchange(bench, in_turn(Reply(503), Reply()), routes=policy(), stream_filters=[{"type": "sees"}])
    assert seen == [200]


@pytest.mark.parametrize("value", [True, False])
def test_proxy_disable_retry(bench: Bench, value: bool) -> None:
    filters = with_variables(bench, proxy_disable_retry=value)
    got, _ = exchange(bench, in_turn(Reply(503), Reply()), routes=policy(), stream_filters=filters)
    assert got == (503 if value else 200)


def test_a_reset_is_retried_under_the_policy_only(bench: Bench) -> None:
    cut = Reply(raw=b"HTTP/1.1 2", close=True)
    assert exchange(bench, in_turn(cut, Reply()), "POST", routes=policy())[0] == 200
    assert exchange(bench, in_turn(cut, Reply()), "GET")[0] == 502


def test_a_response_that_has_begun_is_not_retried(bench: Bench) -> None:
    cut = Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", close=True)

    async def scenario(proxy: InMemoryProxy) -> int:
        result = await proxy.connect("listener").exchange("GET", "/", {}, b"", None, 5)
        assert result.closed
        assert not result.complete
        return len(proxy.upstream.requests)

    assert bench.run(scenario, in_turn(cut, Reply()), routes=policy()) == 1


@pytest.mark.parametrize(
    ("raw", "reason"), [(b"nonsense\r\n\r\n", "malformed"), (b"HTTP/1.1 101 No\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "101")]
)
def test_malformed_response_is_502(bench: Bench, raw: bytes, reason: str) -> None:
    got, requests = exchange(bench, Reply(raw=raw))
    assert got == 502, reason
    assert len(requests) == 1


# --- bodies are sent again


@pytest.mark.parametrize("body", [b"x" * 1000, [b"ab", b"cd"], b"y" * 65536])
def test_a_body_up_to_64_kib_is_replayed(bench: Bench, body: bytes | list[bytes]) -> None:
    got, requests = exchange(bench, in_turn(Reply(503), Reply()), "POST", body, routes=policy())
    assert got == 200
    whole = body if isinstance(body, bytes) else b"".join(body)
    assert [request.body for request in requests] == [whole, whole]


def test_a_longer_body_is_not(bench: Bench) -> None:
    got, requests = exchange(bench, in_turn(Reply(503), Reply()), "POST", b"y" * 65537, routes=policy())
    assert got == 503
    assert len(requests) == 1


# --- no connection


def test_no_connection_tries_each_host_once_whatever_the_method(bench: Bench) -> None:
    async def scenario(proxy: InMemoryProxy) -> int:
        proxy.upstream.refuse = True
        return (await proxy.connect("listener").exchange("POST", "/", {}, b"abc", None, 5)).status

    hosts = [f"127.0.0.1:{port}" for port in (2, 3, 4)]
    assert bench.run(scenario, hosts=hosts) == 502
    assert [bench.stats.host("upstream", host).connection_con_fail for host in hosts] == [1, 1, 1]


def test_another_host_serves_when_one_cannot_be_reached(bench: Bench) -> None:
    async def scenario(proxy: InMemoryProxy) -> int:
        proxy.upstream.refuse = True
        client = proxy.connect("listener")
        answer = asyncio.ensure_future(client.exchange("POST", "/", {}, b"abc", None, 5))
        while sum(bench.stats.host("upstream", host).connection_con_fail for host in hosts) == 0:
            await asyncio.sleep(0)
        proxy.upstream.refuse = False
        status = (await answer).status
        assert [request.body for request in proxy.upstream.requests] == [b"abc"]
        return status

    hosts = [f"127.0.0.1:{port}" for port in (2, 3)]
    assert bench.run(scenario, hosts=hosts) == 200
    assert sorted(bench.stats.host("upstream", host).request_total for host in hosts) == [1, 1]


# --- a reused connection that was closed


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [("GET", b"", 200), ("PUT", b"abc", 200), ("DELETE", b"", 200), ("POST", b"abc", 502), ("PATCH", b"", 502), ("PUT", b"x" * 70000, 502)],
)
def test_stale_connection(bench: Bench, method: str, body: bytes, status: int) -> None:
    """Closed by the host before a byte of the response: repeated once on a fresh connection, if that is safe."""
    stale = Reply(close=True, never=True)
    got, requests = exchange(bench, in_turn(Reply(), stale, Reply()), method, body, first="GET")
    assert got == status
    assert len(requests) == (3 if status == 200 else 2)


def test_stale_is_repeated_once_only(bench: Bench) -> None:
    stale = Reply(close=True, never=True)
    got, requests = exchange(bench, in_turn(Reply(), stale, stale, Reply()), first="GET")
    assert got == 502
    assert len(requests) == 3


# --- time limits


def test_route_timeout_is_504(bench: Bench) -> None:
    assert exchange(bench, Reply(never=True), routes=to_upstream(timeout="60ms"))[0] == 504
    stats = bench.stats.host("upstream", HOST)
    assert stats.request_timeout == 1
    assert stats.connection_active == 0, "the connection of a request that was given up is not used again"


def test_per_try_timeout_is_retried(bench: Bench) -> None:
    routes = to_upstream(timeout="10s", retry_policy={"retry_on": True, "retry_timeout": "40ms", "num_retries": 1})
    assert exchange(bench, in_turn(Reply(never=True), Reply()), routes=routes)[0] == 200
    assert bench.stats.host("upstream", HOST).request_timeout == 1


def test_per_try_timeout_is_504_in_the_end(bench: Bench) -> None:
    routes = to_upstream(timeout="10s", retry_policy={"retry_on": True, "retry_timeout": "40ms", "num_retries": 1})
    got, requests = exchange(bench, Reply(never=True), routes=routes)
    assert got == 504
    assert len(requests) == 2


def test_proxy_try_timeout(bench: Bench) -> None:
    routes = to_upstream(timeout="10s", retry_policy={"retry_on": True, "retry_timeout": "9s", "num_retries": 1})
    filters = with_variables(bench, proxy_try_timeout=40)
    assert exchange(bench, in_turn(Reply(never=True), Reply()), routes=routes, stream_filters=filters)[0] == 200


@pytest.mark.parametrize("value", [50, 50.0, "50"])
def test_proxy_global_timeout(bench: Bench, value: object) -> None:
    filters = with_variables(bench, proxy_global_timeout=value)
    assert exchange(bench, Reply(never=True), routes=to_upstream(timeout="30s"), stream_filters=filters)[0] == 504


def test_timeout_header_shortens(bench: Bench) -> None:
    headers = {"x-mosn-global-timeout": "50"}
    assert exchange(bench, Reply(never=True), headers=headers, routes=to_upstream(timeout="30s"))[0] == 504


@pytest.mark.parametrize("value", ["30000", "0", "-1", "soon", "99999999999999"])
def test_timeout_header_does_not_lengthen(bench: Bench, value: str) -> None:
    headers = {"x-mosn-global-timeout": value}
    assert exchange(bench, Reply(never=True), headers=headers, routes=to_upstream(timeout="60ms"))[0] == 504


# --- limits of the cluster


def limited(**limits: int) -> dict[str, object]:
    return {"circuit_breakers": [limits]}


def second_status(bench: Bench, until: Until, cluster: Mapping[str, object]) -> int:
    """The status of a request while another one is under way."""

    async def scenario(proxy: InMemoryProxy) -> int:
        first = proxy.connect("listener")
        first.send_raw(b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n")
        await until(lambda: len(proxy.upstream.requests) == 1)
        result = await proxy.connect("listener").exchange("GET", "/", {}, b"", None, 0.2)
        first.leave()
        return result.status

    def answer(request: ReceivedRequest) -> Reply:
        return Reply(never=request.target == "/first")

    return bench.run(scenario, answer, cluster=cluster)


def test_max_requests(bench: Bench, until: Until) -> None:
    assert second_status(bench, until, limited(max_requests=1)) == 503
    assert second_status(bench, until, limited(max_requests=2)) == 200
    assert bench.stats.cluster("upstream").request_pending_overflow == 1


def test_max_connections_makes_the_next_one_wait(bench: Bench, until: Until) -> None:
    assert second_status(bench, until, limited(max_connections=1)) == 0
    assert second_status(bench, until, limited(max_connections=2)) == 200


def test_a_waiting_request_gets_the_connection_that_is_given_back(bench: Bench) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        clients = [proxy.connect("listener") for _ in range(6)]
        results = await asyncio.gather(*(client.exchange("GET", "/", {}, b"", None, 5) for client in clients))
        assert [result.status for result in results] == [200] * 6
        assert proxy.upstream.connections == 2

    bench.run(scenario, cluster=limited(max_connections=2))


def test_max_pending(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> list[int]:
        first = proxy.connect("listener")
        first.send_raw(b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n")
        await until(lambda: len(proxy.upstream.requests) == 1)
        waiting, refused = proxy.connect("listener"), proxy.connect("listener")
        waiting.send_raw(b"GET /waiting HTTP/1.1\r\nHost: a.test\r\n\r\n")
        result = await refused.exchange("GET", "/", {}, b"", None, 5)
        first.leave()
        await until(lambda: b"200" in waiting.received)
        return [result.status]

    def answer(request: ReceivedRequest) -> Reply:
        return Reply(never=request.target == "/first")

    assert bench.run(scenario, answer, cluster=limited(max_connections=1, max_pending_requests=1)) == [503]
    assert bench.stats.host("upstream", HOST).request_pending_overflow == 1


def test_max_retries(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> list[int]:
        first = proxy.connect("listener")
        first.send_raw(b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n")
        await until(lambda: len(proxy.upstream.requests) == 2)
        result = await proxy.connect("listener").exchange("GET", "/", {}, b"", None, 5)
        first.leave()
        return [result.status]

    tries: list[str] = []

    def answer(request: ReceivedRequest) -> Reply:
        tries.append(request.target)
        return Reply(never=True) if tries.count("/first") == 2 and request.target == "/first" else Reply(500)

    assert bench.run(scenario, answer, routes=policy(), cluster=limited(max_retries=1)) == [500]
    assert tries == ["/first", "/first", "/"]
    assert bench.stats.cluster("upstream").request_retry_overflow == 1


def test_places_in_the_breaker_are_given_back(bench: Bench) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        for _ in range(5):
            assert (await client.exchange("GET", "/", {}, b"", None, 5)).status in (200, 500)

    limits = limited(max_requests=1, max_pending_requests=1, max_connections=1, max_retries=1)
    bench.run(scenario, in_turn(Reply(500), Reply(), Reply(500), Reply(), Reply(500), Reply()), routes=policy(), cluster=limits)
    assert bench.stats.cluster("upstream").request_retry_overflow == 0


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b"abc"), ("POST", [b"a", b"b"])])
def test_route_timeout_counts_while_a_request_waits_for_a_connection(
    bench: Bench, until: Until, method: str, body: bytes | list[bytes]
) -> None:
    async def scenario(proxy: InMemoryProxy) -> int:
        first = proxy.connect("listener")
        first.send_raw(b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n")
        await until(lambda: len(proxy.upstream.requests) == 1)
        result = await proxy.connect("listener").exchange(method, "/", {}, body, None, 5)
        return result.status

    routes: list[Mapping[str, object]] = [
        {"match": {"path": "/first"}, "route": {"cluster_name": "upstream", "timeout": "30s"}},
        *to_upstream(timeout="60ms"),
    ]
    assert bench.run(scenario, Reply(never=True), routes=routes, cluster=limited(max_connections=1)) == 504
