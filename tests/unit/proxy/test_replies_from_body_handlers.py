"""A reply from a handler of chunks or trailers answers the request: what such a filter refuses never passes unanswered."""

from __future__ import annotations

import pytest

from headgate.api import BodyNeed, Headers, ReplyTooLateError, Stream, StreamFilter, stream_filter
from headgate.api.registry import ExtensionScope, collecting
from headgate.testing import FilterTester, Reply


class Scanner(StreamFilter[object]):
    """Refuses requests with ``evil`` in a chunk."""

    request_body = BodyNeed.CHUNKS

    def on_receive_data(self, stream: Stream, data: bytes) -> None:
        if b"evil" in data:
            stream.reply(403, {"X-Why": "evil"}, "no")


class SlowScanner(Scanner):
    """The same behind a wait, so that chunks are held."""

    async def on_receive(self, stream: Stream) -> None:
        return None


@pytest.mark.parametrize("filter_class", [Scanner, SlowScanner])
@pytest.mark.parametrize("body", [b"evil", [b"evil"], [b"good", b"evil"], [b"evil", b"good", b"good"], [b"good", b"evil", b"good"]])
def test_reply_from_a_chunk_of_the_request(filter_class: type[StreamFilter[object]], body: bytes | list[bytes]) -> None:
    tester = FilterTester(filter_class)
    exchange = tester.request("POST", "/", body=body)
    assert (exchange.status, exchange.body) == (403, b"no")
    assert exchange.headers.get("x-why") == "evil"
    assert not exchange.upstream, "the host never saw a complete request"
    assert tester.stats.errors == 0
    assert tester.stats.replies == 1
    assert tester.request("POST", "/", body=b"good").status == 200


def test_reply_from_the_request_s_trailers() -> None:
    class Checks(StreamFilter[object]):
        def on_receive_trailers(self, stream: Stream, trailers: Headers) -> None:
            if trailers.get("x-sum") != "1":
                stream.reply(422)

    tester = FilterTester(Checks)
    assert tester.request("POST", "/", body=[b"a"], trailers={"X-Sum": "1"}).status == 200
    bad = tester.request("POST", "/", body=[b"a"], trailers={"X-Sum": "2"})
    assert bad.status == 422
    assert not bad.upstream


def test_reply_from_a_chunk_of_the_response_before_its_head_is_sent() -> None:
    """A second filter that buffers holds the head back: the first may still replace the response."""

    class Refuses(StreamFilter[object]):
        response_body = BodyNeed.CHUNKS
        sent = 0

        def on_send(self, stream: Stream) -> None:
            Refuses.sent += 1

        def on_send_data(self, stream: Stream, data: bytes) -> None:
            stream.reply(502, {}, "unfit")

    class Buffers(StreamFilter[object]):
        response_body = BodyNeed.BUFFER

    scope = ExtensionScope()
    with collecting(scope):
        stream_filter("buffers")(Buffers)
    tester = FilterTester(Refuses, scope=scope, filters=[{"type": "buffers"}], reply=Reply(body=[b"a", b"b"]))
    exchange = tester.request()
    assert (exchange.status, exchange.body) == (502, b"unfit")
    assert Refuses.sent == 1, "the filter is not called again for its own answer"


def test_reply_from_a_chunk_that_is_on_its_way_is_too_late() -> None:
    seen: list[type[Exception]] = []

    class Late(StreamFilter[object]):
        response_body = BodyNeed.CHUNKS

        def on_send_data(self, stream: Stream, data: bytes) -> None:
            try:
                stream.reply(502)
            except ReplyTooLateError as error:
                seen.append(type(error))

    exchange = FilterTester(Late, reply=Reply(body=[b"a"])).request()
    assert (exchange.status, exchange.body) == (200, b"a")
    assert seen == [ReplyTooLateError]
