"""Frames: whatever way the bytes arrive, and whatever is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.protocols.http2.errors import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR, Http2Error
from headgate.protocols.http2.frame import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PRIORITY_FLAG,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    WINDOW_UPDATE,
    frame_header,
    goaway_frame,
    headers_frames,
    ping_frame,
    reset_frame,
    settings_frame,
    window_update_frame,
)
from headgate.protocols.http2.frame_reader import FrameEvents, FrameReader


class Recorder(FrameEvents):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def on_data(self, stream_id: int, data: bytes, flow: int, end_stream: bool) -> None:
        self.heard.append(("data", stream_id, data, flow, end_stream))

    def on_headers(self, stream_id: int, block: bytes, end_stream: bool) -> None:
        self.heard.append(("headers", stream_id, block, end_stream))

    def on_reset(self, stream_id: int, code: int) -> None:
        self.heard.append(("reset", stream_id, code))

    def on_settings(self, settings: list[tuple[int, int]]) -> None:
        self.heard.append(("settings", *settings))

    def on_settings_ack(self) -> None:
        self.heard.append(("settings ack",))

    def on_ping(self, opaque: bytes, ack: bool) -> None:
        self.heard.append(("ping", opaque, ack))

    def on_goaway(self, last_stream_id: int, code: int, detail: bytes) -> None:
        self.heard.append(("goaway", last_stream_id, code, detail))

    def on_window_update(self, stream_id: int, increment: int) -> None:
        self.heard.append(("window", stream_id, increment))

    def on_ignored_frame(self, kind: int) -> None:
        self.heard.append(("ignored", kind))


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return frame_header(len(payload), kind, flags, stream_id) + payload


def reader() -> tuple[Recorder, FrameReader]:
    recorder = Recorder()
    return recorder, FrameReader(recorder, 16384, 4096)


TRANSCRIPT = (
    settings_frame([(3, 100), (4, 65535), (0x99, 1)])
    + SETTINGS_ACK
    + headers_frames(b"h" * 50, 0, 1, 20)
    + frame(HEADERS, END_HEADERS | PADDED | PRIORITY_FLAG, 3, b"\x02" + b"\x00\x00\x00\x01\x10" + b"block" + b"\x00\x00")
    + frame(DATA, END_STREAM | PADDED, 1, b"\x03abc\x00\x00\x00")
    + frame(DATA, 0, 3, b"x" * 3000)
    + ping_frame(b"12345678", ACK)
    + window_update_frame(0, 7)
    + frame(PRIORITY, 0, 5, b"\x00" * 5)
    + frame(0xBE, 0xFF, 9, b"?")
    + reset_frame(3, 8)
    + goaway_frame(1, 2, b"why")
)
HEARD = [
    ("settings", (3, 100), (4, 65535), (0x99, 1)),
    ("settings ack",),
    ("headers", 1, b"h" * 50, False),
    ("headers", 3, b"block", False),
    ("data", 1, b"abc", 7, True),
    ("data", 3, b"x" * 3000, 3000, False),
    ("ping", b"12345678", True),
    ("window", 0, 7),
    ("ignored", PRIORITY),
    ("ignored", 0xBE),
    ("reset", 3, 8),
    ("goaway", 1, 2, b"why"),
]


@given(st.lists(st.integers(1, 200), max_size=60))
def test_reads_frames_in_whatever_pieces_they_arrive(sizes: list[int]) -> None:
    recorder, frames = reader()
    position = 0
    for size in [*sizes, len(TRANSCRIPT)]:
        if position < len(TRANSCRIPT):
            frames.feed(TRANSCRIPT[position : position + size])
            position += size
    assert recorder.heard == HEARD


def test_reads_frames_byte_by_byte() -> None:
    recorder, frames = reader()
    for byte in TRANSCRIPT:
        frames.feed(bytes([byte]))
    assert recorder.heard == HEARD


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (frame_header(16385, DATA, 0, 1), FRAME_SIZE_ERROR),
        (frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
        (frame(DATA, PADDED, 1), FRAME_SIZE_ERROR),
        (frame(DATA, PADDED, 1, b"\x01"), PROTOCOL_ERROR),
        (frame(HEADERS, END_HEADERS, 0, b"x"), PROTOCOL_ERROR),
        (frame(HEADERS, END_HEADERS | PRIORITY_FLAG, 1, b"1234"), FRAME_SIZE_ERROR),
        (frame(HEADERS, END_HEADERS, 1, b"x" * 4097), ENHANCE_YOUR_CALM),
        (frame(HEADERS, 0, 1, b"x") + frame(DATA, 0, 1, b"x"), PROTOCOL_ERROR),
        (frame(HEADERS, 0, 1, b"x") + frame(CONTINUATION, END_HEADERS, 3, b"x"), PROTOCOL_ERROR),
        (frame(CONTINUATION, END_HEADERS, 1, b"x"), PROTOCOL_ERROR),
        (frame(HEADERS, 0, 1, b"x") + frame(CONTINUATION, 0, 1) * 100, ENHANCE_YOUR_CALM),
        (frame(HEADERS, 0, 1, b"x" * 2000) + frame(CONTINUATION, 0, 1, b"x" * 1100) * 2, ENHANCE_YOUR_CALM),
        (frame(PUSH_PROMISE, END_HEADERS, 1, b"\x00\x00\x00\x02"), PROTOCOL_ERROR),
        (frame(PING, 0, 1, b"12345678"), PROTOCOL_ERROR),
        (frame(PING, 0, 0, b"1234567"), FRAME_SIZE_ERROR),
        (frame(SETTINGS, 0, 1), PROTOCOL_ERROR),
        (frame(SETTINGS, 0, 0, b"12345"), FRAME_SIZE_ERROR),
        (frame(SETTINGS, ACK, 0, b"123456"), FRAME_SIZE_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, b"123"), FRAME_SIZE_ERROR),
        (frame(RST_STREAM, 0, 0, b"1234"), PROTOCOL_ERROR),
        (frame(RST_STREAM, 0, 1, b"123"), FRAME_SIZE_ERROR),
        (frame(PRIORITY, 0, 0, b"12345"), PROTOCOL_ERROR),
        (frame(PRIORITY, 0, 1, b"1234"), FRAME_SIZE_ERROR),
        (frame(GOAWAY, 0, 1, b"12345678"), PROTOCOL_ERROR),
        (frame(GOAWAY, 0, 0, b"1234567"), FRAME_SIZE_ERROR),
    ],
)
def test_refuses_malformed_frames(wire: bytes, code: int) -> None:
    _, frames = reader()
    with pytest.raises(Http2Error) as raised:
        frames.feed(wire)
    assert raised.value.code == code


def test_stops_when_the_connection_has_ended() -> None:
    recorder, frames = reader()

    class Stopping(Recorder):
        def on_ping(self, opaque: bytes, ack: bool) -> None:
            super().on_ping(opaque, ack)
            frames.stopped = True

    recorder = Stopping()
    frames = FrameReader(recorder, 16384, 4096)
    frames.feed(ping_frame(b"12345678", 0) * 2)
    assert len(recorder.heard) == 1
