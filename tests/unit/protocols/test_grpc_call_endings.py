"""How unary calls end: answered, given up, reset, and by what a server may get wrong. The server is the h2 package."""

from __future__ import annotations

from typing import cast

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from headgate.protocols.grpc.client_call import CALL_LOST, CALL_MALFORMED, CALL_STATUS, CALL_TIMEOUT
from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.status import (
    CANCELLED,
    DEADLINE_EXCEEDED,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    UNIMPLEMENTED,
)
from headgate.protocols.grpc.unary_call import UnaryCall
from headgate.protocols.http2 import errors
from headgate.protocols.http2.frame import (
    goaway_frame,
)
from tests.unit.protocols.grpc_client_peers import HEAD, OK, ClientUnderTest, Setting
from tests.unit.protocols.http2_peers import run


def test_a_cancelled_call_is_reset_and_its_late_answer_ignored() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call = peers.start()
        peers.exchange()
        peers.server.send_headers(1, HEAD)
        late = peers.server.data_to_send()
        call.cancel()
        peers.client.data_received(late)
        peers.exchange()
        assert any(isinstance(event, h2.events.StreamReset) and event.error_code == errors.CANCEL for event in peers.events)
        again = peers.start()
        peers.exchange()
        peers.answer(3)
        assert (call.outcome, again.outcome) == (None, b"answer")

    run(test)


def test_a_deadline_that_has_come_resets_the_call() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call = peers.start()
        call.on_deadline()
        peers.exchange()
        assert call.failure[0] == CALL_TIMEOUT
        assert any(isinstance(event, h2.events.StreamReset) for event in peers.events)

    run(test)


@pytest.mark.parametrize(
    ("trailers", "outcome"),
    [
        ([("grpc-status", "12"), ("grpc-message", "no%20such%0amethod")], (CALL_STATUS, UNIMPLEMENTED, "no such\ufffdmethod")),
        ([("grpc-status", "4")], (CALL_TIMEOUT, 4, "")),
        ([("grpc-status", "-1")], (CALL_MALFORMED, 2, "")),
        ([("x", "y")], (CALL_MALFORMED, 2, "an answer without grpc-status")),
    ],
)
def test_what_trailers_say(trailers: list[tuple[str, str]], outcome: tuple[int, int, str]) -> None:
    def test() -> None:
        for alone in (False, True):
            peers = ClientUnderTest()
            call = peers.start()
            peers.exchange()
            if alone:
                peers.server.send_headers(1, HEAD + trailers, end_stream=True)
                peers.exchange()
            else:
                peers.answer(1, trailers=trailers)
            assert call.outcome == outcome

    run(test)


@pytest.mark.parametrize(
    ("head", "data", "problem"),
    [
        ([(":status", "404"), ("content-type", "text/html")], b"", "HTTP status 404"),
        ([(":status", "200"), ("content-type", "text/html")], b"", "text/html"),
        (HEAD, b"\x01\x00\x00\x00\x01x", "compressed"),
        (HEAD, b"\x07\x00\x00\x00\x01x", "not a gRPC message"),
        (HEAD, b"\x00\x40\x00\x00\x00", "1073741824 bytes; 100000 are allowed"),
        (HEAD, message_prefix(1) + b"xy", "more than one message"),
    ],
)
def test_what_is_no_answer_fails_the_call_and_only_it(head: list[tuple[str, str]], data: bytes, problem: str) -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call, other = peers.start(), peers.start()
        peers.exchange()
        peers.server.send_headers(1, head)
        if data:
            peers.server.send_data(1, data)
        peers.exchange()
        assert call.failure[0] == CALL_MALFORMED
        assert problem in cast("tuple[int, int, str]", call.outcome)[2]
        peers.answer(3)
        assert other.outcome == b"answer"

    run(test)


def test_the_answers_under_way_are_bounded_together() -> None:
    def test() -> None:
        peers = ClientUnderTest(max_answers=100_000)
        calls = [peers.start() for _ in range(3)]
        peers.exchange()
        for stream_id in (1, 3, 5):
            peers.server.send_headers(stream_id, HEAD)
            for part in (message_prefix(40_000) + bytes(10_000), bytes(15_000), bytes(14_000)):
                peers.server.send_data(stream_id, part)
                peers.exchange()
                if calls[2].outcome:
                    break
        assert (calls[0].outcome, calls[1].outcome) == (None, None)
        assert calls[2].failure == (CALL_MALFORMED, 2)
        for stream_id in (1, 3):
            peers.server.send_data(stream_id, bytes(1_000))
            peers.server.send_headers(stream_id, OK, end_stream=True)
            peers.exchange()
        assert [call.outcome for call in calls[:2]] == [bytes(40_000)] * 2
        for stream_id in range(7, 27, 2):  # what has been answered counts no more
            call = peers.start()
            peers.exchange()
            peers.answer(stream_id, bytes(60_000))
            assert call.outcome == bytes(60_000)

    run(test)


@pytest.mark.parametrize("size", [0, 3, 9])
def test_an_answer_that_stops_early_is_none(size: int) -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call = peers.start()
        peers.exchange()
        peers.server.send_headers(1, HEAD)
        if size:
            peers.server.send_data(1, (message_prefix(10) + b"0123456789")[:size])
        peers.server.send_headers(1, OK, end_stream=True)
        peers.exchange()
        assert call.outcome == (CALL_MALFORMED, 2, "an answer without a whole message")

    run(test)


def test_a_reset_by_the_server() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call = peers.start()
        peers.exchange()
        peers.server.reset_stream(1, errors.ENHANCE_YOUR_CALM)
        peers.exchange()
        assert call.failure == (CALL_STATUS, RESOURCE_EXHAUSTED)

    run(test)


def test_a_server_that_cancels_at_the_deadline_has_seen_it_first() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        over, early, endless = peers.start(timeout=30.0), peers.start(timeout=30.0), peers.start()
        peers.exchange()
        over.deadline -= 60.0  # the time has come, and the wheel has not turned yet
        for stream in (1, 3, 5):
            peers.server.reset_stream(stream, errors.CANCEL)
        peers.exchange()
        assert [call.failure for call in (over, early, endless)] == [
            (CALL_TIMEOUT, DEADLINE_EXCEEDED),
            (CALL_STATUS, CANCELLED),
            (CALL_STATUS, CANCELLED),
        ]

    run(test)


def test_after_goaway_calls_that_were_seen_are_answered_and_no_other() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        seen, unseen = peers.start(), peers.start()
        peers.exchange()
        peers.client.data_received(goaway_frame(1, errors.NO_ERROR, b""))
        assert unseen.failure == (CALL_LOST, UNAVAILABLE)
        late = peers.start()
        assert late.failure == (CALL_LOST, UNAVAILABLE)
        assert not peers.client.usable
        peers.answer(1)
        assert seen.outcome == b"answer"
        assert peers.transport.closed

    run(test)


def test_death_fails_every_call_once() -> None:
    def test() -> None:
        peers = ClientUnderTest({Setting.MAX_CONCURRENT_STREAMS: 1})
        peers.exchange()
        calls = [peers.start() for _ in range(3)]
        peers.client.connection_lost(None)
        assert [call.failure for call in calls] == [(CALL_LOST, UNAVAILABLE)] * 3
        assert peers.client.in_flight == 0

    run(test)


class Raising(UnaryCall):
    """Whoever waits for it is broken."""

    def on_answer(self, data: bytes) -> None:
        raise ValueError("broken")

    def on_failure(self, reason: int, status: int, detail: str) -> None:
        raise ValueError("broken")


def test_a_broken_receiver_costs_no_other_call(caplog: pytest.LogCaptureFixture) -> None:
    def test() -> None:
        peers = ClientUnderTest()
        for path in (b"/one", b"/two"):
            peers.client.start_call(Raising(), path, b"", 0.0)
        other = peers.start()
        peers.exchange()
        peers.answer(1)
        peers.answer(3, trailers=[("grpc-status", "5")])
        peers.answer(5)
        assert other.outcome == b"answer"
        assert peers.client.in_flight == 0

    run(test)
    assert [record.exc_text is not None or record.exc_info is not None for record in caplog.records] == [True, True]
