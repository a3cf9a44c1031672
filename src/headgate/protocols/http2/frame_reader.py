"""Bytes in, frames out (RFC 9113 section 4 and 6): every length, stream identifier and padding is checked here.

A header block is put together from HEADERS and CONTINUATION before it is handed on, as no other frame may come between. What a frame
means for its stream is the connection's business.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import trait

from headgate.protocols.http2.errors import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR, Http2Error
from headgate.protocols.http2.frame import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_HEADER_SIZE,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PRIORITY_FLAG,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)

_MAX_CONTINUATIONS: Final = 64
"""Frames of one header block: past it the peer is sending next to nothing in each (the CONTINUATION flood of 2024)."""


@trait
class FrameEvents:
    """Who hears of frames. Each method may raise :class:`Http2Error`."""

    def on_data(self, stream_id: int, data: bytes, flow: int, end_stream: bool) -> None:
        """DATA.

        :param data: without the padding
        :param flow: bytes that count against the flow-control windows, padding included
        """
        raise NotImplementedError

    def on_headers(self, stream_id: int, block: bytes, end_stream: bool) -> None:
        """HEADERS with all its CONTINUATION frames."""
        raise NotImplementedError

    def on_reset(self, stream_id: int, code: int) -> None:
        """RST_STREAM."""
        raise NotImplementedError

    def on_settings(self, settings: list[tuple[int, int]]) -> None:
        """SETTINGS, in order."""
        raise NotImplementedError

    def on_settings_ack(self) -> None:
        """Ours were taken up."""
        raise NotImplementedError

    def on_ping(self, opaque: bytes, ack: bool) -> None:
        """PING."""
        raise NotImplementedError

    def on_goaway(self, last_stream_id: int, code: int, detail: bytes) -> None:
        """GOAWAY."""
        raise NotImplementedError

    def on_window_update(self, stream_id: int, increment: int) -> None:
        """WINDOW_UPDATE; stream 0 is the connection. The increment may be 0, which is an error of the stream."""
        raise NotImplementedError

    def on_ignored_frame(self, kind: int) -> None:
        """A frame without a meaning here: PRIORITY, or a type of an extension."""
        raise NotImplementedError


def _uint32(data: bytes, at: int) -> int:
    return (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]


class FrameReader:
    """Reads the frames of one direction of a connection.

    :param max_frame_size: what this side announced, bytes
    :param max_block_size: of an encoded header block, bytes
    """

    def __init__(self, events: FrameEvents, max_frame_size: int, max_block_size: int) -> None:
        self.stopped: bool = False
        """Set by the connection when it ends: what is left of the bytes is not looked at."""
        self.settings_first: bool = False
        """The next frame has to be SETTINGS: set by the connection at its start (RFC 9113 section 3.4)."""
        self._events = events
        self._max_frame_size = max_frame_size
        self._max_block_size = max_block_size
        self._chunks: list[bytes] = []
        self._held: int = 0
        self._need: int = 0
        self._block_stream: int = 0
        self._block_end_stream: bool = False
        self._block: list[bytes] = []
        self._block_size: int = 0

    def feed(self, data: bytes) -> None:
        """Read what has arrived.

        :raises Http2Error: if the connection cannot go on
        """
        if self._held:
            # Kept in pieces until a frame is whole: joining at each arrival would cost the square of a frame that dribbles in.
            self._chunks.append(data)
            self._held += len(data)
            if self._held < self._need:
                return
            data = b"".join(self._chunks)
            self._chunks = []
            self._held = 0
        position = 0
        end = len(data)
        need = FRAME_HEADER_SIZE
        while end - position >= FRAME_HEADER_SIZE:
            length = (data[position] << 16) | (data[position + 1] << 8) | data[position + 2]
            if length > self._max_frame_size:
                raise Http2Error(FRAME_SIZE_ERROR, f"a frame of {length} bytes; {self._max_frame_size} are allowed")
            start = position + FRAME_HEADER_SIZE
            if start + length > end:
                need = FRAME_HEADER_SIZE + length
                break
            self._frame(data[position + 3], data[position + 4], _uint32(data, position + 5) & 0x7FFFFFFF, data[start : start + length])
            if self.stopped:
                return
            position = start + length
        if position < end:
            self._chunks.append(data[position:])
            self._held = end - position
            self._need = need

    def _frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if self.settings_first:
            if kind != SETTINGS or flags & ACK:
                raise Http2Error(PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self.settings_first = False
        if self._block_stream != 0 and (kind != CONTINUATION or stream_id != self._block_stream):
            raise Http2Error(PROTOCOL_ERROR, "a frame between the parts of a header block")
        if kind == DATA:
            self._data(flags, stream_id, payload)
        elif kind == HEADERS:
            self._headers(flags, stream_id, payload)
        elif kind == WINDOW_UPDATE:
            if len(payload) != 4:
                raise Http2Error(FRAME_SIZE_ERROR, "a WINDOW_UPDATE that is not 4 bytes")
            self._events.on_window_update(stream_id, _uint32(payload, 0) & 0x7FFFFFFF)
        elif kind == PING:
            if stream_id != 0:
                raise Http2Error(PROTOCOL_ERROR, "PING on a stream")
            if len(payload) != 8:
                raise Http2Error(FRAME_SIZE_ERROR, "a PING that is not 8 bytes")
            self._events.on_ping(payload, flags & ACK != 0)
        elif kind == RST_STREAM:
            if stream_id == 0:
                raise Http2Error(PROTOCOL_ERROR, "RST_STREAM on no stream")
            if len(payload) != 4:
                raise Http2Error(FRAME_SIZE_ERROR, "a RST_STREAM that is not 4 bytes")
            self._events.on_reset(stream_id, _uint32(payload, 0))
        else:
            self._rare_frame(kind, flags, stream_id, payload)

    def _rare_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if kind == SETTINGS:
            self._settings(flags, stream_id, payload)
        elif kind == CONTINUATION:
            self._continuation(flags, stream_id, payload)
        elif kind == GOAWAY:
            if stream_id != 0:
                raise Http2Error(PROTOCOL_ERROR, "GOAWAY on a stream")
            if len(payload) < 8:
                raise Http2Error(FRAME_SIZE_ERROR, "a GOAWAY of less than 8 bytes")
            self._events.on_goaway(_uint32(payload, 0) & 0x7FFFFFFF, _uint32(payload, 4), payload[8:])
        elif kind == PUSH_PROMISE:
            # A client may not send it; and as a client this side has switched it off.
            raise Http2Error(PROTOCOL_ERROR, "PUSH_PROMISE")
        else:
            if kind == PRIORITY:
                if stream_id == 0:
                    raise Http2Error(PROTOCOL_ERROR, "PRIORITY on no stream")
                if len(payload) != 5:
                    raise Http2Error(FRAME_SIZE_ERROR, "a PRIORITY that is not 5 bytes")
            self._events.on_ignored_frame(kind)

    def _data(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id == 0:
            raise Http2Error(PROTOCOL_ERROR, "DATA on no stream")
        flow = len(payload)
        if flags & PADDED:
            payload = self._without_padding(payload)
        self._events.on_data(stream_id, payload, flow, flags & END_STREAM != 0)

    def _headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id == 0:
            raise Http2Error(PROTOCOL_ERROR, "HEADERS on no stream")
        if flags & PADDED:
            payload = self._without_padding(payload)
        if flags & PRIORITY_FLAG:
            if len(payload) < 5:
                raise Http2Error(FRAME_SIZE_ERROR, "HEADERS too short for its priority")
            payload = payload[5:]
        size = len(payload)
        if size > self._max_block_size:
            raise Http2Error(ENHANCE_YOUR_CALM, f"a header block of more than {self._max_block_size} bytes")
        if flags & END_HEADERS:
            self._events.on_headers(stream_id, payload, flags & END_STREAM != 0)
        else:
            self._block_stream = stream_id
            self._block_end_stream = flags & END_STREAM != 0
            self._block = [payload]
            self._block_size = size

    def _continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block_stream == 0:
            raise Http2Error(PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        self._block.append(payload)
        self._block_size += len(payload)
        if self._block_size > self._max_block_size or len(self._block) > _MAX_CONTINUATIONS:
            raise Http2Error(ENHANCE_YOUR_CALM, f"a header block of more than {self._max_block_size} bytes or {_MAX_CONTINUATIONS} frames")
        if flags & END_HEADERS:
            block = b"".join(self._block)
            self._block = []
            self._block_stream = 0
            self._events.on_headers(stream_id, block, self._block_end_stream)

    def _settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id != 0:
            raise Http2Error(PROTOCOL_ERROR, "SETTINGS on a stream")
        size = len(payload)
        if flags & ACK:
            if size:
                raise Http2Error(FRAME_SIZE_ERROR, "a SETTINGS acknowledgement with a payload")
            self._events.on_settings_ack()
            return
        if size % 6:
            raise Http2Error(FRAME_SIZE_ERROR, "a SETTINGS frame whose length is no multiple of 6")
        settings: list[tuple[int, int]] = []
        position = 0
        while position < size:
            settings.append(((payload[position] << 8) | payload[position + 1], _uint32(payload, position + 2)))
            position += 6
        self._events.on_settings(settings)

    def _without_padding(self, payload: bytes) -> bytes:
        if not payload:
            raise Http2Error(FRAME_SIZE_ERROR, "a padded frame without its padding's length")
        end = len(payload) - payload[0]
        if end < 1:
            raise Http2Error(PROTOCOL_ERROR, "more padding than frame")
        return payload[1:end]
