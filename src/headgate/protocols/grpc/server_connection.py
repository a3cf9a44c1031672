"""A connection on which gRPC calls are answered (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

A call is one object, the HTTP/2 stream. A method that wants its request is told when the message is complete; one that does not (a stream
that is only held open) when the call begins. The answer's three frames (head, message, trailers) go out as one write.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from headgate.protocols.grpc.message_reader import MessageReader, message_prefix
from headgate.protocols.grpc.status import INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED, decode_message, encode_message
from headgate.protocols.grpc.timeout import parse_timeout
from headgate.protocols.http2.endpoint import Http2Endpoint
from headgate.protocols.http2.errors import NO_ERROR
from headgate.protocols.http2.field_block import REQUEST, TRAILERS, FieldBlock
from headgate.protocols.http2.settings import Http2Settings
from headgate.protocols.http2.stream import Http2Stream

_HEAD: Final = ((b":status", b"200"), (b"content-type", b"application/grpc"))
_OK_TRAILERS: Final = ((b"grpc-status", b"0"),)
_NOT_INDEXED: Final = frozenset((b"grpc-message",))


def server_settings(max_calls: int) -> Http2Settings:
    """What a server of unary calls tells its clients. Cancelling is what a proxy does whenever its own client leaves, so a good deal of it
    is allowed.

    :param max_calls: calls at once on one connection
    """
    settings = Http2Settings()
    settings.max_concurrent_streams = max_calls
    settings.stream_window = 1024 * 1024
    settings.connection_window = 16 * 1024 * 1024
    settings.max_frame_size = 64 * 1024
    settings.max_resets = 100_000
    return settings


@mypyc_attr(allow_interpreted_subclasses=True)
class ServerConnectionOwner:
    """Who serves the connections."""

    def connection_open(self, connection: GrpcServerConnection) -> None:
        """A client has connected."""
        raise NotImplementedError

    def connection_gone(self, connection: GrpcServerConnection, detail: str) -> None:
        """A connection has ended.

        :param detail: what was wrong with it; empty if nothing
        """
        raise NotImplementedError

    def method_failed(self, error: Exception) -> None:
        """A method raised; the call is answered."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class GrpcMethod:
    """One method of a service.

    :ivar wants_message: it is told when the request's message is complete, not when the call begins
    """

    def __init__(self, wants_message: bool = True) -> None:
        self.wants_message: bool = wants_message

    def on_call(self, call: ServerCall, data: bytes) -> None:
        """Answer a call, now or later. What it raises is answered with INTERNAL, without its text.

        :param data: the message behind a prefix of :data:`~headgate.protocols.grpc.message_reader.PREFIX_SIZE` bytes; empty if the method
            does not want it
        """
        raise NotImplementedError

    def on_cancel(self, call: ServerCall) -> None:
        """The client does not wait for the answer any more, or is gone. The default does nothing."""


class ServerCall(Http2Stream):
    """One call.

    :ivar answered: the status was sent, or nobody waits for it any more
    :ivar timeout: seconds that the client gives; -1.0 if it does not say
    :ivar token: the method's own
    """

    def __init__(self, connection: GrpcServerConnection) -> None:
        super().__init__()
        self.answered: bool = False
        self.timeout: float = -1.0
        self.token: object = None
        self.method: GrpcMethod | None = None
        self._connection = connection
        self._message: MessageReader | None = None
        self._begun: bool = False

    # --- for methods

    def reply(self, message: bytes) -> None:
        """Send the one answer, and that all is well."""
        if self.answered:
            return
        self.answered = True
        connection = self._connection
        head = b"" if self._begun else connection.head_frame(self)
        self._begun = True
        connection.send_message(self, head, message_prefix(len(message)) + message, True, _OK_TRAILERS)
        connection.call_answered(self)

    def send_head(self) -> None:
        """Send the head of an answer whose messages come later."""
        if not self.answered and not self._begun:
            self._begun = True
            self._connection.write(self._connection.head_frame(self))

    def send(self, message: bytes) -> None:
        """Send one message of several."""
        if not self.answered:
            head = b"" if self._begun else self._connection.head_frame(self)
            self._begun = True
            self._connection.send_message(self, head, message_prefix(len(message)) + message, False)

    def fail(self, status: int, message: str) -> None:
        """End the call with a status other than OK; not to be used after messages that may still be waiting for a window."""
        if self.answered:
            return
        self.answered = True
        fields = [] if self._begun else list(_HEAD)
        fields.append((b"grpc-status", b"%d" % status))
        if message:
            fields.append((b"grpc-message", encode_message(message)))
        connection = self._connection
        self.local_ended = True
        connection.write(connection.encode_head(self.id, connection.encoder.encode(fields), True))
        connection.call_answered(self)

    # --- Http2Stream

    def on_head(self, block: FieldBlock, end_stream: bool) -> None:
        """The request's head, or its trailers, which carry nothing."""
        if self.method is not None or self.answered:
            problem = block.problem(TRAILERS) if end_stream else "trailers that do not end the stream"
            if problem:
                self.fail(INTERNAL, problem)
            elif end_stream:
                self._request_complete()
            return
        problem = block.problem(REQUEST)
        content_type = block.get(b"content-type") or b""
        if problem or block.get(b":method") != b"POST" or not content_type.startswith(b"application/grpc"):
            self.fail(INTERNAL, problem or "not a gRPC call")
            return
        path = block.get(b":path") or b""
        method = self._connection.methods.get(path)
        if method is None:
            self.fail(UNIMPLEMENTED, f"unknown method {decode_message(path)}")
            return
        timeout = block.get(b"grpc-timeout")
        if timeout is not None:
            self.timeout = parse_timeout(timeout)
        self.method = method
        if not method.wants_message:
            self._dispatch(b"")
        else:
            self._message = MessageReader(self._connection.max_message)
        if end_stream:
            self._request_complete()

    def on_data(self, data: bytes, end_stream: bool) -> None:
        """A part of the request."""
        message = self._message
        if message is not None and not self.answered:
            problem = message.feed(data)
            if problem:
                self._message = None
                self.fail(RESOURCE_EXHAUSTED if "allowed" in problem else INTERNAL, problem)
                return
        if end_stream:
            self._request_complete()

    def _request_complete(self) -> None:
        message = self._message
        if message is None or self.answered:
            return
        self._message = None
        data = message.take()
        if data is None:
            self.fail(INTERNAL, "a request without a whole message")
        else:
            self._dispatch(data)

    def _dispatch(self, data: bytes) -> None:
        method = self.method
        if method is None:
            return
        try:
            method.on_call(self, data)
        except Exception as error:
            self._connection.owner.method_failed(error)
            self.fail(INTERNAL, "the service failed")

    def on_reset(self, code: int) -> None:
        """The client has cancelled the call."""
        self._cancelled()

    def on_malformed(self, detail: str) -> None:
        """The client broke the protocol on this stream."""
        self._cancelled()

    def on_connection_lost(self, by_protocol: bool, detail: str) -> None:
        """The client is gone."""
        self._cancelled()

    def _cancelled(self) -> None:
        if not self.answered:
            self.answered = True
            if self.method is not None:
                self.method.on_cancel(self)


class GrpcServerConnection(Http2Endpoint):
    """The server's side of a connection: an asyncio protocol.

    :param methods: by path
    :param max_message: bytes of a request's message
    :param max_calls: calls at once
    """

    def __init__(self, owner: ServerConnectionOwner, methods: dict[bytes, GrpcMethod], max_message: int, max_calls: int) -> None:
        super().__init__(False, server_settings(max_calls), _NOT_INDEXED)
        self.methods = methods
        self.max_message: int = max_message
        self.owner = owner
        self._head_block: bytes = b""
        self._head_generation: int = -1

    def on_ready(self) -> None:
        """The client speaks HTTP/2."""
        self.owner.connection_open(self)

    def new_stream(self, stream_id: int, block: FieldBlock) -> Http2Stream | None:
        """A call begins."""
        return ServerCall(self)

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended."""
        self.owner.connection_gone(self, detail if by_protocol else "")

    def head_frame(self, call: ServerCall) -> bytes:
        """The frame of an answer's head; its block is encoded anew only when the table has changed."""
        if self._head_generation != self.encoder.generation:
            before = self.encoder.generation
            block = self.encoder.encode(_HEAD)
            if self.encoder.generation == before:
                self._head_generation = before
                self._head_block = block
            return self.encode_head(call.id, block, False)
        return self.encode_head(call.id, self._head_block, False)

    def call_answered(self, call: ServerCall) -> None:
        """A call's status was sent; what the client still has to say of it is not wanted."""
        if call.remote_ended:
            self.forget_if_ended(call)
        elif not call.waits_for_window:
            self.reset_stream(call, NO_ERROR)
