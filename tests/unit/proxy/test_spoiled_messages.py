"""A filter may set a message's parts to anything: what leaves the proxy is well-formed, and the client gets an answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headgate.api import BodyNeed, Headers, ResponseHead, Status, Stream, StreamFilter
from headgate.testing import Exchange, FilterTester, Reply


def receiver(change: Callable[[Stream], object]) -> type[StreamFilter[object]]:
    """A filter that changes the request."""

    class Receiver(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> None:
            change(stream)

    return Receiver


def async_receiver(change: Callable[[Stream], object]) -> type[StreamFilter[object]]:
    """The same, from an asynchronous handler."""

    class Receiver(StreamFilter[object]):
        async def on_receive(self, stream: Stream) -> None:
            change(stream)

    return Receiver


def sender(change: Callable[[ResponseHead], object]) -> type[StreamFilter[object]]:
    """A filter that changes the response."""

    class Sender(StreamFilter[object]):
        def on_send(self, stream: Stream) -> None:
            assert stream.response is not None
            change(stream.response)

    return Sender


Make = Callable[[Callable[[Stream], object]], type[StreamFilter[object]]]


def put(name: str, value: object) -> Callable[[object], None]:
    """Sets an attribute, whatever its type."""
    return lambda target: setattr(target, name, value)


def body_of(exchange: Exchange) -> bytes:
    """What stands behind the head on the wire."""
    return exchange.raw.split(b"\r\n\r\n", 1)[1]


@pytest.mark.parametrize("target", ["/x HTTP/1.1\r\nX-Evil: y", "/a b", "", "x", "/€", "/\x00", "/a#b", "http://b.test/", "/\x7f"])
@pytest.mark.parametrize("make", [receiver, async_receiver])
def test_a_target_that_would_split_the_request(target: str, make: Make) -> None:
    exchange = FilterTester(make(lambda stream: put("target", target)(stream.request))).request()
    assert exchange.status == (500 if target.startswith("/") else 404), "no prefix matches what does not begin with a slash"
    assert not exchange.upstream


@pytest.mark.parametrize("method", ["GET /evil HTTP/1.1\r\nA:", "", "G ET", "GÉT", "CONNECT"])
def test_a_method_that_would_split_the_request(method: str) -> None:
    exchange = FilterTester(receiver(lambda stream: put("method", method)(stream.request))).request()
    assert exchange.status == 500
    assert not exchange.upstream


@pytest.mark.parametrize("make", [receiver, async_receiver])
@pytest.mark.parametrize("name", ["headers", "method", "target"])
def test_parts_of_a_request_of_a_wrong_type(name: str, make: Make) -> None:
    exchange = FilterTester(make(lambda stream: put(name, 3)(stream.request))).request()
    assert exchange.status == 500
    assert not exchange.upstream


@pytest.mark.parametrize("reason", ["x\r\nX-Evil: 1", "x\ny", "\x00"])
def test_a_reason_that_would_split_the_response(reason: str) -> None:
    exchange = FilterTester(sender(put("reason", reason))).request()
    assert exchange.status == 200
    assert "x-evil" not in exchange.headers
    assert exchange.raw.startswith(b"HTTP/1.1 200 \r\n")


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 999, -1, "200", None])
def test_a_status_that_no_response_has(status: object) -> None:
    exchange = FilterTester(sender(put("status", status))).request()
    assert exchange.status == 500
    assert exchange.complete


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("reply", [Reply(), Reply(body=[b"a", b"b"]), Reply(body=[b"a"], trailers={"X-Sum": "1"})])
def test_a_status_without_a_body_on_a_response_with_one(status: int, reply: Reply) -> None:
    """The body is dropped: the client would take it for the next response."""
    exchange = FilterTester(sender(put("status", status)), reply=reply).request()
    assert exchange.status == status
    assert exchange.complete
    assert body_of(exchange) == b""


@pytest.mark.parametrize("status", [204, 304])
def test_a_reply_with_a_body_that_may_have_none(status: int) -> None:
    class Replies(StreamFilter[object]):
        def on_receive(self, stream: Stream) -> Status:
            stream.reply(status, {}, b"body")
            return Status.STOP

    exchange = FilterTester(Replies).request()
    assert exchange.status == status
    assert body_of(exchange) == b""


@pytest.mark.parametrize("status", [200, 204, 304])
def test_a_body_put_where_none_may_be(status: int) -> None:
    class Writes(StreamFilter[object]):
        response_body = BodyNeed.BUFFER

        def on_send(self, stream: Stream) -> None:
            assert stream.response is not None
            stream.response.body = b"new"

    tester = FilterTester(Writes, reply=Reply(status))
    assert body_of(tester.request("HEAD")) == b""
    assert body_of(tester.request("GET")) == (b"new" if status == 200 else b"")


def test_a_status_with_a_body_on_a_response_that_has_none() -> None:
    reply = Reply(raw=b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")
    exchange = FilterTester(sender(put("status", 200)), reply=reply).request()
    assert exchange.complete
    assert exchange.headers.get_all("content-length") == ["0"]


@pytest.mark.parametrize(("method", "changed"), [("GET", "HEAD"), ("HEAD", "GET")])
def test_another_method(method: str, changed: str) -> None:
    """The client's own method says whether its response has a body."""
    exchange = FilterTester(receiver(lambda stream: put("method", changed)(stream.request))).request(method)
    assert exchange.complete
    assert exchange.upstream[0].method == changed
    assert body_of(exchange) == b""


@pytest.mark.parametrize("policy", ["deny", "allow"])
@pytest.mark.parametrize("direction", ["request", "response"])
@pytest.mark.parametrize("body", ["text", 3, bytearray(b"x")])
def test_a_body_that_is_not_bytes(policy: str, direction: str, body: object) -> None:
    class Spoils(StreamFilter[object]):
        request_body = BodyNeed.BUFFER if direction == "request" else BodyNeed.NONE
        response_body = BodyNeed.BUFFER if direction == "response" else BodyNeed.NONE

        def on_receive(self, stream: Stream) -> None:
            if direction == "request":
                put("body", body)(stream.request)

        def on_send(self, stream: Stream) -> None:
            if direction == "response":
                put("body", body)(stream.response)

    tester = FilterTester(Spoils, entry={"on_error": policy})
    exchange = tester.request("POST", body=b"abc")
    assert exchange.status == (500 if policy == "deny" else 200)
    if policy == "allow":
        assert exchange.body == b"upstream"
        assert exchange.upstream[0].body == b"abc"
    assert tester.stats.errors == 1


def test_a_response_taken_away() -> None:
    class Takes(StreamFilter[object]):
        def on_send(self, stream: Stream) -> None:
            stream.response = None

    exchange = FilterTester(Takes).request()
    assert exchange.status == 500
    assert exchange.complete


def test_headers_of_a_wrong_type_break_the_connection_at_worst() -> None:
    exchange = FilterTester(sender(put("headers", {"A": "b"}))).request()
    assert exchange.status == 500 or exchange.closed


def test_other_headers_take_the_place_of_the_response_s() -> None:
    exchange = FilterTester(sender(put("headers", Headers.of({"A": "b"})))).request()
    assert exchange.headers.get("a") == "b"
    assert exchange.body == b"upstream"
    assert exchange.headers.get_all("content-length") == ["8"]
