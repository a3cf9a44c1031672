"""Any bytes, in any split, fed to a connection end in a reply, a wait or a close, and never in an exception."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.testing import InMemoryProxy, Reply

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

PIECES = (
    b"GET / HTTP/1.1\r\n",
    b"POST /a?b HTTP/1.1\r\n",
    b"HEAD * HTTP/1.0\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"Host: a.test\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\n",
    b"Expect: 100-continue\r\n",
    b"X: \xff\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b" ",
    b":",
    b"abc",
    b"3\r\nabc\r\n",
    b'3;x="y"\r\nabc\r\n',
    b"0\r\n",
    b"0\r\n\r\n",
    b"0\r\nX-Sum: 1\r\n\r\n",
    b"\x00",
    b"fffffffffffffffff\r\n",
)

streams = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=14).map(b"".join)
cuts = st.lists(st.integers(0, 300), max_size=8)
relaxed = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    """The data cut at these places."""
    marks = sorted({0, len(data), *(mark for mark in at if mark < len(data))})
    return [data[a:b] for a, b in pairwise(marks)]


@relaxed
@given(data=streams, at=cuts)
def test_client_bytes(bench: Bench, data: bytes, at: list[int]) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        for piece in pieces(data, at):
            client.send_raw(piece)
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert b"HTTP/1.1 500" not in client.received
        assert re.match(rb"(HTTP/1\.1 \d{3} |\Z)", client.received)
        if not client.closed:
            client.leave()
        await asyncio.sleep(0)

    bench.run(scenario)
    stats = bench.stats.listener("listener", "")
    assert stats.request_active == 0
    assert stats.connection_active == 0


@relaxed
@given(data=streams, at=cuts)
def test_client_bytes_mean_the_same_in_any_split(bench: Bench, data: bytes, at: list[int]) -> None:
    """What the host sees does not depend on how the bytes were cut."""

    def served(parts: list[bytes]) -> list[tuple[str, str, bytes]]:
        async def scenario(proxy: InMemoryProxy) -> list[tuple[str, str, bytes]]:
            client = proxy.connect("listener")
            for piece in parts:
                client.send_raw(piece)
            for _ in range(60):
                await asyncio.sleep(0)
            return [(request.method, request.target, request.body) for request in proxy.upstream.requests]

        return bench.run(scenario)

    assert served([data]) == served(pieces(data, at))


@relaxed
@given(data=streams, at=cuts)
def test_host_bytes(bench: Bench, data: bytes, at: list[int]) -> None:
    async def scenario(proxy: InMemoryProxy) -> bytes:
        client = proxy.connect("listener")
        client.send_raw(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0)
        received = client.received
        client.leave()
        await asyncio.sleep(0)
        return received

    received = bench.run(scenario, Reply(raw=data or b"\x00", close=True))
    assert re.match(rb"HTTP/1\.1 \d{3} ", received), "closed by the host: there is always an answer"
    assert b"HTTP/1.1 500" not in received
    assert bench.stats.host("upstream", "127.0.0.1:2").request_active == 0
