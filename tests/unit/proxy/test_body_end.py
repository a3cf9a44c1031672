"""The end of a body: filters that keep chunks back let them go there, or hold it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

import pytest

from headgate.api import BodyNeed, Deferred, DeferredChunk, Headers, Status, Stream, StreamFilter, stream_filter
from headgate.api.registry import ExtensionScope, collecting
from headgate.testing import Exchange, FilterTester, Reply

End = Callable[[Stream, bytes], bytes | DeferredChunk | None]


class Keeps(StreamFilter[object]):
    """Keeps all chunks of both bodies back to the end, and notes what it heard."""

    request_body = BodyNeed.CHUNKS
    response_body = BodyNeed.CHUNKS
    end: ClassVar[End]
    notes: ClassVar[list[str]]

    def __init__(self, config: object) -> None:
        super().__init__(config)
        self.received = b""
        self.sent = b""

    def on_receive_data(self, stream: Stream, data: bytes) -> bytes:
        self.received += data
        return b""

    def on_receive_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        self.notes.append("request")
        return type(self).end(stream, self.received)

    def on_receive_trailers(self, stream: Stream, trailers: Headers) -> None:
        self.notes.append("request's trailers")

    def on_send_data(self, stream: Stream, data: bytes) -> bytes:
        self.sent += data
        return b""

    def on_send_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        self.notes.append("response")
        return type(self).end(stream, self.sent)

    def on_send_trailers(self, stream: Stream, trailers: Headers) -> None:
        self.notes.append("response's trailers")


class SlowKeeps(Keeps):
    """The same behind a wait: the walk comes to it after the body's end."""

    async def on_receive(self, stream: Stream) -> None:
        await asyncio.sleep(0.02)

    async def on_send(self, stream: Stream) -> None:
        await asyncio.sleep(0.02)


class KeepsRequests(Keeps):
    """Requests only."""

    response_body = BodyNeed.NONE


class SlowKeepsRequests(KeepsRequests):
    """The same behind a wait."""

    async def on_receive(self, stream: Stream) -> None:
        await asyncio.sleep(0.02)


REQUESTS = pytest.mark.parametrize("base", [KeepsRequests, SlowKeepsRequests])
BOTH = pytest.mark.parametrize("base", [Keeps, SlowKeeps])


def keeping(base: type[Keeps], end: End) -> type[Keeps]:
    return type("Kept", (base,), {"end": staticmethod(end), "notes": []})


def at_once(stream: Stream, kept: bytes) -> bytes:
    return b"<" + kept + b">"


def later(stream: Stream, kept: bytes) -> DeferredChunk:
    chunk = DeferredChunk()

    def go() -> None:
        chunk.data = b"<" + kept + b">"
        chunk.resolve()

    asyncio.get_running_loop().call_later(0.01, go)
    return chunk


def resolved(stream: Stream, kept: bytes) -> DeferredChunk:
    chunk = DeferredChunk(b"<" + kept + b">")
    chunk.resolve()
    return chunk


ENDS = pytest.mark.parametrize("end", [at_once, later, resolved])


def ask(tester: FilterTester, trailers: dict[str, str] | None = None) -> Exchange:
    return tester.request("POST", body=[b"a", b"b"], trailers=trailers)


@BOTH
@ENDS
@pytest.mark.parametrize("body", [b"cd", [b"c", b"d"]])
def test_what_was_kept_goes_on(base: type[Keeps], end: End, body: bytes | list[bytes]) -> None:
    kind = keeping(base, end)
    exchange = ask(FilterTester(kind, reply=Reply(body=body)))
    assert exchange.upstream[0].body == b"<ab>"
    assert (exchange.status, exchange.body, exchange.complete) == (200, b"<cd>", True)
    assert kind.notes == ["request", "response"]


@BOTH
@ENDS
def test_the_end_comes_before_the_trailers(base: type[Keeps], end: End) -> None:
    kind = keeping(base, end)
    exchange = ask(FilterTester(kind, reply=Reply(body=[b"c"], trailers={"X-Two": "2"})), trailers={"X-One": "1"})
    assert (exchange.upstream[0].body, exchange.upstream[0].trailers.get("x-one")) == (b"<ab>", "1")
    assert (exchange.body, exchange.trailers.get("x-two")) == (b"<c>", "2")
    assert kind.notes == ["request", "request's trailers", "response", "response's trailers"]


@BOTH
@ENDS
def test_messages_without_a_body_end_too(base: type[Keeps], end: End) -> None:
    kind = keeping(base, end)
    exchange = FilterTester(kind, reply=Reply(body=b"")).request("POST", body=b"")
    assert (exchange.upstream[0].body, exchange.body) == (b"<>", b"<>")
    assert kind.notes == ["request", "response"]


@pytest.mark.parametrize("base", [Keeps, SlowKeeps])
@pytest.mark.parametrize("second", [Keeps, SlowKeeps])
@ENDS
def test_ends_pass_the_filters_in_order(base: type[Keeps], second: type[Keeps], end: End) -> None:
    """What the first adds is seen by the second before the end."""
    inner = keeping(second, lambda _, kept: b"(" + kept + b")")
    scope = ExtensionScope()
    with collecting(scope):
        stream_filter("second")(inner)
    exchange = ask(FilterTester(keeping(base, end), scope=scope, filters=[{"type": "second"}], reply=Reply(body=[b"c", b"d"])))
    assert (exchange.upstream[0].body, exchange.body) == (b"(<ab>)", b"(<cd>)")


@ENDS
def test_a_filter_behind_that_buffers_gets_the_whole(end: End) -> None:
    class Brackets(StreamFilter[object]):
        request_body = BodyNeed.BUFFER
        response_body = BodyNeed.BUFFER

        def on_receive(self, stream: Stream) -> None:
            stream.request.body = b"[" + (stream.request.body or b"") + b"]"

        def on_send(self, stream: Stream) -> None:
            assert stream.response is not None
            stream.response.body = b"[" + (stream.response.body or b"") + b"]"

    scope = ExtensionScope()
    with collecting(scope):
        stream_filter("brackets")(Brackets)
    exchange = ask(FilterTester(keeping(Keeps, end), scope=scope, filters=[{"type": "brackets"}], reply=Reply(body=[b"c", b"d"])))
    assert (exchange.upstream[0].body, exchange.body) == (b"[<ab>]", b"[<cd>]")


@REQUESTS
def test_a_reply_from_the_end_of_the_request(base: type[Keeps]) -> None:
    tester = FilterTester(keeping(base, lambda stream, _: stream.reply(418)))
    exchange = ask(tester)
    assert (exchange.status, exchange.upstream) == (418, [])
    assert (tester.stats.errors, tester.stats.replies) == (0, 1)


def settled(settle: Callable[[Stream, Deferred], object]) -> End:
    def end(stream: Stream, kept: bytes) -> DeferredChunk:
        chunk = DeferredChunk(kept)
        asyncio.get_running_loop().call_later(0.01, settle, stream, chunk)
        return chunk

    return end


def refuse(stream: Stream, chunk: Deferred) -> None:
    stream.reply(418)
    chunk.resolve(Status.STOP)


@REQUESTS
def test_a_reply_while_the_end_is_held(base: type[Keeps]) -> None:
    exchange = ask(FilterTester(keeping(base, settled(refuse))))
    assert (exchange.status, exchange.upstream) == (418, [])


@REQUESTS
def test_terminate_while_the_end_is_held(base: type[Keeps]) -> None:
    exchange = ask(FilterTester(keeping(base, settled(lambda _, chunk: chunk.resolve(Status.TERMINATE)))))
    assert (exchange.status, exchange.closed) == (0, True)


FAULTS: dict[str, End] = {
    "raises": lambda stream, kept: (_ for _ in ()).throw(RuntimeError("broken")),
    "returns": lambda stream, kept: "text",  # type: ignore[dict-item,return-value]  # what it must not
    "fails later": settled(lambda _, chunk: chunk.fail(RuntimeError("broken"))),
    "stops without a reply": settled(lambda _, chunk: chunk.resolve(Status.STOP)),
}


@REQUESTS
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_answered_by_policy(base: type[Keeps], fault: str) -> None:
    tester = FilterTester(keeping(base, FAULTS[fault]))
    assert ask(tester).status == 500
    assert tester.stats.errors == 1
    tester = FilterTester(keeping(base, FAULTS[fault]), entry={"on_error": "allow"})
    assert ask(tester).status == 200
    assert tester.stats.errors == 1


def text(stream: Stream, kept: bytes) -> DeferredChunk:
    chunk = DeferredChunk("text")  # type: ignore[arg-type]  # what a filter may do all the same
    chunk.resolve()
    return chunk


@REQUESTS
@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_what_is_no_bytes_is_the_filters_fault(base: type[Keeps], policy: str, status: int) -> None:
    tester = FilterTester(keeping(base, text), entry={"on_error": policy})
    assert ask(tester).status == status
    assert tester.stats.errors == 1


def never(stream: Stream, kept: bytes) -> DeferredChunk:
    return DeferredChunk(kept)


@REQUESTS
def test_holding_it_for_too_long(base: type[Keeps]) -> None:
    tester = FilterTester(keeping(base, never), entry={"timeout": "0.4s"})
    assert ask(tester).status == 504
    assert tester.stats.timeouts == 1


@BOTH
def test_the_policy_may_let_what_was_kept_go_on(base: type[Keeps]) -> None:
    tester = FilterTester(keeping(base, never), entry={"timeout": "0.4s", "on_error": "allow"}, reply=Reply(body=[b"c"]))
    exchange = ask(tester)
    assert (exchange.status, exchange.upstream[0].body, exchange.body) == (200, b"ab", b"c")
    assert tester.stats.timeouts == 2


def test_a_response_that_has_begun_is_broken() -> None:
    class Holds(StreamFilter[object]):
        response_body = BodyNeed.CHUNKS

        def on_send_end(self, stream: Stream) -> DeferredChunk:
            return DeferredChunk()

    exchange = FilterTester(Holds, entry={"timeout": "0.4s"}, reply=Reply(body=[b"a", b"b"])).request()
    assert (exchange.status, exchange.complete, exchange.closed) == (200, False, True)


def test_a_stop_of_the_head_holds_behind_the_end() -> None:
    """A sender that stops the walk and holds the end: those behind it do not run, also then."""
    ran: list[str] = []

    class Stops(Keeps):
        request_body = BodyNeed.NONE

        def on_send(self, stream: Stream) -> Status:
            return Status.STOP

    class Behind(StreamFilter[object]):
        def on_send(self, stream: Stream) -> None:
            ran.append("behind")

    scope = ExtensionScope()
    with collecting(scope):
        stream_filter("behind")(Behind)
    exchange = FilterTester(keeping(Stops, later), scope=scope, filters=[{"type": "behind"}], reply=Reply(body=b"c")).request()
    assert (exchange.body, ran) == (b"<c>", [])


def test_it_is_abandoned_with_its_stream() -> None:
    abandoned: list[str] = []

    class Noted(DeferredChunk):
        def on_abandoned(self) -> None:
            abandoned.append("abandoned")

    class Holds(StreamFilter[object]):
        request_body = BodyNeed.CHUNKS

        def on_receive_end(self, stream: Stream) -> DeferredChunk:
            asyncio.get_running_loop().call_later(0.01, stream.terminate, 499)
            return Noted()

    assert FilterTester(Holds).request("POST", body=b"a").status == 499
    assert abandoned == ["abandoned"]
