"""Streams that are given up: nothing is kept of them, and a peer cannot have that done without end."""

from __future__ import annotations

import gc
import weakref

from headgate.protocols.grpc.client_call import CALL_MALFORMED
from headgate.protocols.http2.flood_guard import FloodGuard
from headgate.protocols.http2.frame import END_HEADERS, HEADERS, window_update_frame
from headgate.protocols.http2.hpack_encoder import HpackEncoder
from tests.unit.protocols.grpc_client_peers import ClientUnderTest
from tests.unit.protocols.http2_peers import frame, run
from tests.unit.protocols.test_grpc_server_connection import ServerUnderTest

REQUEST = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/hold"),
    (b":authority", b"a"),
    (b"content-type", b"application/grpc"),
)


def _given_up(peers: ClientUnderTest) -> weakref.ref[object]:
    call = peers.start(b"x" * 1000)
    call.cancel()
    return weakref.ref(call)


def test_calls_given_up_while_the_peer_does_not_read_are_not_kept() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        peers.exchange()
        peers.client.pause_writing()
        seen = [_given_up(peers) for _ in range(50)]
        gc.collect()
        assert [ref() for ref in seen] == [None] * 50
        assert peers.client.in_flight == 0
        last = peers.start(b"last")
        peers.client.resume_writing()
        peers.exchange()
        peers.answer(last.id)
        assert last.outcome == b"answer"

    run(test)


def test_a_peer_that_has_its_own_streams_reset_again_and_again_loses_the_connection() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        peers.server._reset_guard = FloodGuard(20)
        wire = b""
        encoder = HpackEncoder(frozenset(name for name, _ in REQUEST))
        for number in range(1, 60, 2):
            wire += frame(HEADERS, END_HEADERS, number, encoder.encode(REQUEST)) + window_update_frame(number, 0)
        peers.server.data_received(wire)
        assert peers.transport.closed
        assert peers.owner.detail is not None
        assert "ENHANCE_YOUR_CALM: too many malformed streams" in peers.owner.detail
        assert len(peers.hold.cancelled) == 21

    run(test)


def test_a_few_malformed_streams_cost_those_streams() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        for number in range(1, 10, 2):
            call = peers.start()
            peers.exchange()
            peers.client.data_received(window_update_frame(number, 0))
            assert call.failure[0] == CALL_MALFORMED
            peers.transport.take()
        assert not peers.transport.closed

    run(test)
