"""Frames of HTTP/2 as they are written (RFC 9113 section 4.1 and 6).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (RFC 9113 section 3.4)."""

DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PUSH_PROMISE: Final = 0x5
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY_FLAG: Final = 0x20

FRAME_HEADER_SIZE: Final = 9
DEFAULT_MAX_FRAME_SIZE: Final = 16384


def frame_header(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    """The nine bytes before a frame's payload."""
    return ((length << 48) | (kind << 40) | (flags << 32) | stream_id).to_bytes(9, "big")


def headers_frames(block: bytes, flags: int, stream_id: int, max_frame_size: int) -> bytes:
    """A header block as HEADERS and, past the peer's frame size, CONTINUATION frames.

    :param flags: ``END_STREAM`` or 0
    """
    length = len(block)
    if length <= max_frame_size:
        return frame_header(length, HEADERS, flags | END_HEADERS, stream_id) + block
    parts = [frame_header(max_frame_size, HEADERS, flags, stream_id), block[:max_frame_size]]
    position = max_frame_size
    while position < length:
        end = min(position + max_frame_size, length)
        parts.append(frame_header(end - position, CONTINUATION, END_HEADERS if end == length else 0, stream_id))
        parts.append(block[position:end])
        position = end
    return b"".join(parts)


def settings_frame(settings: list[tuple[int, int]]) -> bytes:
    """A SETTINGS frame of these identifiers and values."""
    parts = [frame_header(6 * len(settings), SETTINGS, 0, 0)]
    for identifier, value in settings:
        parts.append(((identifier << 32) | value).to_bytes(6, "big"))
    return b"".join(parts)


SETTINGS_ACK: Final = frame_header(0, SETTINGS, ACK, 0)


def ping_frame(opaque: bytes, flags: int) -> bytes:
    """A PING frame.

    :param opaque: eight bytes
    :param flags: ``ACK`` for an answer, else 0
    """
    return frame_header(8, PING, flags, 0) + opaque


def reset_frame(stream_id: int, code: int) -> bytes:
    """A RST_STREAM frame."""
    return frame_header(4, RST_STREAM, 0, stream_id) + code.to_bytes(4, "big")


def goaway_frame(last_stream_id: int, code: int, detail: bytes) -> bytes:
    """A GOAWAY frame.

    :param last_stream_id: the peer's last stream that was or may be processed
    """
    return frame_header(8 + len(detail), GOAWAY, 0, 0) + last_stream_id.to_bytes(4, "big") + code.to_bytes(4, "big") + detail


def window_update_frame(stream_id: int, increment: int) -> bytes:
    """A WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame_header(4, WINDOW_UPDATE, 0, stream_id) + increment.to_bytes(4, "big")
