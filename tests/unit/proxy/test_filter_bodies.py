"""Bodies and trailers through filters: chunks, whole bodies, both in one chain."""

from __future__ import annotations

import pytest

from headgate.api import (
    BodyNeed,
    Headers,
    Status,
    Stream,
    StreamFilter,
)
from headgate.testing import FilterTester, Reply
from tests.unit.proxy.recorder import scope_of


def test_chunks_may_be_replaced_and_dropped_in_both_directions() -> None:
    class Upper(StreamFilter[dict[str, object]]):
        request_body = BodyNeed.CHUNKS
        response_body = BodyNeed.CHUNKS

        def on_receive_data(self, stream: Stream, data: bytes) -> bytes | None:
            return None if data == b"keep" else b"" if data == b"drop" else data.upper()

        def on_send_data(self, stream: Stream, data: bytes) -> bytes | None:
            return data + b"!"

    exchange = FilterTester(Upper, reply=Reply(body=[b"x", b"y"])).request("POST", "/", body=[b"abc", b"drop", b"keep"])
    assert exchange.upstream[0].body == b"ABCkeep"
    assert exchange.body == b"x!y!"

    exchange = FilterTester(Upper).request("POST", "/", body=b"abc")
    assert exchange.upstream[0].body == b"ABC"
    assert exchange.body == b"upstream!"


@pytest.mark.parametrize("body", [b"hello", [b"hel", b"lo"], b""])
def test_buffered_request_is_whole_and_may_be_replaced(body: bytes | list[bytes]) -> None:
    seen: list[bytes | None] = []

    class Whole(StreamFilter[dict[str, object]]):
        request_body = BodyNeed.BUFFER

        def on_receive(self, stream: Stream) -> Status:
            seen.append(stream.request.body)
            stream.request.body = b"replaced body"
            return Status.CONTINUE

    exchange = FilterTester(Whole).request("POST", "/", body=body)
    assert seen == [b"hello" if body else b""]
    assert exchange.upstream[0].body == b"replaced body"
    assert exchange.upstream[0].headers.get_all("content-length") == ["13"]


def test_buffered_response_is_whole_and_may_be_replaced() -> None:
    class Whole(StreamFilter[dict[str, object]]):
        response_body = BodyNeed.BUFFER

        def on_send(self, stream: Stream) -> Status:
            assert stream.response is not None
            assert stream.response.body == b"onetwo"
            stream.response.body = b"3"
            return Status.CONTINUE

    exchange = FilterTester(Whole, reply=Reply(body=[b"one", b"two"])).request()
    assert exchange.body == b"3"
    assert exchange.headers.get("content-length") == "1"


@pytest.mark.parametrize("body", [b"x" * 101, [b"x" * 60, b"x" * 41]])
def test_body_over_max_body_is_413_for_requests_and_502_for_responses(body: bytes | list[bytes]) -> None:
    class Request(StreamFilter[dict[str, object]]):
        request_body = BodyNeed.BUFFER

    class Response(StreamFilter[dict[str, object]]):
        response_body = BodyNeed.BUFFER

    exchange = FilterTester(Request, entry={"max_body": 100}).request("POST", "/", body=body)
    assert exchange.status == 413
    assert not exchange.upstream
    assert FilterTester(Response, entry={"max_body": 100}, reply=Reply(body=body)).request().status == 502
    assert FilterTester(Response, entry={"max_body": 101}, reply=Reply(body=body)).request().status == 200


def test_chunk_filter_behind_a_buffering_one_sees_what_that_one_made() -> None:
    class Whole(StreamFilter[dict[str, object]]):
        request_body = BodyNeed.BUFFER

        def on_receive(self, stream: Stream) -> Status:
            assert stream.request.body is not None
            stream.request.body = stream.request.body.upper()
            return Status.CONTINUE

    class Chunks(StreamFilter[dict[str, object]]):
        request_body = BodyNeed.CHUNKS

        def on_receive_data(self, stream: Stream, data: bytes) -> bytes:
            return b"<" + data + b">"

    tester = FilterTester(Whole, scope=scope_of(chunks=Chunks), filters=[{"type": "chunks"}])
    assert tester.request("POST", "/", body=[b"ab", b"cd"]).upstream[0].body == b"<ABCD>"
    tester = FilterTester(Chunks, scope=scope_of(whole=Whole), filters=[{"type": "whole"}])
    assert tester.request("POST", "/", body=[b"ab", b"cd"]).upstream[0].body == b"<AB><CD>"


def test_trailers_pass_and_may_be_changed() -> None:
    class Trailers(StreamFilter[dict[str, object]]):
        def on_receive_trailers(self, stream: Stream, trailers: Headers) -> None:
            trailers.set("X-Seen", "request")

        def on_send_trailers(self, stream: Stream, trailers: Headers) -> None:
            trailers.set("X-Seen", "response")

    tester = FilterTester(Trailers, reply=Reply(body=[b"a"], trailers={"X-Sum": "2"}))
    exchange = tester.request("POST", body=[b"b"], trailers={"X-Sum": "1"})
    assert exchange.upstream[0].trailers.items() == [("x-sum", "1"), ("x-seen", "request")]
    assert exchange.trailers.items() == [("x-sum", "2"), ("x-seen", "response")]


@pytest.mark.parametrize("changed", [True, False], ids=["changed", "left alone"])
@pytest.mark.parametrize("need", [BodyNeed.BUFFER, BodyNeed.CHUNKS])
def test_a_body_with_trailers_passes_a_filter_that_reads_it(need: BodyNeed, changed: bool) -> None:
    class Reading(StreamFilter[dict[str, object]]):
        request_body = need
        response_body = need

        def on_receive(self, stream: Stream) -> None:
            if changed and need is BodyNeed.BUFFER:
                stream.request.body = b"other"

        def on_receive_data(self, stream: Stream, data: bytes) -> bytes | None:
            return b"other" if changed else None

        def on_send(self, stream: Stream) -> None:
            if changed and need is BodyNeed.BUFFER and stream.response is not None:
                stream.response.body = b"other"

        def on_send_data(self, stream: Stream, data: bytes) -> bytes | None:
            return b"other" if changed else None

    tester = FilterTester(Reading, reply=Reply(body=[b"answer"], trailers={"X-End": "2"}))
    exchange = tester.request("POST", "/", body=[b"question"], trailers={"X-Sum": "1"})
    upstream = exchange.upstream[0]
    assert (upstream.body, upstream.trailers.get("x-sum")) == (b"other" if changed else b"question", "1")
    assert (exchange.body, exchange.trailers.get("x-end")) == (b"other" if changed else b"answer", "2")


@pytest.mark.parametrize("body", [b"", b"known", [b"chunk"]])
def test_a_request_without_any_header_left_is_still_one(body: bytes | list[bytes]) -> None:
    """HTTP/1.1 requires ``Host``, and a field that follows must not begin with an empty line."""

    class Bare(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            for name in [name for name, _ in stream.request.headers.items()]:
                stream.request.headers.remove(name)

    exchange = FilterTester(Bare).request("POST" if body else "GET", "/", body=body)
    upstream = exchange.upstream[0]
    assert exchange.status == 200
    assert upstream.headers.get_all("host") == [""]
    assert upstream.body == (body if isinstance(body, bytes) else b"".join(body))
