"""A gRPC connection to a host of a cluster: HTTP/2 with prior knowledge, in plain text.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import monotonic

from mypy_extensions import trait

from headgate.net.deadlines import DeadlineWheel, Timed
from headgate.observe.upstream_stats import HostStats
from headgate.protocols.grpc.client_call import CALL_LOST, ClientCall
from headgate.protocols.grpc.client_connection import GrpcClientConnection


@trait
class GrpcConnectionOwner:
    """Who holds a connection."""

    def grpc_connection_gone(self, connection: GrpcHostConnection) -> None:
        """It has ended, and its calls have failed."""
        raise NotImplementedError


class GrpcHostConnection(GrpcClientConnection):
    """One connection.

    :param stats: the host's statistics
    :param ready_timeout: seconds for the host to prove that it speaks HTTP/2, once connected; 0: no limit
    :param idle_timeout: seconds without a call after which it is closed; 0: never
    :ivar counted: it is among the host's connections; for its owner
    :ivar by_peer: the host ended it
    :ivar was_active: calls were under way when it ended
    :ivar ending: why it ended
    """

    def __init__(
        self, owner: GrpcConnectionOwner, authority: str, wheel: DeadlineWheel, stats: HostStats, ready_timeout: float, idle_timeout: float
    ) -> None:
        super().__init__(authority, wheel)
        self.counted: bool = False
        self.by_peer: bool = True
        self.was_active: bool = False
        self.ending: str = ""
        self._owner = owner
        self._stats = stats
        self._ready_timeout = ready_timeout
        self._idle_timeout = idle_timeout
        self._watch = _Watch(self)

    def stands(self) -> None:
        """It is connected: its times begin to run."""
        if self._ready_timeout > 0.0:
            self._wheel.arm(self._watch, monotonic() + self._ready_timeout)

    def retire(self) -> None:
        """Close it with the last of the calls that have begun; those that wait for their turn fail.

        Without a GOAWAY, which tells a server nothing that it needs, and which some take for the end of what is under way.
        """
        self.by_peer = False
        self.draining = True
        self._fail_waiting(CALL_LOST, "the configuration is no longer in force")
        if self.in_flight == 0:
            self.close()

    def time_is_over(self) -> None:
        """It has been idle for long, or the host has said nothing."""
        if not self.ready:
            self.by_peer = False
            self._end(True, f"no HTTP/2 within {self._ready_timeout:g} s")
            self.abort()
        elif self.in_flight == 0:
            self.by_peer = False
            self.close()

    def _idle(self) -> None:
        if self.ready and self._idle_timeout > 0.0 and not self.closed:
            self._wheel.arm(self._watch, monotonic() + self._idle_timeout)

    # --- GrpcClientConnection

    def call_done(self, call: ClientCall, reset: bool) -> None:
        """A call has come to its end."""
        super().call_done(call, reset)
        if self.in_flight == 0:
            self._idle()

    def on_ready(self) -> None:
        """The host speaks HTTP/2."""
        self._wheel.remove(self._watch)
        if self.in_flight == 0:
            self._idle()

    def data_received(self, data: bytes) -> None:
        """Bytes from the host."""
        self._stats.connection_bytes_read_total += len(data)
        super().data_received(data)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._stats.connection_bytes_write_total += len(data)
        super().write(data)

    def _end(self, by_protocol: bool, detail: str) -> None:
        if not self.closed:
            self.was_active = self.in_flight > 0
        super()._end(by_protocol, detail)

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """It has ended."""
        self.ending = detail
        super().on_end(by_protocol, detail)
        self._wheel.remove(self._watch)
        self._owner.grpc_connection_gone(self)


class _Watch(Timed):
    def __init__(self, connection: GrpcHostConnection) -> None:
        super().__init__()
        self._connection = connection

    def on_deadline(self) -> None:
        self._connection.time_is_over()
