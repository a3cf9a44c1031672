"""The client of unary calls without a socket, with the h2 package as its server: calls, windows, and what waits."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import h2.settings

from headgate.protocols.grpc.client_call import CALL_LOST, CALL_TIMEOUT
from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.status import (
    UNAVAILABLE,
)
from headgate.protocols.http2.frame import (
    SETTINGS_ACK,
    settings_frame,
    window_update_frame,
)
from tests.unit.protocols.grpc_client_peers import ClientUnderTest, Setting
from tests.unit.protocols.http2_peers import run


def test_a_call_is_what_grpc_wants_and_is_answered() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call = peers.start(timeout=1.0)
        peers.exchange()
        request = next(event for event in peers.events if isinstance(event, h2.events.RequestReceived))
        headers = {name.decode(): value.decode() for name, value in request.headers}
        assert headers.pop("user-agent").startswith("headgate/")
        assert headers == {
            ":method": "POST",
            ":scheme": "http",
            ":path": "/proto.Plugin/Call",
            ":authority": "localhost",
            "grpc-timeout": "1000m",
            "te": "trailers",
            "content-type": "application/grpc",
        }
        data = b"".join(event.data for event in peers.events if isinstance(event, h2.events.DataReceived))
        assert data == message_prefix(8) + b"question"
        assert any(isinstance(event, h2.events.StreamEnded) for event in peers.events)
        assert peers.client.in_flight == 1
        peers.answer(1)
        assert call.outcome == b"answer"
        assert (peers.client.in_flight, peers.client.streams) == (0, {})

    run(test)


def test_a_repeated_call_has_a_short_head() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        written = b""
        for stream_id in range(1, 9, 2):
            peers.start(timeout=1.0)
            written = peers.transport.written
            peers.exchange()
            peers.answer(stream_id)
        head = written.index(message_prefix(8) + b"question") - 2 * 9
        assert head <= 27, written

    run(test)


def test_interim_responses_are_passed_over() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call = peers.start()
        peers.exchange()
        peers.server.send_headers(1, [(":status", "103")])
        peers.answer(1)
        assert call.outcome == b"answer"

    run(test)


def test_windows_of_the_peer_are_kept_to() -> None:
    def test() -> None:
        peers = ClientUnderTest({Setting.INITIAL_WINDOW_SIZE: 1000})
        peers.exchange()
        calls = [peers.start(b"q" * 200_000) for _ in range(3)]
        peers.exchange()
        while True:  # h2 raises at a byte too many
            received = [event for event in peers.events if isinstance(event, h2.events.DataReceived)]
            peers.events = [event for event in peers.events if not isinstance(event, h2.events.DataReceived)]
            if not received:
                break
            for event in received:
                peers.server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            peers.exchange()
        assert len([event for event in peers.events if isinstance(event, h2.events.StreamEnded)]) == 3
        for stream_id in (1, 3, 5):
            peers.answer(stream_id)
        assert [call.outcome for call in calls] == [b"answer"] * 3

    run(test)


def test_a_window_that_shrinks_below_zero_waits() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        peers.exchange()
        peers.start(b"q" * 100_000)  # the first 65535 bytes are sent
        peers.transport.take()
        peers.client.data_received(settings_frame([(4, 10)]) + window_update_frame(0, 1 << 20) + window_update_frame(1, 65_000))
        assert peers.transport.take() == SETTINGS_ACK
        peers.client.data_received(window_update_frame(1, 1000))
        assert len(peers.transport.take()) == 9 + 475

    run(test)


def test_a_larger_window_is_used_only_behind_its_acknowledgement() -> None:
    """Until then the peer still counts by the old one (grpcio resets the stream with PROTOCOL_ERROR)."""

    def test() -> None:
        peers = ClientUnderTest({Setting.INITIAL_WINDOW_SIZE: 100})
        peers.exchange()
        peers.start(b"q" * 10_000)
        peers.exchange()
        peers.server.update_settings({Setting.INITIAL_WINDOW_SIZE: 50_000})
        peers.exchange()  # h2 raises where grpcio resets
        assert sum(len(event.data) for event in peers.events if isinstance(event, h2.events.DataReceived)) == 10_005

    run(test)


def test_a_transport_that_is_full_gets_no_more_until_it_has_room() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        peers.exchange()
        begun = peers.start(b"q" * 70_000)
        peers.exchange()
        peers.client.pause_writing()
        peers.server.increment_flow_control_window(100_000)
        peers.server.increment_flow_control_window(100_000, 1)
        peers.client.data_received(peers.server.data_to_send())
        second, third, cancelled, late = (peers.start() for _ in range(4))
        cancelled.cancel()
        late.on_deadline()
        peers.client.release_output()
        assert peers.transport.take() == b"", "neither the first one's rest nor any other's head"
        assert (peers.client.waiting_calls, late.failure[0]) == (2, CALL_TIMEOUT)
        peers.client.resume_writing()
        peers.exchange()
        assert sorted(peers.client.streams) == [1, 3, 5]
        for stream_id in (1, 3, 5):
            peers.answer(stream_id)
        assert [call.outcome for call in (begun, second, third)] == [b"answer"] * 3
        assert (peers.client.in_flight, peers.client.waiting_calls) == (0, 0)

    run(test)


def test_calls_that_are_given_up_leave_the_queue() -> None:
    """A server that takes no calls for long does not have this side keep those that nobody waits for."""

    def test() -> None:
        peers = ClientUnderTest({Setting.MAX_CONCURRENT_STREAMS: 0})
        peers.exchange()
        first = peers.start()
        for _ in range(1000):
            peers.start().cancel()
            peers.start().on_deadline()
        last = peers.start()
        assert (peers.client.waiting_calls, peers.client.in_flight) == (2, 2)
        peers.client.connection_lost(None)
        assert first.failure == last.failure == (CALL_LOST, UNAVAILABLE)

    run(test)


def test_a_server_that_takes_more_calls_at_once_gets_those_that_wait() -> None:
    def test() -> None:
        peers = ClientUnderTest({Setting.MAX_CONCURRENT_STREAMS: 1})
        peers.exchange()
        calls = [peers.start() for _ in range(4)]
        peers.exchange()
        assert sorted(peers.client.streams) == [1]
        peers.server.update_settings({Setting.MAX_CONCURRENT_STREAMS: 3})
        peers.exchange()
        assert sorted(peers.client.streams) == [1, 3, 5]
        for stream_id in (1, 3, 5, 7):
            peers.answer(stream_id)
        assert [call.outcome for call in calls] == [b"answer"] * 4

    run(test)


def test_calls_beyond_what_the_peer_takes_wait_their_turn() -> None:
    def test() -> None:
        peers = ClientUnderTest({Setting.MAX_CONCURRENT_STREAMS: 2})
        peers.exchange()
        calls = [peers.start() for _ in range(5)]
        peers.exchange()
        assert sorted(peers.client.streams) == [1, 3]
        calls[2].cancel()
        for stream_id in (1, 3, 5, 7):
            peers.answer(stream_id)
        assert [call.outcome for call in calls] == [b"answer", b"answer", None, b"answer", b"answer"]
        assert peers.client.in_flight == 0

    run(test)
