"""What a plugin on hashicorp/go-plugin writes to its standard output and error once it serves: ``/plugin.GRPCStdio/StreamStdio``.

From version 1.4 on go-plugin has ``os.Stdout`` and ``os.Stderr`` of a plugin lead into pipes of its own, whose ends it empties only for a
host that has opened this stream; without one, a plugin that has written as much as a pipe holds (64 KiB) waits for ever. The answers are
``StdioData {channel = 1 (1: STDOUT, 2: STDERR), data = 2}``, one after the other.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from headgate.protocols.grpc.message_splitter import MessageSplitter
from headgate.protocols.grpc.status import UNAVAILABLE, UNKNOWN, parse_status, status_of_reset
from headgate.protocols.grpc.wire import WireError, WireReader
from headgate.protocols.http2.endpoint_output import EndpointOutput
from headgate.protocols.http2.errors import CANCEL
from headgate.protocols.http2.field_block import FieldBlock
from headgate.protocols.http2.stream import Http2Stream

STDIO_PATH: Final = b"/plugin.GRPCStdio/StreamStdio"
STDOUT: Final = 1
STDERR: Final = 2

MAX_MESSAGE: Final = 1024 * 1024
"""Bytes of one message; go-plugin sends 1 KiB at a time."""

_CHANNEL_TAG: Final = 0x08
_DATA_TAG: Final = 0x12


@mypyc_attr(allow_interpreted_subclasses=True)
class StdioReceiver:
    """Who is told what the plugin writes."""

    def on_stdio(self, channel: int, data: bytes) -> None:
        """It has written.

        :param channel: :data:`STDOUT` or :data:`STDERR`; something else is the plugin's mistake
        """
        raise NotImplementedError

    def on_stdio_end(self, status: int, detail: str) -> None:
        """The stream has ended; called once.

        :param status: the gRPC status; UNIMPLEMENTED where the plugin does not know the method
        """
        raise NotImplementedError


class StdioStream(Http2Stream):
    """The stream, from this side. Its windows grow as it is read: a plugin that writes much is not held up by them."""

    def __init__(self, connection: EndpointOutput, receiver: StdioReceiver) -> None:
        super().__init__()
        self._connection = connection
        self._receiver: StdioReceiver | None = receiver
        self._messages = MessageSplitter(MAX_MESSAGE)

    def on_head(self, block: FieldBlock, end_stream: bool) -> None:
        """The answer's head, or its end."""
        if end_stream:
            value = block.get(b"grpc-status")
            status = parse_status(value) if value is not None else UNKNOWN
            self._end(status if status >= 0 else UNKNOWN, "")

    def on_data(self, data: bytes, end_stream: bool) -> None:
        """A part of what was written."""
        receiver = self._receiver
        if receiver is None:
            return
        try:
            for message in self._messages.feed(data):
                self._deliver(receiver, message)
        except WireError as error:
            self._connection.reset_stream(self, CANCEL)
            self._end(UNKNOWN, str(error))
            return
        if end_stream:
            self._end(UNKNOWN, "an answer without grpc-status")

    def _deliver(self, receiver: StdioReceiver, message: bytes) -> None:
        reader = WireReader(message, 0, len(message))
        channel = 0
        data = b""
        while reader.position < reader.end:
            tag = reader.tag()
            if tag == _CHANNEL_TAG:
                channel = reader.varint()
            elif tag == _DATA_TAG:
                end = reader.length()
                data = message[reader.position : end]
                reader.position = end
            else:
                reader.skip(tag)
        if data:
            receiver.on_stdio(channel, data)

    def on_reset(self, code: int) -> None:
        """The plugin has reset it."""
        self._end(status_of_reset(code), "the stream was reset")

    def on_malformed(self, detail: str) -> None:
        """The plugin broke the protocol on this stream."""
        self._end(UNKNOWN, detail)

    def on_connection_lost(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended."""
        self._end(UNAVAILABLE, detail)

    def _end(self, status: int, detail: str) -> None:
        receiver = self._receiver
        if receiver is not None:
            self._receiver = None
            receiver.on_stdio_end(status, detail)
