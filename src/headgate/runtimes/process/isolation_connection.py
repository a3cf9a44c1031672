"""A worker's connection to one filter host: calls out, verdicts in, all of one turn of the loop in one write.

It accepts calls before it is connected, and holds them until it is. When it ends, however that comes, every call that it held fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol, cast

from headgate.api.errors import ExtensionError
from headgate.runtimes.process.host_words import host_words
from headgate.runtimes.process.isolation_messages import (
    OVERHEAD,
    VERSION,
    Done,
    Failed,
    FrameError,
    Frames,
    FromWorker,
    Hello,
    LateReply,
    Reply,
    Terminate,
    Welcome,
    decode_from_host,
    encode,
)

_LOG: Final = logging.getLogger("headgate.isolation")

MAX_CALLS: Final = 1024
"""Calls in flight on one connection; one more fails at once."""


class IsolationError(ExtensionError):
    """A filter in a process of its own failed, or its process did."""


class CallReceiver(Protocol):
    """Who waits for a call's outcome."""

    def on_call_done(self, done: Done) -> None:
        """The filter has come to a verdict."""

    def on_call_failed(self, error: IsolationError) -> None:
        """It has not."""


class StreamReceiver(Protocol):
    """Who is told what a filter does outside of its handlers."""

    def on_terminate(self, code: int) -> None:
        """It ends the stream."""

    def on_late_reply(self, reply: Reply) -> None:
        """It answers the request."""


def hello(entry: str, routes: list[str], max_body: int) -> Hello:
    """What a worker says first."""
    return Hello(VERSION, entry, routes, max_body, largest_frame(max_body))


def largest_frame(max_body: int) -> int:
    """Bytes that a frame may have: a body as it came, what a filter makes of it, and all the rest."""
    return 2 * max_body + OVERHEAD


class HostConnection(asyncio.Protocol):
    """One connection to a filter host.

    :ivar gone: it has ended
    :ivar welcomed: the host is ready
    """

    def __init__(self, name: str, greeting: Hello, on_gone: Callable[[HostConnection, bool], None]) -> None:
        """:param on_gone: told of the end, once; and whether the host had been ready"""
        self.gone = False
        self.welcomed = False
        self.streams: dict[int, StreamReceiver] = {}
        self._name = name
        self._greeting = greeting
        self._on_gone = on_gone
        self._calls: dict[int, CallReceiver] = {}
        self._last_call = 0
        self._last_stream = 0
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._flush_due = False
        self._frames = Frames(greeting.largest)
        self._transport: asyncio.Transport | None = None

    # --- what the filters ask of it

    @property
    def connected(self) -> bool:
        """There is a socket."""
        return self._transport is not None

    @property
    def in_flight(self) -> int:
        """Calls without an outcome."""
        return len(self._calls)

    def add_stream(self, receiver: StreamReceiver) -> int:
        """A number for a stream on this connection."""
        self._last_stream += 1
        self.streams[self._last_stream] = receiver
        return self._last_stream

    def next_call(self, receiver: CallReceiver) -> int:
        """A number for a call.

        :raises IsolationError: if the connection has ended or has too many calls
        """
        if self.gone:
            raise IsolationError(f"the process of filter {self._name} has ended")
        if self._unsent() > self._greeting.largest:
            raise IsolationError(f"the process of filter {self._name} does not read")
        if len(self._calls) >= MAX_CALLS:
            raise IsolationError(f"more than {MAX_CALLS} calls to the process of filter {self._name} are under way")
        self._last_call += 1
        self._calls[self._last_call] = receiver
        return self._last_call

    def forget_call(self, number: int) -> None:
        """Nobody waits for that call."""
        self._calls.pop(number, None)

    def send(self, message: FromWorker) -> None:
        """Send with all else of this turn of the loop.

        :raises FrameError: if it is too large
        """
        if self.gone:
            return
        if self._unsent() > 2 * self._greeting.largest:
            # Calls are refused before it comes to this; what is told of streams that end is not.
            self._broken("it does not read what it is sent")
            return
        data = encode(message, self._greeting.largest)
        self._out.append(data)
        self._out_bytes += len(data)
        if self.welcomed and not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def close(self) -> None:
        """End it when all is written: the last messages may be those of ``on_log`` and ``on_destroy``. Calls under way fail."""
        if self._transport is not None:
            if self.welcomed:
                self._flush()
            self._transport.close()
        self._lost("the connection was closed")

    def _flush(self) -> None:
        self._flush_due = False
        if self._transport is not None and self._out:
            data = b"".join(self._out)
            self._out.clear()
            self._out_bytes = 0
            self._transport.write(data)

    def _unsent(self) -> int:
        """Bytes that the process has not taken: bounded, as a process that hangs takes none."""
        return self._out_bytes + (self._transport.get_write_buffer_size() if self._transport is not None else 0)

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.gone:
            self._transport.abort()
            return
        self._transport.write(encode(self._greeting, self._greeting.largest))

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                self._take(frame)
        except FrameError as error:
            self._broken(f"it sent something that is no message: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost("it ended, or closed the connection")

    # --- what comes in

    def _take(self, frame: bytes) -> None:
        message = decode_from_host(frame)
        if isinstance(message, Done):
            receiver = self._calls.pop(message.number, None)
            if receiver is not None:
                receiver.on_call_done(message)
        elif isinstance(message, Failed):
            receiver = self._calls.pop(message.number, None)
            if receiver is not None:
                receiver.on_call_failed(IsolationError(host_words(message.error)))
        elif isinstance(message, Welcome):
            if message.error:
                self._broken(message.error)
                return
            self.welcomed = True
            self._flush()
        elif isinstance(message, Terminate):
            stream = self.streams.get(message.stream)
            if stream is not None:
                stream.on_terminate(message.code)
        elif isinstance(message, LateReply):
            stream = self.streams.get(message.stream)
            if stream is not None:
                stream.on_late_reply(message.reply)
        else:
            raise FrameError(f"{type(message).__name__}, which nobody asked for")

    def _broken(self, words: str) -> None:
        reason = host_words(words)
        _LOG.error("filter %s: its process: %s", self._name, reason)
        if self._transport is not None:
            self._transport.abort()
        self._lost(reason)

    def _lost(self, reason: str) -> None:
        if self.gone:
            return
        self.gone = True
        self._out.clear()
        self._out_bytes = 0
        self.streams.clear()
        calls = list(self._calls.values())
        self._calls.clear()
        self._on_gone(self, self.welcomed)
        for receiver in calls:
            receiver.on_call_failed(IsolationError(f"the process of filter {self._name}: {reason}"))
