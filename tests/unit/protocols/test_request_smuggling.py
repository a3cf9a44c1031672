"""Requests that two readers could take for different ones: refused, or made unambiguous before the upstream host sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from headgate.testing import InMemoryProxy

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

Until = Callable[[Callable[[], bool]], Awaitable[None]]

_HOST = b"Host: a.test\r\n"
_POST = b"POST / HTTP/1.1\r\n" + _HOST
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"

REFUSED = {
    "length and coding": _POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": _POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length twice": _POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length list": _POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "signed length": _POST + b"Content-Length: +3\r\n\r\nabc",
    "negative length": _POST + b"Content-Length: -3\r\n\r\nabc",
    "hex length": _POST + b"Content-Length: 0x3\r\n\r\nabc",
    "length overflow": _POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "empty length": _POST + b"Content-Length:\r\n\r\n",
    "chunked, identity": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": _POST + b"Transfer-Encoding: identity\r\n\r\nabc",
    "gzip, chunked": _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "trailing comma": _POST + b"Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
    "xchunked": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "second coding line": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "vertical tab": _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "space before colon": _POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "tab before colon": _POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "empty coding": _POST + b"Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc",
    "chunked in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: a.test\n\n",
    "bare LF after a header": b"GET / HTTP/1.1\r\nHost: a.test\nX: b\r\n\r\n",
    "bare CR in a header": b"GET / HTTP/1.1\r\nHost: a.test\rX: b\r\n\r\n",
    "obsolete folding": b"GET / HTTP/1.1\r\nHost: a.test\r\nX: b\r\n c\r\n\r\n",
    "folded first header": b"GET / HTTP/1.1\r\n Host: a.test\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a.test\r\nX: b\x00c\r\n\r\n",
    "control character in a value": b"GET / HTTP/1.1\r\nHost: a.test\r\nX: b\x01c\r\n\r\n",
    "DEL in a value": b"GET / HTTP/1.1\r\nHost: a.test\r\nX: b\x7fc\r\n\r\n",
    "NUL in a name": b"GET / HTTP/1.1\r\nHost: a.test\r\nX\x00: bc\r\n\r\n",
    "space in a name": b"GET / HTTP/1.1\r\nHost: a.test\r\nX y: bc\r\n\r\n",
    "empty name": b"GET / HTTP/1.1\r\nHost: a.test\r\n: bc\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "tab in the target": b"GET /a\tb HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "target without slash": b"GET a HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "non-ASCII target": b"GET /a\xff HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "star with GET": b"GET * HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "other scheme": b"GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "user information": b"GET http://u@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nX: y\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    "same host twice": b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
    "path in host": b"GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n",
    "user in host": b"GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n",
    "space in host": b"GET / HTTP/1.1\r\nHost: a test\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "no version": b"GET /\r\nHost: a.test\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: a.test\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "unknown method": b"FOO / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "chunk size with 0x": _CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size with plus": _CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n",
    "chunk size with minus": _CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "chunk size overflow": _CHUNKED + b"fffffffffffffffff3\r\nabc\r\n0\r\n\r\n",
    "chunk size with space": _CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n",
    "chunk size with garbage": _CHUNKED + b"3g\r\nabc\r\n0\r\n\r\n",
    "empty chunk size": _CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "LF after chunk size": _CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "LF after chunk data": _CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "chunk longer than said": _CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "CR in a chunk extension": _CHUNKED + b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "LF in a chunk extension": _CHUNKED + b"3;a\nabc\r\n0\r\n\r\n",
    "CRLF in a quoted extension": _CHUNKED + b'3;a="b\r\n"\r\nabc\r\n0\r\n\r\n',
    "length in the trailer": _CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
    "coding in the trailer": _CHUNKED + b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "LF ends the trailer": _CHUNKED + b"0\r\n\n",
    "body with upgrade": _POST + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc",
    "chunked body with upgrade": _POST + b"Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("split", [False, True], ids=["one read", "byte by byte"])
def test_refused_and_closed(bench: Bench, until: Until, data: bytes, split: bool) -> None:
    """400 (or 405, 505), the connection closed, and nothing behind it reaches the host."""

    async def scenario(proxy: InMemoryProxy) -> tuple[bytes, list[str]]:
        client = proxy.connect("listener")
        for piece in [data[i : i + 1] for i in range(len(data))] if split else [data]:
            client.send_raw(piece)
        client.send_raw(_SMUGGLED)
        await until(lambda: client.closed or client.half_closed)
        return client.received, [request.target for request in proxy.upstream.requests]

    received, targets = bench.run(scenario)
    status = int(received.split(b" ", 2)[1]) if received else 0
    assert status in (400, 405, 501, 505)
    assert b"onnection: close" in received
    assert "/smuggled" not in targets
    assert received.count(b"HTTP/1.1 ") == 1


NORMALISED = {
    "coding in upper case": (_POST + b"Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "/", b"abc"),
    "tab before the coding": (_POST + b"Transfer-Encoding:\tchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "/", b"abc"),
    "chunk extension": (_CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n", "/", b"abc"),
    "leading zeros": (_CHUNKED + b"0003\r\nabc\r\n0\r\n\r\n", "/", b"abc"),
    "two spaces": (b"GET  /a  HTTP/1.1\r\nHost: a.test\r\n\r\n", "/a", b""),
    "empty lines first": (b"\r\n\r\nGET /a HTTP/1.1\r\nHost: a.test\r\n\r\n", "/a", b""),
    "absolute form, other host": (b"GET http://a.test/x?y HTTP/1.1\r\nHost: evil.test\r\n\r\n", "/x?y", b""),
    "absolute form without path": (b"GET http://a.test?y HTTP/1.1\r\nHost: a.test\r\n\r\n", "/?y", b""),
    "content-length nominated hop-by-hop": (_POST + b"Connection: content-length, close\r\nContent-Length: 3\r\n\r\nabc", "/", b"abc"),
    "host nominated hop-by-hop": (b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: host\r\n\r\n", "/", b""),
}


@pytest.mark.parametrize(("data", "target", "body"), NORMALISED.values(), ids=NORMALISED.keys())
def test_normalised(bench: Bench, until: Until, data: bytes, target: str, body: bytes) -> None:
    """The host sees one unambiguous request."""

    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(data)
        await until(lambda: b"upstream" in client.received)
        (request,) = proxy.upstream.requests
        assert request.target == target
        assert request.body == body
        assert request.headers.get_all("host") == ["a.test"]
        lengths = request.headers.get_all("content-length")
        codings = request.headers.get_all("transfer-encoding")
        assert len(lengths) + len(codings) == (1 if body else 0)
        assert "connection" not in request.headers

    bench.run(scenario)


def test_trailer_keeps_what_is_harmless_and_drops_routing_fields(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(_CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: evil.test\r\nConnection: x\r\n\r\n")
        await until(lambda: b"upstream" in client.received)
        (request,) = proxy.upstream.requests
        assert request.trailers.items() == [("x-sum", "1")]

    bench.run(scenario)


def test_request_behind_a_broken_one_is_not_served(bench: Bench, until: Until) -> None:
    """Pipelined: a good request is answered, the broken one behind it ends the connection, the third is never looked at."""

    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(b"GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n" + b"GET /2 HTTP/1.1\r\nHost : a.test\r\n\r\n" + _SMUGGLED)
        await until(lambda: client.closed)
        assert [request.target for request in proxy.upstream.requests] == ["/1"]
        assert client.received.count(b"HTTP/1.1 200") == 1

    bench.run(scenario)


def test_upgrade_is_not_passed_on_and_bytes_behind_it_are_not_trusted(bench: Bench, until: Until) -> None:
    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        client.send_raw(b"GET /1 HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + _SMUGGLED)
        await until(lambda: client.closed or client.half_closed)
        (request,) = proxy.upstream.requests
        assert request.target == "/1"
        assert "upgrade" not in request.headers
        assert client.received.count(b"HTTP/1.1 200") == 1

    bench.run(scenario)
