"""A connection on which gRPC calls are made (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

A call is one object: the HTTP/2 stream, its deadline on the wheel, and what becomes of its answer. There is no task, no future and no timer
for each. The header block of a unary call's path is encoded once for each timeout, and sent as it is from then on.

A call waits its turn while the server takes no more at once, and while the transport is full: what nobody reads must not pile up. Its
deadline holds there as well.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.call_heads import NOT_INDEXED, CallHeads
from headgate.protocols.grpc.client_call import CALL_LOST, CALL_MALFORMED, ClientCall
from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.status import UNAVAILABLE
from headgate.protocols.grpc.unary_call import UnaryCall
from headgate.protocols.http2.endpoint import Http2Endpoint
from headgate.protocols.http2.errors import CANCEL
from headgate.protocols.http2.settings import Http2Settings
from headgate.protocols.http2.stream import Http2Stream

_LAST_STREAM: Final = 0x7FFFFFFF - 1024
_STREAM_WINDOW: Final = 1024 * 1024
DEFAULT_MAX_ANSWER: Final = 64 * 1024 * 1024
MAX_ANSWERS: Final = 256 * 1024 * 1024
"""Bytes of all answers of one connection that have begun to arrive and are not complete."""


def client_settings() -> Http2Settings:
    """What a client of gRPC calls tells its server: large windows, as an answer is always taken at once."""
    settings = Http2Settings()
    settings.max_concurrent_streams = 0
    settings.stream_window = _STREAM_WINDOW
    settings.connection_window = 16 * 1024 * 1024
    settings.max_frame_size = 64 * 1024
    settings.max_resets = 100_000
    return settings


class GrpcClientConnection(Http2Endpoint):
    """The client's side of a connection: an asyncio protocol.

    :param authority: the ``:authority`` of its unary calls
    :param max_answer: bytes of an answer's message
    :param max_answers: bytes of all answers that have begun to arrive
    :ivar in_flight: calls that have not come to their end
    :ivar heads: the header blocks of its unary calls
    """

    def __init__(self, authority: str, wheel: DeadlineWheel, max_answer: int = DEFAULT_MAX_ANSWER, max_answers: int = MAX_ANSWERS) -> None:
        super().__init__(True, client_settings(), NOT_INDEXED)
        self.in_flight: int = 0
        self.heads = CallHeads(self.encoder, authority)
        self.max_answer: int = max_answer
        self._wheel = wheel
        self._max_answers = max_answers
        self._answers: int = 0
        self._waiting: OrderedDict[ClientCall, None] = OrderedDict()  # a queue that what is given up can leave anywhere

    @property
    def usable(self) -> bool:
        """A call may be started."""
        return not self.draining

    @property
    def waiting_calls(self) -> int:
        """Calls whose turn has not come."""
        return len(self._waiting)

    def start_call(self, call: UnaryCall, path: bytes, message: bytes, deadline: float) -> None:
        """Start a unary call. It may fail before this returns.

        :param path: ``b"/package.Service/Method"``
        :param deadline: on the clock of ``time.monotonic``, seconds; 0.0: none
        """
        call.path = path
        call.request = message
        self.start(call, deadline)

    def start(self, call: ClientCall, deadline: float) -> None:
        """Start a call. It may fail before this returns.

        :param deadline: on the clock of ``time.monotonic``, seconds; 0.0: none
        """
        if self.draining:
            call.fail(CALL_LOST, UNAVAILABLE, "the connection takes no more calls")
            return
        self.in_flight += 1
        if self.in_flight > 1:
            # With 32 calls at a time this spares a worker 3 us of the 41 of a request, and a plugin in Python, which reads several at once,
            # 5 of 13. A lone call does not wait for the turn's end.
            self.gather_turn()
        call.connection = self
        if deadline != 0.0:
            self._wheel.arm(call, deadline)
        if self._paused or len(self.streams) >= self.peer.max_concurrent_streams:
            self._waiting[call] = None
        else:
            call.begin(self)

    def open_call(self, call: ClientCall, block: bytes) -> bytes:
        """Open a call's stream; for the call.

        :param block: its head, encoded
        :returns: the head's frames, which have to be the next thing that is written
        """
        stream_id = self.open_stream(call, _STREAM_WINDOW)
        if stream_id >= _LAST_STREAM:
            self.draining = True
            self.on_drain()
        return self.encode_head(stream_id, block, False)

    def open_for_ever(self, stream: Http2Stream, path: bytes) -> None:
        """Begin a stream that carries no message of this side and is not ended by it."""
        if not self.draining:
            block = self.heads.block(path, 0)
            stream_id = self.open_stream(stream, _STREAM_WINDOW)
            self.write(self.encode_head(stream_id, block, False))

    def open_server_stream(self, stream: Http2Stream, path: bytes, message: bytes) -> None:
        """Begin a call whose answers come one after the other; not where calls wait for their turn."""
        if not self.draining:
            block = self.heads.block(path, 0)
            stream_id = self.open_stream(stream, _STREAM_WINDOW)
            self.send_message(stream, self.encode_head(stream_id, block, False), message_prefix(len(message)) + message, True)

    def call_done(self, call: ClientCall, reset: bool) -> None:
        """A call has come to its end; for the call.

        :param reset: the server need not work on it any more
        """
        self.in_flight -= 1
        self._answers -= call.held
        call.held = 0
        self._wheel.remove(call)
        if call.id == 0:
            self._waiting.pop(call, None)
        if reset:
            self.reset_stream(call, CANCEL)

    def hold(self, call: ClientCall, size: int) -> bool:
        """More of an answer is kept, or less; for the call.

        :returns: False if the answers under way are too large together
        """
        call.held += size
        self._answers += size
        return self._answers <= self._max_answers

    # --- calls that wait for their turn

    def _start_waiting(self) -> None:
        """Begin those that may."""
        while self._waiting and not self.draining and not self._paused and len(self.streams) < self.peer.max_concurrent_streams:
            call, _ = self._waiting.popitem(last=False)
            call.begin(self)

    def _fail_waiting(self, reason: int, detail: str) -> None:
        while self._waiting:
            call, _ = self._waiting.popitem(last=False)
            call.fail(reason, UNAVAILABLE, detail)

    def send_waiting(self) -> None:
        """The server has changed what it takes."""
        super().send_waiting()
        self._start_waiting()

    def transport_has_room(self) -> None:
        """The server reads again: first the rest of the calls that have begun."""
        super().transport_has_room()
        self._start_waiting()

    def on_stream_end(self) -> None:
        """A stream has left the table: one that waits may begin."""
        self._start_waiting()
        if self.draining and self.in_flight == 0:
            self.close()

    def on_drain(self) -> None:
        """No call begins any more."""
        self._fail_waiting(CALL_LOST, "the server is going away")

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended: so have the calls that waited."""
        self._fail_waiting(CALL_MALFORMED if by_protocol else CALL_LOST, detail)
