"""The filter contract: phases, statuses, order, replies, bodies, trailers, the end."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from headgate.api import (
    AlreadyRepliedError,
    BodyNeed,
    FilterCallbacks,
    Headers,
    Phase,
    ReplyTooLateError,
    Status,
    Stream,
    StreamFilter,
    StreamFilterFactory,
)
from headgate.api.registry import ExtensionScope, collecting
from headgate.api.stream_filter import stream_filter
from headgate.testing import FilterTester, Reply


class Recorder(StreamFilter[dict[str, object]]):
    """Notes what is called, in a list that all instances of one test share."""

    notes: ClassVar[list[str]] = []

    def note(self, what: str) -> None:
        self.notes.append(what)


@pytest.fixture(name="notes")
def notes_fixture() -> list[str]:
    Recorder.notes.clear()
    return Recorder.notes


def _scope(**classes: type[StreamFilter[dict[str, object]]]) -> ExtensionScope:
    scope = ExtensionScope()
    with collecting(scope):
        for name, filter_class in classes.items():
            stream_filter(name)(filter_class)
    return scope


def test_phases_run_in_order_whatever_the_configuration_s_order(notes: list[str]) -> None:
    class Late(Recorder):
        phase = Phase.AFTER_CHOOSE_HOST

        def on_receive(self, stream: Stream) -> Status:
            self.note(f"late {stream.route is not None} {stream.host is not None}")
            return Status.CONTINUE

    class Middle(Recorder):
        phase = Phase.AFTER_ROUTE

        def on_receive(self, stream: Stream) -> Status:
            self.note(f"middle {stream.route is not None} {stream.host is not None}")
            return Status.CONTINUE

    class Early(Recorder):
        def on_receive(self, stream: Stream) -> Status:
            self.note(f"early {stream.route is not None} {stream.host is not None}")
            return Status.CONTINUE

        def on_send(self, stream: Stream) -> Status:
            assert stream.response is not None
            self.note(f"send {stream.response.status}")
            return Status.CONTINUE

    tester = FilterTester(
        Late,
        scope=_scope(early=Early, middle=Middle),
        filters=[{"type": "middle"}, {"type": "early"}],
    )
    assert tester.request().status == 200
    assert notes == ["early False False", "middle True False", "late True True", "send 200"]


@pytest.mark.parametrize("phase", list(Phase))
def test_stop_with_a_reply_skips_every_later_receiver_and_runs_the_senders(phase: Phase, notes: list[str]) -> None:
    class Deny(Recorder):
        def on_receive(self, stream: Stream) -> Status:
            self.note("deny")
            stream.reply(403, {"X-Why": "no"}, "go away")
            return Status.STOP

    Deny.phase = phase

    class After(Recorder):
        phase = Phase.AFTER_CHOOSE_HOST

        def on_receive(self, stream: Stream) -> Status:
            self.note("after")
            return Status.CONTINUE

        def on_send(self, stream: Stream) -> Status:
            assert stream.response is not None
            self.note(f"send {stream.response.status}")
            stream.response.headers.set("X-Sender", "ran")
            return Status.CONTINUE

    tester = FilterTester(Deny, scope=_scope(after=After), filters=[{"type": "after"}])
    exchange = tester.request("GET", "/", {"X-Secret": "1"})
    assert exchange.status == 403
    assert exchange.body == b"go away"
    assert exchange.headers.get("x-why") == "no"
    assert exchange.headers.get("x-sender") == "ran"
    assert exchange.headers.get("content-length") == "7"
    assert "x-secret" not in exchange.headers, "a reply never echoes the request's headers"
    assert notes == ["deny", "send 403"]
    assert not exchange.upstream
    assert tester.stats.replies == 1
    assert not exchange.closed


def test_stop_without_a_reply_is_the_filter_s_fault() -> None:
    class Mute(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            return Status.STOP

    tester = FilterTester(Mute)
    exchange = tester.request()
    assert exchange.status == 500
    assert not exchange.upstream
    assert tester.stats.errors == 1


def test_a_reply_counts_even_if_the_filter_then_continues() -> None:
    class Forgetful(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            stream.reply(401)

    exchange = FilterTester(Forgetful).request()
    assert exchange.status == 401
    assert not exchange.upstream


@pytest.mark.parametrize("where", ["receive", "send"])
def test_terminate_closes_without_a_response(where: str) -> None:
    class Cut(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            return Status.TERMINATE if where == "receive" else Status.CONTINUE

        def on_send(self, stream: Stream) -> Status:
            return Status.TERMINATE

    exchange = FilterTester(Cut).request()
    assert exchange.raw == b""
    assert exchange.closed


def test_sender_stop_skips_the_remaining_senders_and_still_sends(notes: list[str]) -> None:
    class First(Recorder):
        def on_send(self, stream: Stream) -> Status:
            self.note("first")
            return Status.STOP

    class Second(Recorder):
        def on_send(self, stream: Stream) -> Status:
            self.note("second")
            return Status.CONTINUE

    tester = FilterTester(First, scope=_scope(second=Second), filters=[{"type": "second"}])
    assert tester.request().status == 200
    assert notes == ["first"]


def test_rematch_route_runs_the_same_filter_again_and_not_the_ones_before(notes: list[str]) -> None:
    class Before(Recorder):
        phase = Phase.AFTER_ROUTE

        def on_receive(self, stream: Stream) -> Status:
            self.note("before")
            return Status.CONTINUE

    class Rematch(Recorder):
        phase = Phase.AFTER_ROUTE

        def __init__(self, config: dict[str, object]) -> None:
            super().__init__(config)
            self.asked = False

        def on_receive(self, stream: Stream) -> Status:
            self.note(f"route {stream.route is not None}")
            if self.asked:
                return Status.CONTINUE
            self.asked = True
            stream.request.headers.set("service", "test")
            return Status.REMATCH_ROUTE

    tester = FilterTester(
        Before,
        route={"match": {"prefix": "/", "headers": [{"name": "service", "value": "test"}]}, "route": {"cluster_name": "upstream"}},
        scope=_scope(rematch=Rematch),
        filters=[{"type": "rematch"}],
    )
    assert tester.request("POST", "/", body=b"abc").status == 200
    assert notes == ["before", "route False", "route True"]


@pytest.mark.parametrize(("status", "phase"), [(Status.REMATCH_ROUTE, Phase.AFTER_ROUTE), (Status.RECHOOSE_HOST, Phase.AFTER_CHOOSE_HOST)])
def test_endless_reentry_is_bounded(status: Status, phase: Phase) -> None:
    calls: list[int] = []

    class Again(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            calls.append(1)
            return status

    Again.phase = phase
    tester = FilterTester(Again)
    assert tester.request().status == 500
    assert len(calls) == 11
    assert tester.stats.errors == 1


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        (Status.REMATCH_ROUTE, Phase.BEFORE_ROUTE),
        (Status.REMATCH_ROUTE, Phase.AFTER_CHOOSE_HOST),
        (Status.RECHOOSE_HOST, Phase.AFTER_ROUTE),
    ],
)
def test_reentry_from_a_wrong_phase_is_an_error(status: Status, phase: Phase) -> None:
    class Wrong(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            return status

    Wrong.phase = phase
    tester = FilterTester(Wrong)
    assert tester.request().status == 500
    assert tester.stats.errors == 1


def test_reentry_from_a_sender_is_an_error() -> None:
    class Wrong(StreamFilter[dict[str, object]]):
        def on_send(self, stream: Stream) -> Status:
            return Status.REMATCH_ROUTE

    assert FilterTester(Wrong).request().status == 500


@pytest.mark.parametrize("where", ["on_receive", "on_receive_data", "on_receive_trailers", "on_send", "on_send_data", "on_send_trailers"])
@pytest.mark.parametrize("policy", ["deny", "allow"])
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_whatever_a_hook_raises_costs_its_request_at_most(where: str, policy: str, error: type[BaseException]) -> None:
    def explode(self: object, *arguments: object) -> None:
        raise error("boom")

    attributes: dict[str, object] = {where: explode}
    if "data" in where:
        attributes["request_body" if "receive" in where else "response_body"] = BodyNeed.CHUNKS
    exploding = type("Exploding", (StreamFilter,), attributes)
    tester = FilterTester(exploding, entry={"on_error": policy}, reply=Reply(body=[b"one", b"two"], trailers={"X-T": "1"}))
    exchange = tester.request("POST", "/", body=[b"a", b"b"], trailers={"X-R": "1"})
    if policy == "allow":
        assert exchange.status == 200
        assert exchange.body == b"onetwo"
    elif where in ("on_send_data", "on_send_trailers"):
        assert not exchange.complete, "the response had begun: it must look cut"
        assert exchange.closed
    else:
        assert exchange.status == 500
    assert tester.stats.errors >= 1


@pytest.mark.parametrize("nonsense", [42, "Continue", object(), True])
@pytest.mark.parametrize("policy", ["deny", "allow"])
@pytest.mark.parametrize("hook", ["on_receive", "on_send"])
def test_nonsense_for_a_verdict_is_a_failure(nonsense: object, policy: str, hook: str) -> None:
    odd = type("Odd", (StreamFilter,), {hook: lambda self, stream: nonsense})
    tester = FilterTester(odd, entry={"on_error": policy})
    assert tester.request().status == (500 if policy == "deny" else 200)
    assert tester.stats.errors == 1


def test_nonsense_for_a_chunk_is_a_failure() -> None:
    class Odd(StreamFilter[dict[str, object]]):
        request_body = BodyNeed.CHUNKS

        def on_receive_data(self, stream: Stream, data: bytes) -> bytes:
            return "text"  # type: ignore[return-value]

    assert FilterTester(Odd).request("POST", body=b"abc").status == 500


def test_two_replies_the_second_raises_and_the_first_is_not_sent_half_made() -> None:
    raised: list[type[BaseException]] = []

    class Twice(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            stream.reply(403)
            try:
                stream.reply(404)
            except AlreadyRepliedError as error:
                raised.append(type(error))
            return Status.STOP

    assert FilterTester(Twice).request().status == 403
    assert raised == [AlreadyRepliedError]

    class TwiceUncaught(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            stream.reply(403)
            stream.reply(404)
            return Status.STOP

    assert FilterTester(TwiceUncaught).request().status == 500


def test_a_reply_with_a_line_end_in_a_header_is_refused() -> None:
    class Injecting(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            stream.reply(302, {"Location": "/\r\nSet-Cookie: a=b"})
            return Status.STOP

    exchange = FilterTester(Injecting).request()
    assert exchange.status == 500
    assert b"Set-Cookie" not in exchange.raw


def test_a_filter_cannot_break_the_framing() -> None:
    class Liar(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            stream.request.headers.set("Content-Length", "1")
            stream.request.headers.set("Transfer-Encoding", "chunked")
            stream.request.headers.set("Connection", "close")
            return Status.CONTINUE

        def on_send(self, stream: Stream) -> Status:
            assert stream.response is not None
            stream.response.headers.set("Content-Length", "1")
            stream.response.headers.set("Transfer-Encoding", "chunked")
            return Status.CONTINUE

    exchange = FilterTester(Liar).request("POST", "/", body=b"abcdef")
    assert exchange.body == b"upstream"
    (request,) = exchange.upstream
    assert request.body == b"abcdef"
    assert request.headers.get_all("content-length") == ["6"]
    assert "transfer-encoding" not in request.headers
    assert exchange.headers.get_all("content-length") == ["8"]


# --- bodies


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

    tester = FilterTester(Whole, scope=_scope(chunks=Chunks), filters=[{"type": "chunks"}])
    assert tester.request("POST", "/", body=[b"ab", b"cd"]).upstream[0].body == b"<ABCD>"
    tester = FilterTester(Chunks, scope=_scope(whole=Whole), filters=[{"type": "whole"}])
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


# --- asynchronous handlers


@pytest.mark.parametrize("answer", [Status.CONTINUE, None, "reply"])
def test_async_receiver_and_sender(answer: object) -> None:
    class Waiting(StreamFilter[dict[str, object]]):
        async def on_receive(self, stream: Stream) -> Status | None:
            await asyncio.sleep(0.005)
            if answer == "reply":
                stream.reply(418)
                return Status.STOP
            return answer  # type: ignore[return-value]

        async def on_send(self, stream: Stream) -> Status:
            await asyncio.sleep(0.005)
            assert stream.response is not None
            stream.response.headers.set("X-Async", "yes")
            return Status.CONTINUE

    tester = FilterTester(Waiting, reply=Reply(body=[b"a", b"b"]))
    exchange = tester.request("POST", "/", body=[b"1", b"2", b"3"])
    assert exchange.status == (418 if answer == "reply" else 200)
    assert exchange.headers.get("x-async") == "yes"
    if answer != "reply":
        assert exchange.body == b"ab"
        assert exchange.upstream[0].body == b"123"


def test_async_rematch_goes_on_with_the_walk() -> None:
    class Waiting(StreamFilter[dict[str, object]]):
        phase = Phase.AFTER_ROUTE
        asked = False

        async def on_receive(self, stream: Stream) -> Status:
            await asyncio.sleep(0)
            if self.asked:
                return Status.CONTINUE
            self.asked = True
            return Status.REMATCH_ROUTE

    assert FilterTester(Waiting).request().status == 200


@pytest.mark.parametrize("direction", ["on_receive", "on_send"])
@pytest.mark.parametrize(("policy", "status"), [("deny", 504), ("allow", 200)])
@pytest.mark.parametrize("stubborn", [False, True], ids=["cancellable", "ignores cancellation"])
def test_async_handler_past_its_timeout(direction: str, policy: str, status: int, stubborn: bool) -> None:
    async def hang(self: object, stream: Stream) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(3)
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    hanging = type("Hanging", (StreamFilter,), {direction: hang})
    tester = FilterTester(hanging, entry={"timeout": "20ms", "on_error": policy})

    async def scenario() -> int:
        exchange = await tester.send()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return exchange.status

    assert asyncio.run(scenario()) == status
    assert tester.stats.timeouts == 1


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_async_handler_that_raises(policy: str, status: int) -> None:
    class Raising(StreamFilter[dict[str, object]]):
        async def on_receive(self, stream: Stream) -> None:
            await asyncio.sleep(0)
            raise ValueError("boom")

    tester = FilterTester(Raising, entry={"on_error": policy})
    assert tester.request().status == status
    assert tester.stats.errors == 1


# --- the end


def test_destroy_runs_once_for_each_instance_on_every_way_out(notes: list[str]) -> None:
    class Both(Recorder):
        def on_log(self, stream: Stream) -> None:
            self.note("log")

        def on_destroy(self) -> None:
            self.note("destroy")

    class Several(StreamFilterFactory):
        def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
            instance = Both({})
            callbacks.add_receiver(instance, Phase.BEFORE_ROUTE)
            callbacks.add_receiver(instance, Phase.AFTER_ROUTE)
            callbacks.add_sender(instance)
            callbacks.add_log(instance)

    def create(config: dict[str, object]) -> StreamFilterFactory:
        return Several()

    assert FilterTester(create).request().status == 200
    assert notes == ["log", "destroy"]
    notes.clear()
    assert FilterTester(create, route={"match": {"prefix": "/none"}, "route": {"cluster_name": "upstream"}}).request().status == 404
    assert notes == ["log", "destroy"]
    notes.clear()
    assert FilterTester(create, reply=Reply(raw=b"rubbish\r\n\r\n")).request().status == 502
    assert notes == ["log", "destroy"]
    notes.clear()
    exchange = FilterTester(create, reply=Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", close=True)).request()
    assert not exchange.complete
    assert notes == ["log", "destroy"]
    notes.clear()
    assert FilterTester(create, reply=Reply(never=True)).request(timeout=0.05).status == 0
    assert notes == ["log", "destroy"], "the client left"


def test_raising_in_log_or_destroy_harms_nothing() -> None:
    class Raising(StreamFilter[dict[str, object]]):
        def on_log(self, stream: Stream) -> None:
            raise ValueError("log")

        def on_destroy(self) -> None:
            raise ValueError("destroy")

    tester = FilterTester(Raising)
    assert tester.request().status == 200
    assert tester.stats.errors == 2


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_factory_or_constructor_that_raises(policy: str, status: int) -> None:
    class Raising(StreamFilter[dict[str, object]]):
        def __init__(self, config: dict[str, object]) -> None:
            raise ValueError("boom")

        def on_receive(self, stream: Stream) -> None:
            raise AssertionError

    class Factory(StreamFilterFactory):
        def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
            callbacks.add(object())  # type: ignore[arg-type]

    for target in (Raising, lambda config: Factory()):
        tester = FilterTester(target, entry={"on_error": policy})
        assert tester.request().status == status
        assert tester.stats.errors == 1


# --- configuration of an entry


def test_match_keeps_other_requests_out() -> None:
    class Deny(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> Status:
            stream.reply(403)
            return Status.STOP

    headers = [{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "^b", "regex": True}]
    match = {"path_prefix": "/api", "methods": ["POST"], "headers": headers}
    tester = FilterTester(Deny, entry={"match": match})
    good = {"X-A": "1", "X-B": "bb"}
    assert tester.request("POST", "/api/x", good).status == 403
    assert tester.request("POST", "/%61pi/x", good).status == 403, "percent-encoding is no way around"
    assert tester.request("GET", "/api/x", good).status == 200
    assert tester.request("POST", "/other", good).status == 200
    assert tester.request("POST", "/api/x", {"X-A": "1"}).status == 200
    assert tester.request("POST", "/api/x", {"X-A": "2", "X-B": "b"}).status == 200
    assert tester.stats.calls == 2


def test_per_route_configuration_is_merged_by_the_engine() -> None:
    class Check(StreamFilter[dict[str, str]]):
        phase = Phase.AFTER_ROUTE

        def on_receive(self, stream: Stream) -> Status:
            stream.reply(200, body=",".join(f"{key}={value}" for key, value in sorted(self.config.items())))
            return Status.STOP

    tester = FilterTester(
        Check,
        {"User": "global", "level": "listener"},
        entry={"name": "check"},
        virtual_host={"per_filter_config": {"check": {"User": "host"}}},
        routes=[
            {"match": {"path": "/route"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"check": {"User": "route"}}},
            {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
        ],
    )
    assert tester.request("GET", "/route").body == b"User=route,level=listener"
    assert tester.request("GET", "/").body == b"User=host,level=listener"


def test_quarantine_sets_a_failing_filter_aside_and_brings_it_back() -> None:
    broken = [True]

    class Flaky(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            if broken[0]:
                raise ValueError("boom")

    quarantine = {"max_failures": 2, "window": "10s", "backoff": "50ms"}
    tester = FilterTester(Flaky, entry={"quarantine": quarantine})

    async def body() -> None:
        proxy = tester.proxy()

        async def get() -> int:
            client = proxy.connect("listener")
            exchange = await client.exchange("GET", "/", {}, b"", None, 5)
            client.leave()
            return exchange.status

        assert [await get() for _ in range(2)] == [500, 500]
        assert tester.stats.quarantined == 1
        calls = tester.stats.calls
        assert await get() == 503
        assert tester.stats.calls == calls, "it is not called while set aside"
        broken[0] = False
        status = 503
        while tester.stats.quarantined:
            await asyncio.sleep(0.01)
            status = await get()
        assert status == 200
        assert tester.stats.quarantines == 1
        proxy.close()

    asyncio.run(body())


def test_quarantine_of_an_allowing_filter_lets_requests_pass() -> None:
    class Broken(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            raise ValueError("boom")

    tester = FilterTester(Broken, entry={"quarantine": {"max_failures": 1}, "on_error": "allow"})

    async def body() -> None:
        proxy = tester.proxy()
        for _ in range(3):
            client = proxy.connect("listener")
            assert (await client.exchange("GET", "/", {}, b"", None, 5)).status == 200
            client.leave()
        proxy.close()

    asyncio.run(body())
    assert tester.stats.calls == 1


# --- from elsewhere


def test_terminate_later_answers_and_cancels_upstream() -> None:
    held: list[Stream] = []

    class Keep(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            held.append(stream)

    tester = FilterTester(Keep, reply=Reply(never=True))

    async def body() -> None:
        task = asyncio.ensure_future(tester.send())
        while not held:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert held[0].terminate(504)
        exchange = await task
        assert exchange.status == 504
        assert not held[0].terminate(504), "it is over"
        with pytest.raises(ReplyTooLateError):
            held[0].reply(200)

    asyncio.run(body())


def test_terminate_from_another_thread() -> None:
    held: list[Stream] = []

    class Keep(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            held.append(stream)

    async def body() -> None:
        task = asyncio.ensure_future(FilterTester(Keep, reply=Reply(never=True)).send())
        while not held:
            await asyncio.sleep(0)
        assert await asyncio.to_thread(held[0].terminate, 503)
        assert (await task).status == 503

    asyncio.run(body())


def test_terminate_after_the_end_does_nothing() -> None:
    held: list[Stream] = []

    class Keep(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            held.append(stream)

    assert FilterTester(Keep).request().status == 200
    assert not held[0].terminate(504)


def test_reply_from_a_task_of_the_filter_s_own() -> None:
    class Background(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            self.task = asyncio.ensure_future(self.later(stream))

        async def later(self, stream: Stream) -> None:
            await asyncio.sleep(0.005)
            stream.reply(299, body="later")

    assert FilterTester(Background, reply=Reply(never=True)).request().status == 299


def test_sender_may_replace_the_response() -> None:
    class Replace(StreamFilter[dict[str, object]]):
        def on_send(self, stream: Stream) -> Status:
            if stream.response is not None and stream.response.status == 200:
                stream.reply(410, body="gone")
            return Status.CONTINUE

    exchange = FilterTester(Replace, reply=Reply(body=[b"a", b"b"])).request()
    assert exchange.status == 410
    assert exchange.body == b"gone"


def test_variables_are_shared_along_the_stream() -> None:
    class Write(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            stream.variables["who"] = "me"

        def on_send(self, stream: Stream) -> None:
            assert stream.response is not None
            stream.response.headers.set("X-Who", str(stream.variables["who"]))

    assert FilterTester(Write).request().headers.get("x-who") == "me"


# --- bodies and trailers together


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
