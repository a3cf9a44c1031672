"""What one side of an HTTP/2 connection sends: frames, within the peer's windows (RFC 9113 section 5.2) and settings.

A message that fits the windows is one write. What does not fit waits in its stream's outbox; streams that may send take turns, one frame
each. Writes that come from within the reading of what has arrived are put together into one; others are after a call of
:meth:`~EndpointOutput.gather_turn` (uvloop writes at once what it is given).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from headgate.protocols.http2.errors import FLOW_CONTROL_ERROR, Http2Error
from headgate.protocols.http2.flow_control import ReceiveWindow, SendWindow
from headgate.protocols.http2.frame import DATA, END_STREAM, frame_header, headers_frames, reset_frame
from headgate.protocols.http2.hpack_encoder import HpackEncoder
from headgate.protocols.http2.settings import DEFAULT_WINDOW_SIZE, PeerSettings
from headgate.protocols.http2.stream import Http2Stream

_GATHER: Final = 256 * 1024
"""Bytes up to which writes are held back while reading."""


class EndpointOutput:
    """The sending half of a connection, and its table of streams.

    :param is_client: this side opened the connection
    :param not_indexed: names of fields whose values change with every message
    """

    def __init__(self, is_client: bool, not_indexed: frozenset[bytes]) -> None:
        self.closed: bool = False
        self.streams: dict[int, Http2Stream] = {}
        self.last_own_stream: int = 0
        self.peer = PeerSettings()
        self.encoder = HpackEncoder(not_indexed)
        self._is_client = is_client
        self._transport: asyncio.Transport | None = None
        self._send_window = SendWindow(DEFAULT_WINDOW_SIZE)
        self._turns: deque[Http2Stream] = deque()
        self._paused: bool = False
        self.unread_answers: int = 0  # bytes written by write_answer since the peer stopped reading
        self._holding: bool = False
        self._held: list[bytes] = []
        self._held_size: int = 0

    # --- bytes

    def write(self, data: bytes) -> None:
        """Send bytes, or hold them back until what has arrived is read."""
        if self._holding:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size < _GATHER:
                return
            data = self._take_held()
        if self._transport is not None and not self.closed:
            self._transport.write(data)

    def hold_output(self) -> None:
        """Hold writes back until :meth:`release_output`."""
        self._holding = True

    def gather_turn(self) -> None:
        """Hold writes back until this turn of the event loop is over, so that all of them are one."""
        if not self._holding:
            self._holding = True
            asyncio.get_running_loop().call_soon(self.release_output)

    def release_output(self) -> None:
        """Send what was held back."""
        self._holding = False
        if self._held:
            data = self._take_held()
            if self._transport is not None and not self.closed:
                self._transport.write(data)

    def _take_held(self) -> bytes:
        held = self._held
        self._held = []
        self._held_size = 0
        return held[0] if len(held) == 1 else b"".join(held)

    # --- streams

    def open_stream(self, stream: Http2Stream, stream_window: int) -> int:
        """Put a stream of this side into the table; its HEADERS have to be the next thing that is written.

        :returns: its identifier
        """
        stream_id = self.last_own_stream + 2 if self.last_own_stream else (1 if self._is_client else 2)
        self.last_own_stream = stream_id
        self.enter(stream, stream_id, ReceiveWindow(stream_window))
        return stream_id

    def enter(self, stream: Http2Stream, stream_id: int, window: ReceiveWindow) -> None:
        """Put a stream into the table."""
        stream.id = stream_id
        stream.receive_window = window
        stream.send_window = SendWindow(self.peer.initial_window_size)
        self.streams[stream_id] = stream

    def drop(self, stream: Http2Stream) -> None:
        """Take a stream out of the table."""
        if self.streams.pop(stream.id, None) is not None:
            stream.outbox = b""
            stream.outbox_trailers = None
            if stream.has_turn:
                # A peer that does not read keeps the queue standing: what was given up must not be kept in it, with all that hangs on it.
                stream.has_turn = False
                self._turns.remove(stream)
            self.on_stream_end()

    def on_stream_end(self) -> None:
        """A stream has left the table."""
        raise NotImplementedError

    def clear_streams(self) -> list[Http2Stream]:
        """Empty the table."""
        streams = list(self.streams.values())
        self.streams.clear()
        self._turns.clear()
        return streams

    def forget_if_ended(self, stream: Http2Stream) -> None:
        """Take a stream out of the table if both sides have ended it and nothing waits to be sent."""
        if stream.remote_ended and stream.local_ended and not stream.waits_for_window:
            self.drop(stream)

    def reset_stream(self, stream: Http2Stream, code: int) -> None:
        """Reset a stream and take it out of the table."""
        if stream.id in self.streams:
            self.reset_frame(stream.id, code)
            self.drop(stream)

    def reset_frame(self, stream_id: int, code: int) -> None:
        """Send RST_STREAM."""
        self.write(reset_frame(stream_id, code))

    # --- messages

    def encode_head(self, stream_id: int, block: bytes, end_stream: bool) -> bytes:
        """The frames of an encoded block."""
        return headers_frames(block, END_STREAM if end_stream else 0, stream_id, self.peer.max_frame_size)

    def send_message(
        self, stream: Http2Stream, head: bytes, data: bytes, end_stream: bool, trailers: Sequence[tuple[bytes, bytes]] | None = None
    ) -> None:
        """Send a head and a part of a body.

        :param head: encoded frames that go before it, or empty
        :param data: not empty
        :param end_stream: nothing follows but ``trailers``
        :param trailers: fields that end the stream
        """
        if end_stream:
            stream.local_ended = True
        size = len(data)
        window = stream.send_window
        assert window is not None
        room = min(window.available, self._send_window.available, self.peer.max_frame_size)
        if size > room or self._paused or stream.waits_for_window:
            if head:
                self.write(head)
            self._queue(stream, data, trailers)
            return
        window.available -= size
        self._send_window.available -= size
        if trailers is None:
            self.write(head + frame_header(size, DATA, END_STREAM if end_stream else 0, stream.id) + data)
        else:
            end = self.encode_head(stream.id, self.encoder.encode(trailers), True)
            self.write(b"".join((head, frame_header(size, DATA, 0, stream.id), data, end)))

    def end_message(self, stream: Http2Stream) -> None:
        """End a stream behind what was sent on it, or waits to be."""
        stream.local_ended = True
        if not stream.waits_for_window:
            self.write(frame_header(0, DATA, END_STREAM, stream.id))
            self.forget_if_ended(stream)

    def _queue(self, stream: Http2Stream, data: bytes, trailers: Sequence[tuple[bytes, bytes]] | None) -> None:
        if stream.waits_for_window:
            stream.outbox = stream.outbox[stream.outbox_sent :] + data
        else:
            stream.outbox = data
            stream.waits_for_window = True
        stream.outbox_sent = 0
        stream.outbox_trailers = trailers
        self._give_turn(stream)
        self._pump()

    def _give_turn(self, stream: Http2Stream) -> None:
        if not stream.has_turn:
            stream.has_turn = True
            self._turns.append(stream)

    def _pump(self) -> None:
        """Let the streams that wait send in turn, while there is room. One whose own window is used up leaves the queue until it grows."""
        turns = self._turns
        while turns and not self._paused and not self.closed and self._send_window.available > 0:
            stream = turns.popleft()
            stream.has_turn = False
            window = stream.send_window
            if stream.id not in self.streams or not stream.waits_for_window or window is None or window.available <= 0:
                continue
            left = len(stream.outbox) - stream.outbox_sent
            size = min(left, window.available, self._send_window.available, self.peer.max_frame_size)
            data = stream.outbox[stream.outbox_sent : stream.outbox_sent + size]
            window.available -= size
            self._send_window.available -= size
            stream.outbox_sent += size
            last = size == left
            flags = END_STREAM if last and stream.local_ended and stream.outbox_trailers is None else 0
            self.write(frame_header(size, DATA, flags, stream.id) + data)
            if last:
                self._outbox_done(stream)
            else:
                self._give_turn(stream)

    def _outbox_done(self, stream: Http2Stream) -> None:
        trailers = stream.outbox_trailers
        stream.outbox = b""
        stream.outbox_trailers = None
        stream.waits_for_window = False
        if trailers is not None:
            # Encoded only now: blocks have to be sent in the order in which they were encoded.
            self.write(self.encode_head(stream.id, self.encoder.encode(trailers), True))
        self.forget_if_ended(stream)

    # --- windows

    def grow_connection_window(self, increment: int) -> None:
        """The peer allows more on the connection.

        :raises Http2Error: if that is more than a window can hold
        """
        if not self._send_window.grow(increment):
            raise Http2Error(FLOW_CONTROL_ERROR, "a connection window of more than 2^31-1")
        self._pump()

    def grow_stream_window(self, stream: Http2Stream, increment: int) -> bool:
        """The peer allows more on a stream; False if that is more than a window can hold."""
        window = stream.send_window
        if window is None or not window.grow(increment):
            return False
        if stream.waits_for_window:
            self._give_turn(stream)
            self._pump()
        return True

    def take_up_settings(self, settings: list[tuple[int, int]]) -> None:
        """The peer has said something of itself. What a larger window lets through may be sent only behind the acknowledgement, which is
        what tells the peer from where on it counts: :meth:`send_waiting` after that.

        :raises Http2Error: for values that are not allowed
        """
        before = self.peer.initial_window_size
        self.peer.apply(settings, self._is_client)
        self.encoder.set_max_size(self.peer.header_table_size)
        change = self.peer.initial_window_size - before
        if change:
            for stream in list(self.streams.values()):
                window = stream.send_window
                if window is not None and not window.grow(change):
                    raise Http2Error(FLOW_CONTROL_ERROR, "a stream window of more than 2^31-1")
                if stream.waits_for_window:
                    self._give_turn(stream)

    def transport_is_full(self) -> None:
        """The transport is full."""
        self._paused = True

    def write_answer(self, data: bytes) -> None:
        """Send an acknowledgement that the peer has asked for. What it does not read of these is counted; messages of this side's own,
        however large, are not: the windows bound them."""
        if self._paused:
            self.unread_answers += len(data)
        self.write(data)

    def transport_has_room(self) -> None:
        """It has room again."""
        self._paused = False
        self.unread_answers = 0
        self._pump()

    def send_waiting(self) -> None:
        """Send what may have become possible to send."""
        self._pump()
