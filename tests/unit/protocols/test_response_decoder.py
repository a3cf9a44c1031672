"""Responses that are none: refused, whole or byte by byte; and what is found in good ones."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.api import Headers, ResponseHead
from headgate.protocols.http1.response_decoder import ResponseDecoder, ResponseEvents
from headgate.protocols.http1.response_start import MAX_HEADER_COUNT


class Events(ResponseEvents):
    """Notes what is found."""

    def __init__(self) -> None:
        self.heads: list[ResponseHead] = []
        self.interim: list[int] = []
        self.body = b""
        self.trailers: Headers | None = None
        self.ended = False

    def on_head(self, head: ResponseHead, end_stream: bool) -> None:
        self.heads.append(head)
        self.ended = end_stream

    def on_interim(self, head: ResponseHead) -> None:
        self.interim.append(head.status)

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_end(self, trailers: Headers | None) -> None:
        self.ended = True
        self.trailers = trailers


def decode(raw: bytes, split: bool = False, method: str = "GET") -> tuple[bool, Events, ResponseDecoder]:
    """Whether all was accepted, and what was found."""
    events = Events()
    decoder = ResponseDecoder(events)
    decoder.expect(method)
    parts = [raw[i : i + 1] for i in range(len(raw))] if split else [raw]
    return all(decoder.feed(part) for part in parts), events, decoder


MALFORMED = {
    "not HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/0.9": b"<html>\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "status over 599": b"HTTP/1.1 600 No\r\n\r\n",
    "status under 100": b"HTTP/1.1 099 No\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    "huge length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
    "other coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 2\r\n\r\nok",
    "folding": b"HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok",
    "no colon": b"HTTP/1.1 200 OK\r\nX\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 2\r\n\r\nok",
    "bare LF": b"HTTP/1.1 200 OK\r\nX: 1\nY: 2\r\nContent-Length: 2\r\n\r\nok",
    "length in the trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n",
    "chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "head without end": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 300_000,
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("split", [False, True], ids=["one read", "byte by byte"])
def test_malformed(raw: bytes, split: bool) -> None:
    accepted, events, _ = decode(raw[:20_000] if split and len(raw) > 20_000 else raw, split)
    if split and len(raw) > 20_000:
        assert not events.heads, "too long to be fed byte by byte to its limit"
        return
    assert not accepted
    assert not events.ended


@pytest.mark.parametrize("count", [MAX_HEADER_COUNT - 1, MAX_HEADER_COUNT])
def test_number_of_fields(count: int) -> None:
    accepted, _, _ = decode(b"HTTP/1.1 204 No\r\n" + b"X: 1\r\n" * count + b"\r\n")
    assert accepted is (count < MAX_HEADER_COUNT)


def test_fields_as_they_came_without_those_of_the_hop() -> None:
    raw = (
        b"HTTP/1.1 200 Fine, thanks\r\nX-One:1\r\nx-one:  2 \r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
        b"Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"
    )
    accepted, events, _ = decode(raw)
    (head,) = events.heads
    assert accepted
    assert (head.status, head.reason, head.content_length) == (200, "Fine, thanks", 0)
    assert head.headers.lines == [b"X-One: 1", b"x-one: 2", b"Set-Cookie: a", b"Set-Cookie: b", b"Content-Length: 0"]


@pytest.mark.parametrize("raw", [b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"])
def test_without_a_reason(raw: bytes) -> None:
    accepted, events, _ = decode(raw)
    assert accepted
    assert events.heads[0].reason == ""


def test_head_of_a_response_to_head_keeps_its_length() -> None:
    for framing in (b"Content-Length: 12\r\n", b"Transfer-Encoding: chunked\r\n", b""):
        accepted, events, decoder = decode(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n", method="HEAD")
        assert accepted
        assert events.ended
        assert decoder.keep_alive
        assert events.heads[0].content_length == (12 if b"12" in framing else -1)


def test_only_a_body_until_close_is_completed_by_the_end_of_the_connection() -> None:
    for framing, complete in ((b"", True), (b"Content-Length: 4\r\n", False), (b"Transfer-Encoding: chunked\r\n", False)):
        body = b"3\r\nabc\r\n" if b"chunked" in framing else b"abc"
        _, events, decoder = decode(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + body)
        before = events.ended
        assert decoder.end_of_connection() is complete
        assert (before, events.ended, events.body) == (False, complete, b"abc")


PIECES = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 103 Hints\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"X: \xff\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b":",
    b"abc",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\nX-Sum: 1\r\n\r\n",
)


@settings(max_examples=400, deadline=None)
@given(
    data=st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=14).map(b"".join),
    cuts=st.lists(st.integers(0, 200), max_size=8),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_any_bytes_in_any_split(data: bytes, cuts: list[int], method: str) -> None:
    """Never raises, finds one response at most, and the same one in any split unless it is refused."""
    whole, once, _ = decode(data, method=method)
    events = Events()
    decoder = ResponseDecoder(events)
    decoder.expect(method)
    marks = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parts = all(decoder.feed(data[a:b]) for a, b in pairwise(marks))
    assert len(once.heads) <= 1
    assert len(events.heads) <= 1
    if whole and parts:
        assert [head.status for head in once.heads] == [head.status for head in events.heads]
        assert (once.interim, once.body, once.ended) == (events.interim, events.body, events.ended)


class WholeEvents(Events):
    """Notes which responses came whole."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[bytes] = []

    def on_whole(self, head: ResponseHead, body: bytes) -> None:
        self.whole.append(body)
        super().on_whole(head, body)


_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize(
    ("raw", "method", "whole"),
    [
        (_OK + b"\r\nok", "GET", [b"ok"]),
        (_OK + b"Connection: close\r\n\r\nok", "GET", [b"ok"]),
        (_OK + b"\r\no", "GET", []),
        (_OK + b"\r\nok!", "GET", []),  # goes past the message
        (_OK + b"\r\n", "HEAD", []),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "GET", []),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", []),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n0\r\n\r\n", "GET", []),
        (b"HTTP/1.1 200 OK\r\n\r\nok", "GET", []),
    ],
)
def test_only_a_response_that_arrives_whole_is_told_as_one(raw: bytes, method: str, whole: list[bytes]) -> None:
    events = WholeEvents()
    decoder = ResponseDecoder(events)
    decoder.expect(method)
    accepted = decoder.feed(raw)
    assert events.whole == whole
    assert accepted is not raw.endswith(b"!")


@pytest.mark.parametrize("connection", [b"keep-alive", b"close"])
def test_a_whole_response_says_whether_another_may_follow(connection: bytes) -> None:
    accepted, events, decoder = decode(_OK + b"Connection: " + connection + b"\r\n\r\nok")
    assert accepted
    assert events.heads[0].headers.keys == ["content-length"]
    assert decoder.keep_alive is (connection == b"keep-alive")
