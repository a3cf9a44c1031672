"""What the calls of a client have in common: the HTTP/2 stream, the deadline on the wheel, and how they come to their end.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from headgate.protocols.grpc.status import DEADLINE_EXCEEDED, UNAVAILABLE, UNKNOWN, status_of_reset
from headgate.protocols.grpc.timeout import coarse_milliseconds
from headgate.protocols.http2.errors import CANCEL, error_name
from headgate.protocols.http2.stream import Http2Stream

if TYPE_CHECKING:
    from headgate.protocols.grpc.client_connection import GrpcClientConnection

LOG: Final = logging.getLogger("headgate.grpc")

# Why a call has no answer.
CALL_TIMEOUT: Final = 1
"""The deadline passed, here or there."""
CALL_LOST: Final = 2
"""The connection ended, or the peer will not look at the call any more."""
CALL_STATUS: Final = 3
"""The peer answered with a status other than OK."""
CALL_MALFORMED: Final = 4
"""The peer answered with something that is no answer."""

TOO_MUCH: Final = "the answers under way on one connection are too large together"


class ClientCall(Http2Stream):
    """One call on a :class:`~headgate.protocols.grpc.client_connection.GrpcClientConnection`.

    :ivar done: it has been answered, has failed, or was cancelled
    :ivar connection: whose it is, from its start to its end
    :ivar path: ``b"/package.Service/Method"``
    :ivar started: the answer's head has arrived
    :ivar held: bytes that have arrived and wait for more
    """

    def __init__(self) -> None:
        super().__init__()
        self.done: bool = False
        self.connection: GrpcClientConnection | None = None
        self.path: bytes = b""
        self.started: bool = False
        self.held: int = 0

    def begin(self, connection: GrpcClientConnection) -> None:
        """Its turn has come: open the stream and send what there is; for the connection."""
        raise NotImplementedError

    def on_failure(self, reason: int, status: int, detail: str) -> None:
        """There is no answer.

        :param reason: one of ``CALL_…``
        :param status: the gRPC status; where the peer has sent none, the one that stands for what happened
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Nobody waits any more."""
        if not self.done:
            self.finish(True)

    def fail(self, reason: int, status: int, detail: str) -> None:
        """Give the call up and tell."""
        if not self.done:
            self.finish(True)
            try:
                self.on_failure(reason, status, detail)
            except Exception:
                LOG.exception("the failure of a call could not be dealt with")

    def finish(self, reset: bool) -> None:
        """It has come to its end, whichever; called once.

        :param reset: the server need not work on it any more
        """
        self.done = True
        connection = self.connection
        if connection is not None:
            self.connection = None
            # A server that answers before it has the whole request needs to be told that the rest does not come.
            connection.call_done(self, self.id != 0 and (reset or self.waits_for_window))

    def milliseconds_left(self) -> int:
        """The time that is left, coarsely; 0: there is no deadline."""
        return coarse_milliseconds(self.deadline - monotonic()) if self.deadline != 0.0 else 0

    # --- Timed

    def on_deadline(self) -> None:
        """The deadline has come."""
        self.fail(CALL_TIMEOUT, DEADLINE_EXCEEDED, "no answer in time")

    # --- Http2Stream

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
