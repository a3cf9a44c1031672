"""Exchanges of every kind one after the other on one connection: none leaves anything to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from headgate.testing import InMemoryProxy, ReceivedRequest, Reply
from headgate.testing.memory_client import MemoryClient

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

_HOST = b"Host: a.test\r\n"
REQUESTS = {
    "usual": b"GET /usual HTTP/1.1\r\n" + _HOST + b"\r\n",
    "head": b"HEAD /usual HTTP/1.1\r\n" + _HOST + b"\r\n",
    "1.0": b"GET /usual HTTP/1.0\r\n" + _HOST + b"Connection: keep-alive\r\n\r\n",
    "post": b"POST /usual HTTP/1.1\r\n" + _HOST + b"Content-Length: 3\r\n\r\nabc",
    "chunked": b"POST /usual HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "streamed": b"GET /streamed HTTP/1.1\r\n" + _HOST + b"\r\n",
    "empty": b"GET /empty HTTP/1.1\r\n" + _HOST + b"\r\n",
    "failed": b"GET /failed HTTP/1.1\r\n" + _HOST + b"\r\n",
}
_DATE = {"Date": "Tue, 24 Nov 2026 11:51:22 GMT"}
REPLIES = {
    "/usual": Reply(200, _DATE, b"usual"),
    "/streamed": Reply(200, _DATE, [b"a", b"b"]),
    "/empty": Reply(204, _DATE),
    "/failed": Reply(503, _DATE, b"failed"),
}


Until = Callable[[Callable[[], bool]], Awaitable[None]]


def reply(request: ReceivedRequest) -> Reply:
    """What the host answers."""
    return REPLIES[request.target]


def alone(bench: Bench, kind: str) -> bytes:
    """What is answered to a request that has a connection of its own."""

    async def scenario(proxy: InMemoryProxy) -> bytes:
        client = proxy.connect("listener")
        client.send_raw(REQUESTS[kind])
        for _ in range(50):
            await asyncio.sleep(0)
        assert not client.closed
        return client.received

    return bench.run(scenario, reply)


async def ask(client: MemoryClient, until: Until, request: bytes, size: int) -> bytes:
    """What comes back for a request, when so many bytes of it are there or the connection is closed."""
    before = len(client.received)
    client.send_raw(request)
    await until(lambda: len(client.received) >= before + size or client.closed)
    return client.received[before:]


def test_every_kind_behind_every_other(bench: Bench, until: Until) -> None:
    expected = {kind: alone(bench, kind) for kind in REQUESTS}
    assert [answer[:13] for answer in expected.values()].count(b"HTTP/1.1 200 ") == len(REQUESTS) - 2

    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        for first in REQUESTS:
            for second in REQUESTS:
                for kind in (first, second):
                    assert await ask(client, until, REQUESTS[kind], len(expected[kind])) == expected[kind], (first, second, kind)

    bench.run(scenario, reply)


def test_every_kind_may_be_the_last(bench: Bench, until: Until) -> None:
    """A connection that closes after an exchange says so, whatever came before."""

    async def scenario(proxy: InMemoryProxy) -> None:
        for kind in REQUESTS:
            client = proxy.connect("listener")
            await ask(client, until, REQUESTS["usual"], 20)
            last = REQUESTS[kind].replace(b"Connection: keep-alive\r\n", b"").replace(_HOST, _HOST + b"Connection: close\r\n")
            answer = await ask(client, until, last, 1 << 20)
            assert answer.count(b"Connection: close\r\n") == 1, kind

    bench.run(scenario, reply)
