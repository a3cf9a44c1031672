"""The filter contract: phases, statuses, order, replies, the end."""

from __future__ import annotations

import pytest

from headgate.api import (
    AlreadyRepliedError,
    FilterCallbacks,
    Phase,
    Status,
    Stream,
    StreamFilter,
    StreamFilterFactory,
)
from headgate.testing import FilterTester, Reply
from tests.unit.proxy.recorder import Recorder, scope_of


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
        scope=scope_of(early=Early, middle=Middle),
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

    tester = FilterTester(Deny, scope=scope_of(after=After), filters=[{"type": "after"}])
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

    tester = FilterTester(First, scope=scope_of(second=Second), filters=[{"type": "second"}])
    assert tester.request().status == 200
    assert notes == ["first"]


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
