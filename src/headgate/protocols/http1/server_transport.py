"""The socket side of a downstream connection: writing, pausing, lingering, closing.

What is written is first collected and then sent in one piece: head and body of a small response leave in one system call.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from time import monotonic
from typing import Final

from headgate.net.deadlines import DeadlineWheel
from headgate.observe.listener_stats import ListenerStats
from headgate.protocols.http1.server_deadlines import ServerDeadlines, TimeoutEvents
from headgate.protocols.http1.settings import Http1Settings

_GATHER = 16 * 1024
"""Bytes up to which what is written is collected by copying."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST in place of FIN."""


class ServerTransport(TimeoutEvents):
    """The transport of one downstream connection and what is to happen to it.

    *Lingering*: the answer has been sent and our side shut down, the rest of the request is read and dropped for a short time; closing at
    once would reset the connection and could take the answer with it (RFC 9112 section 9.6).
    """

    def __init__(self, settings: Http1Settings, stats: ListenerStats, wheel: DeadlineWheel) -> None:
        self.settings: Http1Settings = settings
        self.stats: ListenerStats = stats
        self.times: ServerDeadlines = ServerDeadlines(self, wheel)
        self.transport: asyncio.Transport | None = None
        self.pending: bytes = b""
        self.closing: bool = False
        """Nothing more is read as a request."""
        self.closed: bool = False
        self.paused_reading: bool = False

    def write(self, data: bytes) -> None:
        """Collect; sent by :meth:`flush`, or when there is much."""
        if self.closed:
            return
        pending = self.pending
        if not pending:
            if len(data) <= _GATHER:
                self.pending = data
                return
        elif len(pending) + len(data) <= _GATHER:
            self.pending = pending + data
            return
        else:
            self.flush()
        transport = self.transport
        if transport is not None:
            self.stats.bytes_write_total += len(data)
            transport.write(data)

    def send(self, data: bytes) -> None:
        """Write what closes a response: nothing follows that it should wait for."""
        if self.pending:
            self.write(data)
            self.flush()
        elif not self.closed and self.transport is not None:
            self.stats.bytes_write_total += len(data)
            self.transport.write(data)

    def flush(self) -> None:
        """Send what was collected."""
        pending = self.pending
        if pending:
            self.pending = b""
            transport = self.transport
            if transport is not None and not self.closed:
                self.stats.bytes_write_total += len(pending)
                transport.write(pending)

    def set_reading(self, wanted: bool) -> None:
        """Read, or let the peer wait."""
        if wanted != self.paused_reading:
            return
        transport = self.transport
        if transport is None or self.closed:
            return
        self.paused_reading = not wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def linger(self) -> None:
        """Shut down our side and drop what still comes, for a while."""
        self.closing = True
        self.flush()
        times = self.times
        times.stream = 0.0
        times.body = 0.0
        times.head = 0.0
        transport = self.transport
        if transport is None or self.closed:
            return
        if transport.can_write_eof():
            transport.write_eof()
        self.set_reading(True)
        times.idle = monotonic() + self.settings.linger_timeout
        times.rearm()

    def close(self) -> None:
        """Close, once all is written."""
        self.closing = True
        self.flush()
        if self.transport is not None and not self.closed:
            self.transport.close()
            # What is still to be written must not keep a client's dead connection for ever.
            times = self.times
            times.idle = monotonic() + self.settings.body_idle_timeout
            times.head = 0.0
            times.rearm()

    def abort(self) -> None:
        """Break the connection."""
        self.closing = True
        self.pending = b""
        if self.transport is not None and not self.closed:
            self.transport.abort()

    def reset(self) -> None:
        """Break the connection in the middle of a response: by RST, as a FIN would be the end of a body without length (HTTP/1.0)."""
        transport = self.transport
        if transport is not None and not self.closed:
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.abort()

    def on_write_timeout(self) -> None:
        """The client does not read: break the connection, which cancels what is under way upstream."""
        self.reset()

    def on_idle_timeout(self) -> None:
        """Idle, or lingering, or closing for too long."""
        if self.closing:
            self.reset()
        else:
            self.close()
