"""One stream of an HTTP/2 connection, as the connection sees it (RFC 9113 section 5.1).

A stream is in the connection's table from its first HEADERS frame until both sides have ended it or either has reset it.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from headgate.net.deadlines import Timed
from headgate.protocols.http2.field_block import FieldBlock
from headgate.protocols.http2.flow_control import ReceiveWindow, SendWindow


class Http2Stream(Timed):
    """What the connection knows of a stream, and what it tells it.

    :ivar id: 0 until it is opened
    :ivar local_ended: this side has sent END_STREAM, or has it in the outbox
    :ivar remote_ended: the peer has sent END_STREAM
    :ivar outbox: what the windows do not let through yet
    :ivar waits_for_window: the outbox is not empty
    :ivar has_turn: it stands in the connection's queue of streams that may send
    """

    def __init__(self) -> None:
        super().__init__()
        self.id: int = 0
        self.local_ended: bool = False
        self.remote_ended: bool = False
        self.send_window: SendWindow | None = None
        self.receive_window: ReceiveWindow | None = None
        self.outbox: bytes = b""
        self.outbox_sent: int = 0
        self.outbox_trailers: Sequence[tuple[bytes, bytes]] | None = None
        self.waits_for_window: bool = False
        self.has_turn: bool = False

    def on_head(self, block: FieldBlock, end_stream: bool) -> None:
        """A header block arrived: the head, an interim response, or trailers."""
        raise NotImplementedError

    def on_data(self, data: bytes, end_stream: bool) -> None:
        """A part of the body arrived. The connection has made room for as much again."""
        raise NotImplementedError

    def on_reset(self, code: int) -> None:
        """The peer has reset the stream, or will not look at it (REFUSED_STREAM); it is out of the connection's table."""
        raise NotImplementedError

    def on_malformed(self, detail: str) -> None:
        """What the peer sent on the stream is not allowed: it has been reset, and is out of the connection's table."""
        raise NotImplementedError

    def on_connection_lost(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended.

        :param by_protocol: because the peer broke the protocol
        """
        raise NotImplementedError
