"""The control channel between the supervisor and one worker: framed messages and file descriptors over a Unix socket pair.

A frame is a length (4 bytes, big-endian) and that many bytes of JSON, one object. File descriptors travel beside a frame as
``SCM_RIGHTS``: the object's key ``fds`` says how many belong to it, and they are sent with the frame's first byte, so they have arrived
when the frame is complete. Configurations are big and do not travel in frames: they are handed over as a descriptor of a file in memory
(:mod:`headgate.server.config_handover`), so that reading one never holds up the loop of a worker.

The end of the stream means that the peer is gone, however it died.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from headgate.api.errors import HeadgateError

Message = dict[str, object]
"""One message: a JSON object."""

MAX_FRAME: Final = 64 << 20
"""Bytes; a longer frame is a fault of the peer."""

MAX_FDS: Final = 200
"""File descriptors beside one frame (Linux takes at most 253 in one call)."""

_HEADER: Final = 4
_READ_SIZE: Final = 256 << 10
_CLOSE_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class ChannelError(HeadgateError):
    """The peer sent what is no frame, or the channel is closed."""


def encode_frame(message: Message) -> bytes:
    """The bytes of one frame.

    :raises ChannelError: if it would be longer than :data:`MAX_FRAME`
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MAX_FRAME:
        raise ChannelError(f"a control message of {len(body)} bytes is too long")
    return len(body).to_bytes(_HEADER, "big") + body


class FrameDecoder:
    """Bytes in, messages out. Does no I/O."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes as they came and return the messages that are complete now.

        :raises ChannelError: for a frame that is too long or no JSON object
        """
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        position = 0
        while len(buffer) - position >= _HEADER:
            length = int.from_bytes(buffer[position : position + _HEADER], "big")
            if length > MAX_FRAME:
                raise ChannelError(f"a control frame of {length} bytes is too long")
            end = position + _HEADER + length
            if len(buffer) < end:
                break
            messages.append(_decode(bytes(buffer[position + _HEADER : end])))
            position = end
        del buffer[:position]
        return messages


def _decode(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise ChannelError(f"a control frame is no JSON: {error}") from None
    if not isinstance(message, dict):
        raise ChannelError("a control frame is no JSON object")
    return message


class Channel:
    """One end of the socket pair, driven by the running event loop.

    :param sock: the end; the channel owns it from here on
    :param on_message: called with each message and the descriptors that came beside it, which are the callee's to close
    :param on_close: called once when the peer is gone or sent rubbish; not after :meth:`close`
    """

    def __init__(self, sock: socket.socket, on_message: Callable[[Message, list[int]], None], on_close: Callable[[], None]) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_message = on_message
        self._on_close = on_close
        self._decoder = FrameDecoder()
        self._received_fds: deque[int] = deque()
        self._outgoing: deque[tuple[memoryview, list[int]]] = deque()
        self._writing = False
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._readable)

    @property
    def closed(self) -> bool:
        """Nothing can be sent any more."""
        return self._closed

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send a message, now or as soon as the socket takes it. Does nothing once the channel is closed.

        :param fds: descriptors to go with it; duplicated here, so the caller keeps its own
        :raises ChannelError: if the message is too long or the descriptors are more than :data:`MAX_FDS`
        """
        if self._closed:
            return
        if len(fds) > MAX_FDS:
            raise ChannelError(f"{len(fds)} file descriptors beside one message; at most {MAX_FDS}")
        frame = encode_frame({**message, "fds": len(fds)} if fds else message)
        self._outgoing.append((memoryview(frame), [os.dup(fd) for fd in fds]))
        self._flush()

    async def flush(self, timeout: float) -> None:
        """Wait until everything that was sent has been taken by the socket.

        :param timeout: seconds to wait at most
        """
        end = self._loop.time() + timeout
        while self._outgoing and not self._closed and self._loop.time() < end:
            await asyncio.sleep(0.005)

    def close(self) -> None:
        """Close this end; what was not sent yet is dropped."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        for _, fds in self._outgoing:
            _close_all(fds)
        self._outgoing.clear()
        _close_all(self._received_fds)
        self._received_fds.clear()
        self._sock.close()

    def _flush(self) -> None:
        outgoing = self._outgoing
        while outgoing:
            data, fds = outgoing[0]
            try:
                sent = socket.send_fds(self._sock, [data], fds) if fds else self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # The reader learns of the peer's end by itself, after it has read what the peer had still sent.
                for _, unsent in outgoing:
                    _close_all(unsent)
                outgoing.clear()
                break
            _close_all(fds)
            if sent < len(data):
                outgoing[0] = (data[sent:], [])
            else:
                outgoing.popleft()
        self._watch_writable(bool(outgoing))

    def _watch_writable(self, wanted: bool) -> None:
        if wanted == self._writing:
            return
        self._writing = wanted
        if wanted:
            self._loop.add_writer(self._sock.fileno(), self._flush)
        else:
            self._loop.remove_writer(self._sock.fileno())

    def _readable(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, _READ_SIZE, MAX_FDS, _CLOSE_ON_EXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, fds = b"", []
        self._received_fds.extend(fds)
        if not data:
            self._end()
            return
        try:
            messages = self._decoder.feed(data)
        except ChannelError:
            self._end()
            return
        for message in messages:
            if self._closed:
                return
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        count = message.pop("fds", 0)
        if not isinstance(count, int) or count > len(self._received_fds):
            self._end()
            return
        self._on_message(message, [self._received_fds.popleft() for _ in range(count)])

    def _end(self) -> None:
        if not self._closed:
            self.close()
            self._on_close()


def _close_all(fds: Sequence[int] | deque[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
