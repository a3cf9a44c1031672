"""One side of an HTTP/2 connection (RFC 9113): what client and server have in common.

An asyncio protocol that owns the frames, the tables of header compression, the windows and the table of streams. What a stream's head or
body means is the stream's business (:class:`Http2Stream`); how streams begin is that of the subclass.

A connection ends in one of three ways, and each tells every stream once: the transport closes; the peer breaks the protocol (GOAWAY with
the reason, then closed); this side closes it. After GOAWAY from either side no stream begins, and the connection is closed with its last.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Final

from headgate.protocols.http2.endpoint_output import EndpointOutput
from headgate.protocols.http2.errors import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    Http2Error,
    error_name,
)
from headgate.protocols.http2.field_block import FieldBlock
from headgate.protocols.http2.flood_guard import FloodGuard
from headgate.protocols.http2.flow_control import ReceiveWindow
from headgate.protocols.http2.frame import ACK, PREFACE, SETTINGS_ACK, goaway_frame, ping_frame, settings_frame, window_update_frame
from headgate.protocols.http2.frame_reader import FrameEvents, FrameReader
from headgate.protocols.http2.hpack_decoder import HpackDecoder
from headgate.protocols.http2.settings import DEFAULT_WINDOW_SIZE, Http2Settings
from headgate.protocols.http2.stream import Http2Stream

_MAX_UNREAD: Final = 4096
"""Bytes of acknowledgements past which a peer that asks for them and does not read is left: those of some 240 PINGs."""


class Http2Endpoint(EndpointOutput, FrameEvents):
    """The connection of one side.

    :param is_client: this side opened it
    :param settings: this side's limits
    :param not_indexed: names of fields whose values change with every message
    """

    def __init__(self, is_client: bool, settings: Http2Settings, not_indexed: frozenset[bytes]) -> None:
        super().__init__(is_client, not_indexed)
        self.ready: bool = False
        """The peer's first SETTINGS have arrived."""
        self.draining: bool = False
        """GOAWAY was sent or received, or the identifiers are used up: no new streams."""
        self._settings = settings
        self._reader = FrameReader(self, settings.max_frame_size, settings.max_header_list_size)
        self._reader.settings_first = True
        self._decoder = HpackDecoder(settings.header_table_size, settings.max_header_list_size)
        self._receive_window = ReceiveWindow(max(settings.connection_window, DEFAULT_WINDOW_SIZE))
        self._control_guard = FloodGuard(settings.max_control_frames)
        self._reset_guard = FloodGuard(settings.max_resets)
        self._preface_left: bytes = b"" if is_client else PREFACE
        self._last_peer_stream: int = 0

    # --- for subclasses

    def on_ready(self) -> None:
        """The peer's first SETTINGS have arrived. The default does nothing."""

    def new_stream(self, stream_id: int, block: FieldBlock) -> Http2Stream | None:
        """The peer begins a stream; it hears of the block next. None refuses it."""
        raise NotImplementedError

    def on_stream_end(self) -> None:
        """A stream has left the table. The default closes a connection that is draining."""
        if self.draining and not self.streams:
            self.close()

    def on_drain(self) -> None:
        """The peer has sent GOAWAY. The default does nothing."""

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended; its streams have been told. The default does nothing."""

    # --- asyncio protocol

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The connection stands: say what RFC 9113 section 3.4 wants to be first."""
        self._transport = transport
        first = settings_frame(self._settings.announce(self._is_client))
        more = self._settings.connection_window - DEFAULT_WINDOW_SIZE
        if more > 0:
            first += window_update_frame(0, more)
        self.write(PREFACE + first if self._is_client else first)

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        if self.closed:
            return
        self.hold_output()
        try:
            if self._preface_left:
                data = self._after_preface(data)
            if data:
                self._reader.feed(data)
        except Http2Error as error:
            self._fail(error.code, error.message)
        finally:
            self.release_output()

    def eof_received(self) -> bool:
        """The peer has shut down its side: nothing that is under way can be completed."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The transport is closed, by either side's doing."""
        self._end(False, str(error) if error is not None else "the peer closed the connection")

    def pause_writing(self) -> None:
        """The peer reads slowly."""
        self.transport_is_full()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.transport_has_room()

    # --- frames

    def on_data(self, stream_id: int, data: bytes, flow: int, end_stream: bool) -> None:
        """DATA."""
        if flow and not self._receive_window.receive(flow):
            raise Http2Error(FLOW_CONTROL_ERROR, "more than the connection's window")
        if not data and not end_stream:
            self._count_control_frame()
        increment = self._receive_window.take(flow)
        if increment:
            self.write(window_update_frame(0, increment))
        stream = self.streams.get(stream_id)
        if stream is None:
            self._check_known(stream_id)
            return
        window = stream.receive_window
        if stream.remote_ended:
            self._malformed(stream, STREAM_CLOSED, "DATA after the end of the stream")
        elif window is not None and not window.receive(flow):
            self._malformed(stream, FLOW_CONTROL_ERROR, "more than the stream's window")
        else:
            if end_stream:
                stream.remote_ended = True
            elif window is not None:
                increment = window.take(flow)
                if increment:
                    self.write(window_update_frame(stream_id, increment))
            stream.on_data(data, end_stream)
            self.forget_if_ended(stream)

    def on_headers(self, stream_id: int, block: bytes, end_stream: bool) -> None:
        """HEADERS."""
        fields = self._decoder.decode(block)  # whoever it is for: the table has to follow
        stream = self.streams.get(stream_id)
        if stream is None:
            if self._is_client or stream_id <= self._last_peer_stream or stream_id % 2 == 0:
                self._check_known(stream_id)
                return
            self._last_peer_stream = stream_id
            stream = self._accept_stream(stream_id, fields)
            if stream is None:
                return
        if stream.remote_ended:
            self._malformed(stream, STREAM_CLOSED, "HEADERS after the end of the stream")
        elif fields.too_large:
            self._malformed(stream, ENHANCE_YOUR_CALM, "header fields over the limit")
        else:
            stream.remote_ended = end_stream
            stream.on_head(fields, end_stream)
            self.forget_if_ended(stream)

    def _accept_stream(self, stream_id: int, fields: FieldBlock) -> Http2Stream | None:
        stream: Http2Stream | None = None
        if not self.draining and len(self.streams) < self._settings.max_concurrent_streams:
            stream = self.new_stream(stream_id, fields)
        if stream is None:
            self.reset_frame(stream_id, REFUSED_STREAM)
            if self._reset_guard.flooded():
                raise Http2Error(ENHANCE_YOUR_CALM, "too many streams at once, again and again")
            return None
        self.enter(stream, stream_id, ReceiveWindow(self._settings.stream_window))
        return stream

    def on_reset(self, stream_id: int, code: int) -> None:
        """RST_STREAM."""
        if self._reset_guard.flooded():
            raise Http2Error(ENHANCE_YOUR_CALM, "too many streams reset")
        stream = self.streams.get(stream_id)
        if stream is None:
            self._check_known(stream_id)
        else:
            self.drop(stream)
            stream.on_reset(code)

    def on_settings(self, settings: list[tuple[int, int]]) -> None:
        """SETTINGS."""
        self._count_control_frame()
        self.take_up_settings(settings)
        self.write_answer(SETTINGS_ACK)
        self.send_waiting()
        if not self.ready:
            self.ready = True
            self.on_ready()

    def on_settings_ack(self) -> None:
        """Ours were taken up; they hold from the first byte on, as they only allow more than the defaults."""
        self._count_control_frame()

    def on_ping(self, opaque: bytes, ack: bool) -> None:
        """PING."""
        self._count_control_frame()
        if not ack:
            self.write_answer(ping_frame(opaque, ACK))

    def on_goaway(self, last_stream_id: int, code: int, detail: bytes) -> None:
        """GOAWAY: streams past its last were not looked at and never will be."""
        self._count_control_frame()
        self.draining = True
        self.on_drain()
        if self._is_client:
            for stream in list(self.streams.values()):
                if stream.id > last_stream_id:
                    self.drop(stream)
                    stream.on_reset(REFUSED_STREAM)
        if code != NO_ERROR:
            text = detail[:200].decode("utf-8", "backslashreplace")
            self._end(False, f"the peer ended the connection: {error_name(code)} {text!r}")
            self.close()
        else:
            self.on_stream_end()

    def on_window_update(self, stream_id: int, increment: int) -> None:
        """WINDOW_UPDATE."""
        if stream_id == 0:
            if increment == 0:
                raise Http2Error(PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
            self.grow_connection_window(increment)
            return
        stream = self.streams.get(stream_id)
        if stream is None:
            self._check_known(stream_id)
        elif increment == 0:
            self._malformed(stream, PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
        elif not self.grow_stream_window(stream, increment):
            self._malformed(stream, FLOW_CONTROL_ERROR, "a window of more than 2^31-1")

    def on_ignored_frame(self, kind: int) -> None:
        """PRIORITY or a frame of an extension."""
        self._count_control_frame()

    # --- endings

    def _count_control_frame(self) -> None:
        if self._control_guard.flooded():
            raise Http2Error(ENHANCE_YOUR_CALM, "a flood of control frames")
        if self.unread_answers > _MAX_UNREAD:
            raise Http2Error(ENHANCE_YOUR_CALM, "control frames, and none of the answers read")

    def _after_preface(self, data: bytes) -> bytes:
        left = self._preface_left
        count = min(len(left), len(data))
        if data[:count] != left[:count]:
            raise Http2Error(PROTOCOL_ERROR, "not HTTP/2: no connection preface")
        self._preface_left = left[count:]
        return data[count:]

    def _check_known(self, stream_id: int) -> None:
        """A frame for a stream that is not in the table: it has been closed, or it never was (RFC 9113 section 5.1)."""
        ours = (stream_id % 2 == 1) == self._is_client
        if stream_id > (self.last_own_stream if ours else self._last_peer_stream):
            raise Http2Error(PROTOCOL_ERROR, f"a frame for stream {stream_id}, which nobody opened")

    def _malformed(self, stream: Http2Stream, code: int, detail: str) -> None:
        self.reset_stream(stream, code)
        stream.on_malformed(detail)
        # A peer that has this side reset streams gets as much work begun for nothing as one that resets them itself (CVE-2025-8671).
        if self._reset_guard.flooded():
            raise Http2Error(ENHANCE_YOUR_CALM, "too many malformed streams")

    def _fail(self, code: int, detail: str) -> None:
        """The peer broke the protocol."""
        transport = self._transport
        if transport is not None and not self.closed:
            self.write(goaway_frame(self._last_peer_stream, code, detail.encode()))
            self.release_output()
        self._end(True, f"{error_name(code)}: {detail}")
        if transport is not None:
            transport.close()
            # A peer that does not read keeps what is unsent, and with it the socket.
            asyncio.get_running_loop().call_later(1.0, transport.abort)

    def rest(self, seconds: float) -> None:
        """Read nothing for a while: what the peer has to say is more than this side likes to deal with."""
        transport = self._transport
        if transport is not None and not self.closed and transport.is_reading():
            transport.pause_reading()
            asyncio.get_running_loop().call_later(seconds, self._read_on)

    def _read_on(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    def drain(self) -> None:
        """Begin no more streams, and close with the last."""
        if not self.closed and not self.draining:
            self.draining = True
            self.write(goaway_frame(self._last_peer_stream, NO_ERROR, b""))
            self.on_stream_end()

    def close(self) -> None:
        """Close it. Streams that are left are told."""
        transport = self._transport
        self.release_output()
        self._end(False, "the connection was closed")
        if transport is not None:
            transport.close()

    def abort(self) -> None:
        """Close it at once, with what is unsent."""
        transport = self._transport
        self._end(False, "the connection was closed")
        if transport is not None:
            transport.abort()

    def _end(self, by_protocol: bool, detail: str) -> None:
        if self.closed:
            return
        self.closed = True
        self.draining = True
        self._reader.stopped = True
        for stream in self.clear_streams():
            stream.on_connection_lost(by_protocol, detail)
        self.on_end(by_protocol, detail)
