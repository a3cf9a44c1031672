"""Transcripts of the downstream connection: what a client writes, what it gets, what the host sees."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from headgate.testing import InMemoryProxy, ReceivedRequest, Reply
from headgate.testing.memory_client import MemoryClient

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

Until = Callable[[Callable[[], bool]], Awaitable[None]]

HOST = b"Host: a.test\r\n"


def get(target: str, *lines: str, version: str = "1.1") -> bytes:
    """A request without a body."""
    return f"GET {target} HTTP/{version}\r\n".encode() + HOST + b"".join(line.encode() + b"\r\n" for line in lines) + b"\r\n"


def echo(request: ReceivedRequest) -> Reply:
    """Answers with the target and the body."""
    return Reply(body=f"<{request.method} {request.target} {request.body.decode('latin-1')}>".encode())


def bodies(received: bytes) -> list[str]:
    """The bodies that ``echo`` made, in order."""
    return re.findall(r"<([^>]*)>", received.decode("latin-1"))


def statuses(received: bytes) -> list[int]:
    """The statuses of the responses, in order."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def talk(
    bench: Bench,
    until: Until,
    data: bytes,
    done: Callable[[MemoryClient], bool],
    reply: Reply | Callable[[ReceivedRequest], Reply] = echo,
    split: bool = False,
    http1: Mapping[str, object] | None = None,
) -> tuple[bytes, bool, list[ReceivedRequest]]:
    """Send bytes, wait for a condition; what came back, whether the proxy closed, and what the host saw."""

    async def scenario(proxy: InMemoryProxy) -> tuple[bytes, bool, list[ReceivedRequest]]:
        client = proxy.connect("listener")
        for piece in [data[i : i + 1] for i in range(len(data))] if split else [data]:
            client.send_raw(piece)
        await until(lambda: done(client))
        for _ in range(5):
            await asyncio.sleep(0)
        return client.received, client.closed, list(proxy.upstream.requests)

    return bench.run(scenario, reply, http1=http1)


def ended(client: MemoryClient) -> bool:
    """The proxy has closed, or said that it sends nothing more."""
    return client.closed or client.half_closed


# --- pipelining

_PIPELINE = (
    get("/1")
    + b"POST /2 HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 3\r\n\r\nabc"
    + b"POST /3 HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n1\r\nf\r\n0\r\nX-Sum: 1\r\n\r\n"
    + b"\r\n"
    + get("/4")
)


@pytest.mark.parametrize("split", [False, True], ids=["one read", "byte by byte"])
def test_pipelined_requests_are_answered_in_order(bench: Bench, until: Until, split: bool) -> None:
    received, closed, _ = talk(bench, until, _PIPELINE, lambda client: len(bodies(client.received)) == 4, split=split)
    assert bodies(received) == ["GET /1 ", "POST /2 abc", "POST /3 def", "GET /4 "]
    assert statuses(received) == [200] * 4
    assert not closed


@pytest.mark.parametrize("at", range(1, len(_PIPELINE), 7))
def test_pipelined_requests_in_two_reads_split_anywhere(bench: Bench, until: Until, at: int) -> None:
    async def scenario(proxy: InMemoryProxy) -> bytes:
        client = proxy.connect("listener")
        client.send_raw(_PIPELINE[:at])
        await asyncio.sleep(0)
        client.send_raw(_PIPELINE[at:])
        await until(lambda: len(bodies(client.received)) == 4)
        return client.received

    assert bodies(bench.run(scenario, echo)) == ["GET /1 ", "POST /2 abc", "POST /3 def", "GET /4 "]


def test_a_thousand_pipelined_requests(bench: Bench, until: Until) -> None:
    data = b"".join(get(f"/{i}") for i in range(1000))
    received, _, _ = talk(bench, until, data, lambda client: len(bodies(client.received)) == 1000)
    assert bodies(received) == [f"GET /{i} " for i in range(1000)]


def test_pipelined_behind_a_slow_one_wait_and_reading_pauses(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(get("/slow") + get("/fast"))
        await until(lambda: len(proxy.upstream.requests) == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert [request.target for request in proxy.upstream.requests] == ["/slow"]
        assert client.received == b""

    bench.run(scenario, Reply(never=True))


# --- keep-alive


@pytest.mark.parametrize(
    ("version", "lines", "kept", "line"),
    [
        ("1.1", (), True, None),
        ("1.1", ("Connection: close",), False, "close"),
        ("1.1", ("Connection: CLOSE",), False, "close"),
        ("1.1", ("Connection: foo, close",), False, "close"),
        ("1.1", ("Connection: foo", "Connection: close"), False, "close"),
        ("1.1", ("Connection: keep-alive",), True, None),
        ("1.0", (), False, "close"),
        ("1.0", ("Connection: keep-alive",), True, "keep-alive"),
        ("1.0", ("Connection: Keep-Alive",), True, "keep-alive"),
        ("1.0", ("Connection: keep-alive, close",), False, "close"),
    ],
)
def test_keep_alive(bench: Bench, until: Until, version: str, lines: tuple[str, ...], kept: bool, line: str | None) -> None:
    data = get("/1", *lines, version=version) + get("/2", *lines, version=version)
    count = 2 if kept else 1
    received, closed, requests = talk(bench, until, data, lambda client: len(bodies(client.received)) == count and (kept or client.closed))
    assert len(requests) == count
    assert closed is not kept
    connection = re.search(rb"\r\nConnection: ([^\r]*)\r\n", received)
    assert (connection.group(1).decode() if connection else None) == line


def test_last_request_of_a_connection_says_so(bench: Bench, until: Until) -> None:
    data = get("/1") + get("/2") + get("/3")
    received, _, requests = talk(bench, until, data, ended, http1={"max_requests_per_connection": 2})
    assert [request.target for request in requests] == ["/1", "/2"]
    assert received.count(b"Connection: close\r\n") == 1


def test_a_request_without_host_is_served_under_1_0_only(bench: Bench, until: Until) -> None:
    received, _, requests = talk(bench, until, b"GET /x HTTP/1.0\r\n\r\n", ended)
    assert statuses(received) == [200]
    assert requests[0].headers.get_all("host") == [""]


# --- responses


def test_chunked_to_1_1_and_until_close_to_1_0(bench: Bench, until: Until) -> None:
    reply = Reply(body=[b"ab", b"c"])
    received, _, _ = talk(bench, until, get("/"), lambda client: client.received.endswith(b"0\r\n\r\n"), reply)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert body == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    received, closed, _ = talk(bench, until, get("/", "Connection: keep-alive", version="1.0"), ended, reply)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"ransfer-" not in head
    assert b"Connection: close" in head
    assert body == b"abc"
    assert closed


def test_body_until_close_upstream_is_chunked_for_the_client(bench: Bench, until: Until) -> None:
    reply = Reply(raw=b"HTTP/1.1 200 OK\r\n\r\nuntil the end", close=True)
    received, closed, _ = talk(bench, until, get("/"), lambda client: client.received.endswith(b"0\r\n\r\n"), reply)
    assert b"d\r\nuntil the end\r\n0\r\n\r\n" in received
    assert not closed


@pytest.mark.parametrize(
    ("request_line", "raw", "head_has"),
    [
        ("HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"Content-Length: 5"),
        ("HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"200 OK"),
        ("HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\n\r\n", b"200 OK"),
        ("GET / HTTP/1.1", b"HTTP/1.1 204 No Content\r\n\r\n", b"204 No Content"),
        ("GET / HTTP/1.1", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"304 Not Modified"),
        ("GET / HTTP/1.1", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b"ETag: x"),
    ],
)
def test_responses_without_a_body(bench: Bench, until: Until, request_line: str, raw: bytes, head_has: bytes) -> None:
    data = request_line.encode() + b"\r\n" + HOST + b"\r\n"
    received, closed, requests = talk(bench, until, data + data, lambda client: len(statuses(client.received)) == 2, Reply(raw=raw))
    first, second, rest = received.split(b"\r\n\r\n")
    assert head_has in first
    assert head_has in second
    assert rest == b""
    assert b"Transfer-Encoding" not in received or request_line.startswith("HEAD")
    assert not closed
    assert len(requests) == 2


def test_interim_responses_pass_to_1_1_only(bench: Bench, until: Until) -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    received, _, _ = talk(bench, until, get("/"), lambda client: client.received.endswith(b"ok"), Reply(raw=raw))
    assert statuses(received) == [103, 200]
    assert b"Link: </a>" in received
    received, _, _ = talk(bench, until, get("/", version="1.0"), ended, Reply(raw=raw))
    assert statuses(received) == [200]


def test_trailers_pass_down(bench: Bench, until: Until) -> None:
    reply = Reply(body=[b"a"], trailers={"X-Sum": "7"})
    received, _, _ = talk(bench, until, get("/"), lambda client: b"X-Sum" in client.received, reply)
    assert received.endswith(b"1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n")


def test_hop_by_hop_fields_stop_here_in_both_directions(bench: Bench, until: Until) -> None:
    reply = Reply(headers={"Connection": "x-hop", "X-Hop": "1", "Keep-Alive": "5", "X-Kept": "1", "Proxy-Authenticate": "Basic"})
    lines = ("Connection: x-one, keep-alive", "X-One: 1", "TE: trailers", "Keep-Alive: 5", "Proxy-Authorization: x", "X-Two: 2")
    received, _, requests = talk(bench, until, get("/", *lines), lambda client: b"upstream" in client.received, reply)
    for name in ("connection", "x-one", "te", "keep-alive", "proxy-authorization"):
        assert name not in requests[0].headers
    assert requests[0].headers.get("x-two") == "2"
    for line in (b"X-Hop", b"Keep-Alive", b"Proxy-Authenticate", b"Connection"):
        assert line not in received
    assert b"X-Kept: 1" in received


# --- 100 Continue


def test_continue_is_sent_when_the_body_is_wanted(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
        await until(lambda: client.received == b"HTTP/1.1 100 Continue\r\n\r\n")
        client.send_raw(b"abc")
        await until(lambda: bool(bodies(client.received)))
        assert statuses(client.received) == [100, 200]
        (request,) = proxy.upstream.requests
        assert request.body == b"abc"
        assert "expect" not in request.headers
        # The next request on the connection expects nothing.
        client.send_raw(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\nx")
        await until(lambda: len(bodies(client.received)) == 2)
        assert statuses(client.received) == [100, 200, 200]

    bench.run(scenario, echo)


def test_no_continue_when_the_request_is_answered_without_its_body(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(b"POST /none HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        await until(lambda: ended(client))
        assert statuses(client.received) == [404]
        assert b"Connection: close" in client.received

    bench.run(scenario, routes=[{"match": {"path": "/other"}, "route": {"cluster_name": "upstream"}}])


def test_unknown_expectation_is_417(bench: Bench, until: Until) -> None:
    received, _, requests = talk(bench, until, get("/", "Expect: the unexpected"), ended)
    assert statuses(received) == [417]
    assert not requests


# --- limits

_POST = b"POST / HTTP/1.1\r\n" + HOST


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (414, get("/" + "a" * 100)),
        (414, b"GET /" + b"a" * 300),
        (431, get("/", *(f"X-{i}: 1" for i in range(10)))),
        (431, get("/", "X: " + "a" * 300)),
        (431, b"GET / HTTP/1.1\r\nX: " + b"a" * 300),
        (413, _POST + b"Content-Length: 11\r\n\r\n"),
        (413, _POST + b"Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n"),
        (431, _POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: " + b"a" * 300 + b"\r\n\r\n"),
        (431, _POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: 1\r\n" * 20 + b"\r\n"),
        (505, b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
        (405, b"CONNECT a.test:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
)
@pytest.mark.parametrize("split", [False, True], ids=["one read", "byte by byte"])
def test_limits(bench: Bench, until: Until, status: int, data: bytes, split: bool) -> None:
    limits = {"max_header_size": 200, "max_header_count": 9, "max_target_length": 90, "max_request_body_size": 10}
    received, _, requests = talk(bench, until, data, ended, split=split, http1=limits)
    assert statuses(received) == [status]
    assert b"Connection: close" in received
    assert not requests


def test_within_the_limits(bench: Bench, until: Until) -> None:
    limits = {"max_header_size": 200, "max_header_count": 3, "max_target_length": 90, "max_request_body_size": 10}
    data = b"POST /" + b"a" * 89 + b" HTTP/1.1\r\n" + HOST + b"X: 1\r\nContent-Length: 10\r\n\r\n0123456789"
    received, _, _ = talk(bench, until, data, lambda client: bool(client.received), http1=limits)
    assert statuses(received) == [200]


def test_empty_lines_before_a_request_are_skipped(bench: Bench, until: Until) -> None:
    data = b"\r\n\r\n" + get("/1") + b"\r\n" + get("/2")
    received, _, _ = talk(bench, until, data, lambda client: len(bodies(client.received)) == 2, split=True)
    assert bodies(received) == ["GET /1 ", "GET /2 "]


# --- time limits and the client's leaving


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", []), (b"GET / HTTP/1.1\r\nHost", [408]), (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nabc", [408])],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_client_that_stalls(bench: Bench, until: Until, data: bytes, expected: list[int]) -> None:
    limits = {"header_timeout": "60ms", "body_idle_timeout": "60ms"}
    received, _, requests = talk(bench, until, data, ended, http1=limits)
    assert statuses(received) == expected
    assert not requests


def test_an_idle_connection_is_closed_without_a_word(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(get("/"))
        await until(lambda: client.closed)
        assert statuses(client.received) == [200]

    bench.run(scenario, listener={"connection_idle_timeout": "60ms"})


def test_a_client_that_leaves_cancels_the_request_upstream(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(get("/"))
        await until(lambda: len(proxy.upstream.requests) == 1)
        client.leave()
        await until(lambda: bench.stats.host("upstream", "127.0.0.1:2").connection_active == 0)

    bench.run(scenario, Reply(never=True))
    stats = bench.stats.host("upstream", "127.0.0.1:2")
    assert stats.request_local_reset == 1
    assert stats.request_active == 0


def test_a_response_cut_upstream_is_cut_for_the_client(bench: Bench, until: Until) -> None:
    for raw in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ):
        received, closed, _ = talk(bench, until, get("/"), ended, Reply(raw=raw, close=True))
        assert closed
        assert statuses(received) == [200]
        assert not received.endswith(b"0\r\n\r\n")
