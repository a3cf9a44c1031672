"""What a peer may get wrong, and what it then loses: the connection, or one stream."""

from __future__ import annotations

import pytest

from headgate.protocols.grpc.client_call import CALL_MALFORMED
from headgate.protocols.http2 import errors
from headgate.protocols.http2.frame import (
    DATA,
    END_HEADERS,
    HEADERS,
    RST_STREAM,
    SETTINGS,
    goaway_frame,
    ping_frame,
    settings_frame,
    window_update_frame,
)
from tests.unit.protocols.grpc_client_peers import ClientUnderTest
from tests.unit.protocols.http2_peers import frame, run


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", errors.FRAME_SIZE_ERROR),
        (frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"), errors.COMPRESSION_ERROR),
        (frame(DATA, 0, 99, b"x"), errors.PROTOCOL_ERROR),
        (frame(HEADERS, END_HEADERS, 2, b"\x88"), errors.PROTOCOL_ERROR),
        (frame(SETTINGS, 0, 0, b"\x00\x04\x80\x00\x00\x00"), errors.FLOW_CONTROL_ERROR),
        (frame(SETTINGS, 0, 0, b"\x00\x05\x00\x00\x00\x01"), errors.PROTOCOL_ERROR),
        (frame(SETTINGS, 0, 0, b"\x00\x02\x00\x00\x00\x01"), errors.PROTOCOL_ERROR),
        (window_update_frame(0, 0), errors.PROTOCOL_ERROR),
        (window_update_frame(0, 0x7FFFFFFF), errors.FLOW_CONTROL_ERROR),
        (settings_frame([]) * 10_001, errors.ENHANCE_YOUR_CALM),
        (ping_frame(b"12345678", 0) * 10_001, errors.ENHANCE_YOUR_CALM),
        (frame(DATA, 0, 1) * 10_001, errors.ENHANCE_YOUR_CALM),
        (frame(0xBE, 0, 1) * 10_001, errors.ENHANCE_YOUR_CALM),
    ],
)
def test_a_peer_that_breaks_the_protocol_loses_the_connection(wire: bytes, code: int) -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call = peers.start()
        peers.exchange()
        peers.client.data_received(wire)
        assert call.failure[0] == CALL_MALFORMED
        assert peers.transport.closed
        assert goaway_frame(0, code, b"")[9:] in peers.transport.written

    run(test)


@pytest.mark.parametrize(
    "wire",
    [
        window_update_frame(1, 0),
        window_update_frame(1, 0x7FFFFFFF),
        frame(HEADERS, END_HEADERS, 1, b"\x88\x40\x01A\x01b"),
        frame(HEADERS, END_HEADERS, 1, b"\x40\x01a\x01b"),
        frame(DATA, 0, 1, b"early"),
    ],
    ids=["window by 0", "window too large", "upper case", "no status", "data before the head"],
)
def test_an_error_of_one_stream_costs_that_stream(wire: bytes) -> None:
    def test() -> None:
        peers = ClientUnderTest()
        call, other = peers.start(), peers.start()
        peers.exchange()
        peers.client.data_received(wire)
        assert call.failure[0] == CALL_MALFORMED
        assert frame(RST_STREAM, 0, 1)[3:9] in peers.transport.written
        assert not peers.transport.closed
        assert other.outcome is None

    run(test)


def test_the_first_frame_has_to_be_settings() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        peers.client.data_received(ping_frame(b"12345678", 0))
        assert peers.transport.closed

    run(test)


def test_answers_that_nobody_reads_end_the_connection() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        peers.exchange()
        peers.client.pause_writing()
        for _ in range(400):
            peers.client.data_received(ping_frame(b"12345678", 0))
        assert peers.transport.closed

    run(test)


def test_a_message_of_our_own_that_the_peer_has_not_read_yet_is_no_fault_of_its() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        peers.exchange()
        peers.client.pause_writing()
        peers.transport.unread = 50 * 1024 * 1024
        for _ in range(20):
            peers.client.data_received(ping_frame(b"12345678", 0))
        assert not peers.transport.closed

    run(test)


def test_answers_count_anew_once_the_peer_has_read() -> None:
    def test() -> None:
        peers = ClientUnderTest()
        peers.exchange()
        for _ in range(3):
            peers.client.pause_writing()
            for _ in range(150):
                peers.client.data_received(ping_frame(b"12345678", 0))
            peers.client.resume_writing()
        assert not peers.transport.closed

    run(test)
