"""A unary call: one message there, one message back.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.protocols.grpc.client_call import CALL_MALFORMED, CALL_STATUS, CALL_TIMEOUT, LOG, TOO_MUCH, ClientCall
from headgate.protocols.grpc.message_reader import MessageReader, message_prefix
from headgate.protocols.grpc.status import DEADLINE_EXCEEDED, OK, UNKNOWN, decode_message, parse_status
from headgate.protocols.http2.field_block import RESPONSE, TRAILERS, FieldBlock

if TYPE_CHECKING:
    from headgate.protocols.grpc.client_connection import GrpcClientConnection


class UnaryCall(ClientCall):
    """One call. Exactly one of :meth:`on_answer` and :meth:`on_failure` is called, unless it is cancelled.

    :ivar request: its message, until it is sent
    """

    def __init__(self) -> None:
        super().__init__()
        self.message: MessageReader | None = None
        self.request: bytes = b""

    def on_answer(self, data: bytes) -> None:
        """The answer.

        :param data: the message behind a prefix of :data:`~headgate.protocols.grpc.message_reader.PREFIX_SIZE` bytes
        """
        raise NotImplementedError

    def begin(self, connection: GrpcClientConnection) -> None:
        """Send head and message."""
        message = self.request
        self.request = b""
        self.message = MessageReader(connection.max_answer)
        head = connection.open_call(self, connection.heads.block(self.path, self.milliseconds_left()))
        connection.send_message(self, head, message_prefix(len(message)) + message, True)

    def finish(self, reset: bool) -> None:
        """It has come to its end."""
        super().finish(reset)
        self.message = None
        self.request = b""

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
        self.finish(False)
        try:
            self.on_answer(data)
        except Exception:
            # An error of ours in whoever waits: the other calls of the connection must not be lost with it.
            LOG.exception("the answer to a call could not be used")

    def on_data(self, data: bytes, end_stream: bool) -> None:
        """A part of the answer."""
        if self.done:
            return
        message = self.message
        connection = self.connection
        if not self.started or message is None or connection is None:
            self.fail(CALL_MALFORMED, UNKNOWN, "data before the answer's head")
            return
        problem = message.feed(data) if connection.hold(self, len(data)) else TOO_MUCH
        if not problem and end_stream:
            problem = "an answer without grpc-status"
        if problem:
            self.fail(CALL_MALFORMED, UNKNOWN, problem)
