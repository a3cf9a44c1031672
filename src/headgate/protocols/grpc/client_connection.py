"""A connection on which unary gRPC calls are made (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

A call is one object: the HTTP/2 stream, its deadline on the wheel, and what becomes of its answer. There is no task, no future and no timer
for each. The header block of a path is encoded once for each timeout, and sent as it is from then on.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic
from typing import Final

from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.call_heads import NOT_INDEXED, CallHeads
from headgate.protocols.grpc.message_reader import MessageReader, message_prefix
from headgate.protocols.grpc.status import (
    DEADLINE_EXCEEDED,
    OK,
    UNAVAILABLE,
    UNKNOWN,
    decode_message,
    parse_status,
    status_of_reset,
)
from headgate.protocols.grpc.timeout import coarse_milliseconds
from headgate.protocols.http2.endpoint import Http2Endpoint
from headgate.protocols.http2.errors import CANCEL, error_name
from headgate.protocols.http2.field_block import RESPONSE, TRAILERS, FieldBlock
from headgate.protocols.http2.settings import Http2Settings
from headgate.protocols.http2.stream import Http2Stream

_LOG: Final = logging.getLogger("headgate.grpc")

# Why a call has no answer.
CALL_TIMEOUT: Final = 1
"""The deadline passed, here or there."""
CALL_LOST: Final = 2
"""The connection ended, or the peer will not look at the call any more."""
CALL_STATUS: Final = 3
"""The peer answered with a status other than OK."""
CALL_MALFORMED: Final = 4
"""The peer answered with something that is no answer."""

_LAST_STREAM: Final = 0x7FFFFFFF - 1024
_STREAM_WINDOW: Final = 1024 * 1024
DEFAULT_MAX_ANSWER: Final = 64 * 1024 * 1024
MAX_ANSWERS: Final = 256 * 1024 * 1024
"""Bytes of all answers of one connection that have begun to arrive and are not complete."""
_TOO_MUCH: Final = "the answers under way on one connection are too large together"


def client_settings() -> Http2Settings:
    """What a client of unary calls tells its server: large windows, as an answer is always taken at once."""
    settings = Http2Settings()
    settings.max_concurrent_streams = 0
    settings.stream_window = _STREAM_WINDOW
    settings.connection_window = 16 * 1024 * 1024
    settings.max_frame_size = 64 * 1024
    settings.max_resets = 100_000
    return settings


class UnaryCall(Http2Stream):
    """One call. Exactly one of :meth:`on_answer` and :meth:`on_failure` is called, unless it is cancelled.

    :ivar done: it has been answered, has failed, or was cancelled
    :ivar held: bytes of its answer that have arrived
    """

    def __init__(self) -> None:
        super().__init__()
        self.done: bool = False
        self.connection: GrpcClientConnection | None = None
        self.message: MessageReader | None = None
        self.path: bytes = b""
        self.request: bytes = b""
        self.started: bool = False
        self.held: int = 0

    def on_answer(self, data: bytes) -> None:
        """The answer.

        :param data: the message behind a prefix of :data:`~headgate.protocols.grpc.message_reader.PREFIX_SIZE` bytes
        """
        raise NotImplementedError

    def on_failure(self, reason: int, status: int, detail: str) -> None:
        """There is none.

        :param reason: one of ``CALL_…``
        :param status: the gRPC status; where the peer has sent none, the one that stands for what happened
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Nobody waits any more."""
        if not self.done:
            self._finish(True)

    def fail(self, reason: int, status: int, detail: str) -> None:
        """Give the call up and tell."""
        if not self.done:
            self._finish(True)
            self._tell_failure(reason, status, detail)

    def _tell_answer(self, data: bytes) -> None:
        try:
            self.on_answer(data)
        except Exception:
            # An error of ours in whoever waits: the other calls of the connection must not be lost with it.
            _LOG.exception("the answer to a call could not be used")

    def _tell_failure(self, reason: int, status: int, detail: str) -> None:
        try:
            self.on_failure(reason, status, detail)
        except Exception:
            _LOG.exception("the failure of a call could not be dealt with")

    def _finish(self, reset: bool) -> None:
        self.done = True
        connection = self.connection
        if connection is not None:
            self.connection = None
            # A server that answers before it has the whole request needs to be told that the rest does not come.
            connection.call_done(self, self.id != 0 and (reset or self.waits_for_window))
        self.message = None
        self.request = b""

    # --- Timed

    def on_deadline(self) -> None:
        """The deadline has come."""
        self.fail(CALL_TIMEOUT, DEADLINE_EXCEEDED, "no answer in time")

    # --- Http2Stream

    def on_head(self, block: FieldBlock, end_stream: bool) -> None:
        """The answer's head, or its trailers."""
        if self.done:
            return
        if self.started:
            self._on_trailers(block, end_stream)
            return
        problem = block.problem(RESPONSE)
        if problem:
            self.fail(CALL_MALFORMED, UNKNOWN, problem)
            return
        status = block.get(b":status")
        if status is not None and status.startswith(b"1") and not end_stream:
            return  # an interim response
        content_type = block.get(b"content-type")
        if status != b"200" or content_type is None or not content_type.startswith(b"application/grpc"):
            what = f"HTTP status {decode_message(status or b'')}, content-type {decode_message(content_type or b'missing')!r}"
            self.fail(CALL_MALFORMED, UNKNOWN, f"not a gRPC answer: {what}")
            return
        self.started = True
        if end_stream:
            self._on_status(block)

    def _on_trailers(self, block: FieldBlock, end_stream: bool) -> None:
        problem = block.problem(TRAILERS) if end_stream else "trailers that do not end the stream"
        if problem:
            self.fail(CALL_MALFORMED, UNKNOWN, problem)
        else:
            self._on_status(block)

    def _on_status(self, block: FieldBlock) -> None:
        value = block.get(b"grpc-status")
        if value is None:
            self.fail(CALL_MALFORMED, UNKNOWN, "an answer without grpc-status")
            return
        status = parse_status(value)
        if status != OK:
            detail = decode_message(block.get(b"grpc-message") or b"")
            reason = CALL_TIMEOUT if status == DEADLINE_EXCEEDED else CALL_STATUS if status > 0 else CALL_MALFORMED
            self.fail(reason, status if status > 0 else UNKNOWN, detail)
            return
        message = self.message
        data = message.take() if message is not None else None
        if data is None:
            self.fail(CALL_MALFORMED, UNKNOWN, "an answer without a whole message")
            return
        self._finish(False)
        self._tell_answer(data)

    def on_data(self, data: bytes, end_stream: bool) -> None:
        """A part of the answer."""
        if self.done:
            return
        message = self.message
        connection = self.connection
        if not self.started or message is None or connection is None:
            self.fail(CALL_MALFORMED, UNKNOWN, "data before the answer's head")
            return
        problem = message.feed(data) if connection.hold(self, len(data)) else _TOO_MUCH
        if not problem and end_stream:
            problem = "an answer without grpc-status"
        if problem:
            self.fail(CALL_MALFORMED, UNKNOWN, problem)

    def on_reset(self, code: int) -> None:
        """The server has reset the call, or has gone away before it."""
        connection = self.connection
        if connection is not None and connection.draining:
            self.fail(CALL_LOST, UNAVAILABLE, "the server is going away")
        elif code == CANCEL and self.deadline != 0.0 and monotonic() >= self.deadline:
            # grpc-go resets a call whose time is over and sends no status; its client reads that as we do.
            self.fail(CALL_TIMEOUT, DEADLINE_EXCEEDED, "the server gave the call up at its deadline")
        else:
            self.fail(CALL_STATUS, status_of_reset(code), f"the call was reset: {error_name(code)}")

    def on_malformed(self, detail: str) -> None:
        """The server broke the protocol on this stream."""
        self.fail(CALL_MALFORMED, UNKNOWN, detail)

    def on_connection_lost(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended."""
        self.fail(CALL_MALFORMED if by_protocol else CALL_LOST, UNAVAILABLE, detail)


class GrpcClientConnection(Http2Endpoint):
    """The client's side of a connection: an asyncio protocol.

    :param authority: the ``:authority`` of its calls
    :param max_answer: bytes of an answer's message
    :param max_answers: bytes of all answers that have begun to arrive
    :ivar in_flight: calls that have not come to their end
    """

    def __init__(self, authority: str, wheel: DeadlineWheel, max_answer: int = DEFAULT_MAX_ANSWER, max_answers: int = MAX_ANSWERS) -> None:
        super().__init__(True, client_settings(), NOT_INDEXED)
        self.in_flight: int = 0
        self._heads = CallHeads(self.encoder, authority)
        self._wheel = wheel
        self._max_answer = max_answer
        self._max_answers = max_answers
        self._answers: int = 0
        self._waiting: deque[UnaryCall] = deque()

    @property
    def usable(self) -> bool:
        """A call may be started."""
        return not self.draining

    def start_call(self, call: UnaryCall, path: bytes, message: bytes, deadline: float) -> None:
        """Start a call. It may fail before this returns.

        :param path: ``b"/package.Service/Method"``
        :param deadline: on the clock of ``time.monotonic``, seconds; 0.0: none
        """
        if self.draining:
            call.done = True
            call.on_failure(CALL_LOST, UNAVAILABLE, "the connection takes no more calls")
            return
        self.in_flight += 1
        if self.in_flight > 1:
            # With 32 calls at a time this spares a worker 3 us of the 41 of a request, and a plugin in Python, which reads several at once,
            # 5 of 13. A lone call does not wait for the turn's end.
            self.gather_turn()
        call.connection = self
        call.path = path
        if deadline != 0.0:
            self._wheel.arm(call, deadline)
        if len(self.streams) >= self.peer.max_concurrent_streams:
            call.request = message
            self._waiting.append(call)
        else:
            self._send(call, message)

    def _send(self, call: UnaryCall, message: bytes) -> None:
        call.message = MessageReader(self._max_answer)
        milliseconds = 0
        if call.deadline != 0.0:
            milliseconds = coarse_milliseconds(call.deadline - monotonic())
        block = self._heads.block(call.path, milliseconds)
        stream_id = self.open_stream(call, _STREAM_WINDOW)
        if stream_id >= _LAST_STREAM:
            self.draining = True
            self.on_drain()
        head = self.encode_head(stream_id, block, False)
        self.send_message(call, head, message_prefix(len(message)) + message, True)

    def open_for_ever(self, stream: Http2Stream, path: bytes) -> None:
        """Begin a stream that carries no message of this side and is not ended by it."""
        if not self.draining:
            block = self._heads.block(path, 0)
            stream_id = self.open_stream(stream, _STREAM_WINDOW)
            self.write(self.encode_head(stream_id, block, False))

    def open_server_stream(self, stream: Http2Stream, path: bytes, message: bytes) -> None:
        """Begin a call whose answers come one after the other; not where calls wait for their turn."""
        if not self.draining:
            block = self._heads.block(path, 0)
            stream_id = self.open_stream(stream, _STREAM_WINDOW)
            self.send_message(stream, self.encode_head(stream_id, block, False), message_prefix(len(message)) + message, True)

    def call_done(self, call: UnaryCall, reset: bool) -> None:
        """A call has come to its end; for :class:`UnaryCall`.

        :param reset: the server need not work on it any more
        """
        self.in_flight -= 1
        self._answers -= call.held
        call.held = 0
        self._wheel.remove(call)
        if reset:
            self.reset_stream(call, CANCEL)

    def hold(self, call: UnaryCall, size: int) -> bool:
        """More of an answer is kept; for :class:`UnaryCall`.

        :returns: False if the answers under way are too large together
        """
        call.held += size
        self._answers += size
        return self._answers <= self._max_answers

    def on_stream_end(self) -> None:
        """A stream has left the table: one that waits may begin."""
        while self._waiting and not self.draining and len(self.streams) < self.peer.max_concurrent_streams:
            call = self._waiting.popleft()
            if not call.done:
                message = call.request
                call.request = b""
                self._send(call, message)
        if self.draining and self.in_flight == 0:
            self.close()

    def on_drain(self) -> None:
        """No call begins any more."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for call in waiting:
            call.fail(CALL_LOST, UNAVAILABLE, "the server is going away")

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended: so have the calls that waited."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for call in waiting:
            call.fail(CALL_MALFORMED if by_protocol else CALL_LOST, UNAVAILABLE, detail)
