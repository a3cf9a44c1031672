"""A streaming call: any number of messages there and back, at the same time.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.api.grpc_call import GrpcReceiver, GrpcRequest
from headgate.protocols.grpc.call_heads import request_fields
from headgate.protocols.grpc.client_call import CALL_MALFORMED, CALL_STATUS, LOG, TOO_MUCH, ClientCall
from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.message_splitter import MessageSplitter, MessageTooLarge
from headgate.protocols.grpc.status import (
    INTERNAL,
    OK,
    RESOURCE_EXHAUSTED,
    UNKNOWN,
    decode_message,
    parse_status,
    status_of_http,
)
from headgate.protocols.grpc.wire import WireError
from headgate.protocols.http2.field_block import RESPONSE, TRAILERS, FieldBlock

if TYPE_CHECKING:
    from headgate.protocols.grpc.client_connection import GrpcClientConnection

MAX_UNSENT: Final = 1024 * 1024
"""Bytes past which no further message is taken while others wait to be sent; a single one may be larger."""


class StreamCall(ClientCall):
    """One call.

    :param request: what it is begun with; ``timeout`` is its owner's to watch
    :param receiver: hears of it
    """

    def __init__(self, request: GrpcRequest, receiver: GrpcReceiver) -> None:
        super().__init__()
        self.path = request.path
        self._request = request
        self._receiver = receiver
        self._messages = MessageSplitter(request.max_message)
        self._unsent: list[bytes] = []  # before its turn has come
        self._unsent_size: int = 0
        self._unsent_end: bool = False

    # --- sending

    def send(self, message: bytes | None, end: bool) -> bool:
        """Send a message, or keep it until the call's turn has come.

        :param message: None: only the end
        :param end: nothing follows
        :returns: False if it takes no more
        """
        if self.done or self.local_ended or self._unsent_end:
            return False
        unsent = self._unsent_size + len(self.outbox) - self.outbox_sent
        if message is not None and unsent > 0 and unsent + len(message) > MAX_UNSENT:
            return False
        data = message_prefix(len(message)) + message if message is not None else b""
        connection = self.connection
        if connection is None or self.id == 0:
            if data:
                self._unsent.append(data)
                self._unsent_size += len(data)
            self._unsent_end = end
        elif data:
            connection.send_message(self, b"", data, end)
        elif end:
            connection.end_message(self)
        return True

    def begin(self, connection: GrpcClientConnection) -> None:
        """Send the head, and what has been waiting behind it."""
        request = self._request
        fields = request_fields(self.path, (request.authority or request.cluster).encode("utf-8", "replace"), self.milliseconds_left())
        for name, _ in request.metadata:
            if name == b"user-agent":
                fields.pop()  # ours is the last
                break
        block = connection.encoder.encode(fields + request.metadata)
        head = connection.open_call(self, block)
        data = b"".join(self._unsent)
        end = self._unsent_end
        self._unsent = []
        self._unsent_size = 0
        if data:
            connection.send_message(self, head, data, end)
            return
        connection.write(head)
        if end:
            connection.end_message(self)

    def finish(self, reset: bool) -> None:
        """It has come to its end. A server that is done before this side is gets a reset for the rest (RFC 9113 section 8.1)."""
        super().finish(reset or not self.local_ended)
        self._unsent = []

    # --- receiving

    def on_failure(self, reason: int, status: int, detail: str) -> None:
        """There is no more."""
        self._receiver.on_grpc_trailing_metadata([])
        self._receiver.on_grpc_close(status, detail)

    def on_head(self, block: FieldBlock, end_stream: bool) -> None:
        """Initial metadata, trailing metadata, or both at once."""
        if self.done:
            return
        problem = block.problem(TRAILERS if self.started else RESPONSE)
        if self.started and not end_stream:
            problem = "trailers that do not end the stream"
        if problem:
            self.fail(CALL_MALFORMED, UNKNOWN, problem)
            return
        if not self.started:
            if not end_stream and (block.get(b":status") or b"").startswith(b"1"):
                return  # an interim response
            self.started = True
            if not self._is_grpc(block) or not self._tell_initial(block, end_stream):
                return
        if end_stream:
            self._on_status(block)

    def _is_grpc(self, block: FieldBlock) -> bool:
        status = block.get(b":status") or b""
        content_type = block.get(b"content-type") or b"missing"
        if block.get(b"grpc-status") is not None or (status == b"200" and content_type.startswith(b"application/grpc")):
            return True
        what = f"not a gRPC answer: HTTP status {decode_message(status)}, content-type {decode_message(content_type)!r}"
        self.fail(CALL_STATUS if status != b"200" else CALL_MALFORMED, status_of_http(status), what)
        return False

    def _tell_initial(self, block: FieldBlock, end_stream: bool) -> bool:
        """:returns: the call goes on"""
        try:
            self._receiver.on_grpc_initial_metadata([] if end_stream else block.fields)
        except Exception:
            self._on_error()
        return not self.done

    def on_data(self, data: bytes, end_stream: bool) -> None:
        """Messages, or parts of one."""
        connection = self.connection
        if self.done or connection is None:
            return
        if not self.started:
            self.fail(CALL_MALFORMED, UNKNOWN, "data before the answer's head")
            return
        try:
            messages = self._messages.feed(data)
        except MessageTooLarge as too_large:  # not "error", too: mypyc gives a name one type
            self.fail(CALL_MALFORMED, RESOURCE_EXHAUSTED, str(too_large))
            return
        except WireError as error:
            self.fail(CALL_MALFORMED, INTERNAL, str(error))
            return
        if not connection.hold(self, self._messages.held - self.held):
            self.fail(CALL_MALFORMED, RESOURCE_EXHAUSTED, TOO_MUCH)
            return
        for message in messages:
            self._tell_message(message)
        if end_stream and not self.done:
            self.fail(CALL_MALFORMED, UNKNOWN, "an answer without grpc-status")

    def _tell_message(self, message: bytes) -> None:
        if self.done:
            return  # what was said to the receiver before has made it cancel
        try:
            self._receiver.on_grpc_message(message)
        except Exception:
            self._on_error()

    def _on_error(self) -> None:
        # An error of ours in whoever waits: the other calls of the connection must not be lost with it.
        LOG.exception("a part of an answer could not be used")
        self.fail(CALL_STATUS, INTERNAL, "the receiver failed")

    def _on_status(self, block: FieldBlock) -> None:
        value = block.get(b"grpc-status")
        status = parse_status(value) if value is not None else -1
        detail = decode_message(block.get(b"grpc-message") or b"")
        if value is None:
            detail = "an answer without grpc-status"
        elif status == OK and self._messages.held:
            status, detail = INTERNAL, "an answer that ends within a message"
        self.finish(False)
        try:
            self._receiver.on_grpc_trailing_metadata(block.fields)
            self._receiver.on_grpc_close(status if status >= 0 else UNKNOWN, detail)
        except Exception:
            LOG.exception("the end of a call could not be dealt with")
