"""Heads that come again: what is remembered of them must never change what they mean, nor whether they are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headgate.api import Headers, RequestHead, ResponseHead
from headgate.protocols.http1 import fields, request_fields, response_start, usual_requests
from headgate.protocols.http1.request_decoder import RequestDecoder
from headgate.protocols.http1.request_events import RequestEvents
from headgate.protocols.http1.response_decoder import ResponseDecoder, ResponseEvents
from headgate.protocols.http1.settings import Http1Settings

Notes = list[object]


def forget() -> None:
    """Empty every memory."""
    for memory in (
        fields._PLAIN,
        fields._OTHERS,
        request_fields.KNOWN_REQUESTS,
        usual_requests.USUAL_REQUESTS,
        usual_requests._SEEN_ONCE,
        response_start.KNOWN_RESPONSES,
    ):
        memory.clear()


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    forget()
    yield
    forget()


class Requests(RequestEvents):
    """Notes what is found."""

    def __init__(self) -> None:
        self.notes: Notes = []
        self.decoder: RequestDecoder | None = None

    def on_head(self, head: RequestHead, end_stream: bool) -> None:
        decoder = self.decoder
        assert decoder is not None
        headers = (head.headers.items(), head.headers.lines.copy(), head.headers.forwarding, head.headers.changed)
        self.notes.append((head.method, head.target, head.content_length, end_stream, headers))
        self.notes.append((decoder.http10, decoder.keep_alive, decoder.expects_continue, decoder.upgrade))
        decoder.expects_continue = False
        head.headers.set("Host", "spoiled")  # what is remembered must not notice
        head.headers.add("X-Added", "1")

    def on_body(self, data: bytes) -> None:
        self.notes.append(data)

    def on_end(self, trailers: Headers | None) -> None:
        self.notes.append(trailers.items() if trailers is not None else None)


class Responses(ResponseEvents):
    """Notes what is found."""

    def __init__(self) -> None:
        self.notes: Notes = []

    def on_head(self, head: ResponseHead, end_stream: bool) -> None:
        headers = (head.headers.items(), head.headers.lines.copy(), head.headers.changed)
        self.notes.append((head.status, head.reason, head.content_length, end_stream, headers))
        head.headers.set("Server", "spoiled")
        head.headers.remove("content-type")

    def on_interim(self, head: ResponseHead) -> None:
        self.notes.append((head.status, head.headers.items()))

    def on_body(self, data: bytes) -> None:
        self.notes.append(data)

    def on_end(self, trailers: Headers | None) -> None:
        self.notes.append(trailers.items() if trailers is not None else None)


def request_notes(data: bytes, limits: Http1Settings | None = None) -> Notes:
    """What a new connection makes of these bytes."""
    events = Requests()
    decoder = RequestDecoder(events, limits or Http1Settings(), "http")
    events.decoder = decoder
    return [decoder.feed(data), events.notes, decoder.rest, decoder.head_open]


def response_notes(data: bytes, method: str = "GET") -> Notes:
    """What a new connection makes of these bytes."""
    events = Responses()
    decoder = ResponseDecoder(events)
    decoder.expect(method)
    return [decoder.feed(data), events.notes, decoder.keep_alive, decoder.until_close]


def means_the_same(notes: Callable[[bytes], Notes], data: bytes) -> None:
    """Unknown, seen once, seen often: no difference."""
    forget()
    fresh = notes(data)
    for _ in range(5):
        assert notes(data) == fresh


NAMES = [
    "Host",
    "host",
    "User",
    "Accept",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "TE",
    "Upgrade",
    "X-Request-Id",
    "",
]
VALUES = [
    "a.test",
    "a.test:80",
    "a b",
    "admin",
    "keep-alive",
    "close",
    "upgrade",
    "User",
    "0",
    "3",
    "+3",
    "chunked",
    "identity",
    "100-continue",
]
VALUES += ["", "\x00", "a\rb", "a\nb", "é", "x" * 130]
line = st.tuples(st.sampled_from(NAMES), st.sampled_from([":", ": ", ":\t", " : ", ""]), st.sampled_from(VALUES)).map("".join)
lines = st.lists(line, max_size=5).map(lambda found: "".join(f"{text}\r\n" for text in found))
start = st.tuples(
    st.sampled_from(["GET", "HEAD", "POST", "PURGE", "CONNECT", "get"]),
    st.sampled_from([" ", "  "]),
    st.sampled_from(["/", "/a?b", "*", "http://b.test/c", "/#x", "a", "/é", ""]),
    st.sampled_from([" HTTP/1.1", " HTTP/1.0", " HTTP/2.0", " HTTP/0.9", "  HTTP/1.1", ""]),
).map("".join)
request = st.tuples(
    start, st.sampled_from(["", "Host: a.test\r\n"]), lines, st.sampled_from(["", "abc", "3\r\nabc\r\n0\r\n\r\n", "G"])
).map(lambda part: f"{part[0]}\r\n{part[1]}{part[2]}\r\n{part[3]}".encode("latin-1"))
status = st.sampled_from(["200 OK", "200", "204 No Content", "304 Not", "100 Continue", "103 Early", "101 Up", "503 Oh", "600 No", "abc"])
response = st.tuples(st.sampled_from(["HTTP/1.1 ", "HTTP/1.0 ", "HTTP/2 "]), status, lines, st.sampled_from(["", "abc", "abcd", "ab"])).map(
    lambda part: f"{part[0]}{part[1]}\r\n{part[2]}\r\n{part[3]}".encode("latin-1")
)

USUAL = b"GET /a HTTP/1.1\r\nHost: a.test\r\nUser: admin\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: s\r\nContent-Type: t\r\nContent-Length: 3\r\n\r\nabc"


@settings(max_examples=200)
@given(request)
@example(USUAL)
@example(USUAL + USUAL)
@example(b"HEAD" + USUAL[3:])
@example(USUAL.replace(b"1.1", b"1.0"))
def test_a_request_means_the_same_each_time(data: bytes) -> None:
    means_the_same(request_notes, data)


@settings(max_examples=200)
@given(response)
@example(OK)
@example(OK + b"d")
@example(OK[:-1])
@example(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
def test_a_response_means_the_same_each_time(data: bytes) -> None:
    means_the_same(response_notes, data)


@settings(max_examples=200)
@given(request, request, st.integers(0, 3))
@example(USUAL, USUAL.replace(b"admin", b"adm\x00n"), 3)
def test_what_was_known_of_others_changes_nothing(known: bytes, data: bytes, times: int) -> None:
    forget()
    fresh = request_notes(data)
    forget()
    for _ in range(times):
        request_notes(known)
    assert request_notes(data) == fresh


@pytest.mark.parametrize("times", range(6))
@pytest.mark.parametrize("limit", ["max_header_size", "max_header_count", "max_target_length"])
def test_limits_hold_for_what_is_known(limit: str, times: int) -> None:
    data = USUAL.replace(b"/a", b"/" + b"a" * 300)
    for _ in range(times):
        assert request_notes(data)[0] == 0
    strict = Http1Settings()
    setattr(strict, limit, 10 if limit != "max_header_count" else 1)
    assert request_notes(data, strict)[0] == (414 if limit == "max_target_length" else 431)


@pytest.mark.parametrize("times", range(1, 6))
def test_what_is_no_message_boundary_is_no_usual_request(times: int) -> None:
    """A request in the body of another one, and one that comes behind the beginning of another one."""
    for _ in range(times):
        request_notes(USUAL)
    post = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % len(USUAL)
    events = Requests()
    decoder = RequestDecoder(events, Http1Settings(), "http")
    events.decoder = decoder
    assert (decoder.feed(post), decoder.feed(USUAL)) == (0, 0)
    assert events.notes[2:] == [USUAL, None]
    events.notes.clear()
    assert (decoder.feed(b"GET /b HTTP/1.1\r\nX: "), decoder.feed(USUAL)) == (0, 0)
    assert [note[1] for note in events.notes[::2] if isinstance(note, tuple)] == ["/b"]


def test_a_known_response_to_head_has_no_body() -> None:
    for _ in range(4):
        response_notes(OK)
    assert response_notes(OK, "HEAD") == [False, response_notes(OK[:-3], "HEAD")[1], True, False]


def test_a_known_head_with_a_body_of_another_length_is_looked_at() -> None:
    for _ in range(4):
        assert response_notes(OK)[0] is True
    head = response_notes(OK[:-3])[1]
    assert isinstance(head, list)
    assert response_notes(OK[:-1]) == [True, [*head, b"ab"], True, False]
    assert response_notes(OK + b"d")[0] is False


def test_what_differs_each_time_leaves_no_mark() -> None:
    for number in range(50):
        request_notes(USUAL.replace(b"User", b"Cookie").replace(b"admin", b"%d" % number))
        request_notes(USUAL.replace(b"admin", b"%d" % number))
        response_notes(OK.replace(b"Server: s", b"ETag: %d" % number))
    assert not request_fields.KNOWN_REQUESTS
    assert not usual_requests.USUAL_REQUESTS
    assert not response_start.KNOWN_RESPONSES


def test_memories_are_bounded() -> None:
    for number in range(fields.MOST_HEADS + 50):
        for _ in range(4):
            request_notes(USUAL.replace(b"/a", b"/%d" % number).replace(b"admin", b"%d" % (number % 1500)))
            response_notes(OK.replace(b"Server: s", b"Server: %d" % (number % 1500)))
        for memory in (request_fields.KNOWN_REQUESTS, usual_requests.USUAL_REQUESTS, response_start.KNOWN_RESPONSES):
            assert len(memory) <= fields.MOST_HEADS
        assert len(usual_requests._SEEN_ONCE) <= fields.MOST_HEADS
    assert usual_requests.USUAL_REQUESTS
    assert response_start.KNOWN_RESPONSES


@pytest.mark.parametrize("size", [fields.LONGEST_HEAD, fields.LONGEST_HEAD + 200])
def test_long_heads_are_not_remembered(size: int) -> None:
    many = b"".join(b"X-%03d: %s\r\n" % (i, b"a" * 90) for i in range(size // 99 + 1))
    for _ in range(5):
        request_notes(USUAL.replace(b"\r\n\r\n", b"\r\n" + many + b"\r\n"))
        response_notes(OK.replace(b"\r\n\r\n", b"\r\n" + many + b"\r\n"))
    assert not usual_requests.USUAL_REQUESTS
    assert not response_start.KNOWN_RESPONSES
