"""The upstream side of HTTP/1.1: one connection to a host, one exchange at a time.

A connection belongs to a :class:`ClientConnectionOwner` (the pool), which lends it to one exchange after the other. What may go wrong
is told to exactly one of the two: while an exchange is under way to its receiver, else to the owner. A connection is given back for
reuse only when request and response are complete and both sides allow it.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.net.deadlines import DeadlineWheel, Timed
from headgate.observe.upstream_stats import HostStats
from headgate.protocols.exchange import (
    PROTOCOL_ERROR,
    REMOTE_RESET,
    STALE_CONNECTION,
    TIMEOUT,
    ResponseReceiver,
)
from headgate.protocols.http1.encoder import encode_request_head
from headgate.protocols.http1.request_writer import RequestWriter
from headgate.protocols.http1.response_decoder import ResponseDecoder, ResponseEvents

_DISCARD_LIMIT: Final = 64 * 1024


class ClientConnectionOwner:
    """Who lends out upstream connections."""

    def connection_idle(self, connection: Http1ClientConnection) -> None:
        """Its exchange is complete: it may be lent again."""
        raise NotImplementedError

    def connection_gone(self, connection: Http1ClientConnection, active: bool, by_peer: bool) -> None:
        """It is closed.

        :param active: an exchange was under way
        :param by_peer: the host closed it
        """
        raise NotImplementedError


class _Deadline(Timed):
    def __init__(self, connection: Http1ClientConnection) -> None:
        super().__init__()
        self._connection = connection

    def on_deadline(self) -> None:
        self._connection.on_deadline()


class Http1ClientConnection(RequestWriter, ResponseEvents):
    """One upstream connection: an asyncio protocol, the decoder's listener, and the sender of each of its exchanges.

    :param idle_timeout: seconds that it may wait in the pool; 0: no limit
    :param body_idle_timeout: seconds between two parts of a response's body; 0: no limit
    :param high_watermark: bytes waiting to be written at which the request's body pauses
    :ivar open: neither side has closed it
    :ivar watched: the wheel looks at it before it can have been idle for too long
    """

    def __init__(
        self,
        id: int,
        owner: ClientConnectionOwner,
        stats: HostStats,
        wheel: DeadlineWheel,
        idle_timeout: float,
        body_idle_timeout: float,
        high_watermark: int,
    ) -> None:
        super().__init__(stats)
        self.id: int = id
        self.local_address: str = ""
        self.requests: int = 0
        self.open: bool = True
        self._owner = owner
        self._wheel = wheel
        self._timed = _Deadline(self)
        self._idle_timeout = idle_timeout
        self._body_idle_timeout = body_idle_timeout
        self._high_watermark = high_watermark
        self._decoder = ResponseDecoder(self)
        self._receiver: ResponseReceiver | None = None
        self._active: bool = False
        self._closed_by_us: bool = False
        self._eof: bool = False
        self._response_head: bool = False
        self._paused: bool = False
        self._discarding: bool = False
        self._discarded: int = 0
        self._last_read: float = monotonic()
        self._try_deadline: float = 0.0
        self.watched: bool = False
        self._body_deadline: float = 0.0

    # --- asyncio protocol

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The connection stands."""
        self._transport = transport
        self._last_read = monotonic()
        transport.set_write_buffer_limits(self._high_watermark, self._high_watermark // 4)
        name = transport.get_extra_info("sockname")
        if isinstance(name, tuple):
            self.local_address = f"{name[0]}:{name[1]}"

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, by either side's doing."""
        self._closed = True
        self.open = False
        self._wheel.remove(self._timed)
        active = self._active
        if active and error is None and self._eof:
            self._decoder.end_of_connection()  # completes a body that runs to the end of the connection
        receiver = self._receiver
        self._receiver = None
        self._active = False
        self._owner.connection_gone(self, active, not self._closed_by_us)
        if receiver is not None:
            stale = self.requests > 1 and not self._decoder.begun
            receiver.on_upstream_reset(STALE_CONNECTION if stale else REMOTE_RESET, str(error) if error else "closed by the host")

    def data_received(self, data: bytes) -> None:
        """Bytes from the host."""
        self._stats.connection_bytes_read_total += len(data)
        if not self._active:
            # Nothing was asked: whatever this is, no later exchange may take it for its answer.
            self.close()
            return
        self._last_read = monotonic()
        if not self._decoder.feed(data):
            self._fail(PROTOCOL_ERROR, "malformed response")
        elif self._receiver is not None and self._response_head:
            self._receiver.on_response_flush()
            if self._body_deadline != 0.0:
                self._body_deadline = self._last_read + self._body_idle_timeout

    def eof_received(self) -> bool:
        """The host has shut down its side."""
        self._eof = True
        self.open = False
        return False

    def pause_writing(self) -> None:
        """The host reads slowly."""
        if self._receiver is not None:
            self._receiver.on_upstream_full()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._receiver is not None:
            self._receiver.on_upstream_drained()

    # --- decoder events

    def on_head(self, head: ResponseHead, end_stream: bool) -> None:
        """A final response's head is complete."""
        self._response_head = True
        self._try_deadline = 0.0
        receiver = self._receiver
        if end_stream:
            self._give_back()
        elif self._body_idle_timeout:
            self._body_deadline = self._last_read + self._body_idle_timeout
            self._rearm()
        if receiver is not None:
            receiver.on_response_head(head, end_stream)

    def on_whole(self, head: ResponseHead, body: bytes) -> None:
        """A final response has arrived whole."""
        receiver = self._receiver
        if self._request_done and self._decoder.keep_alive and self.open and not self._paused:
            # Nothing was set for the body, which is not awaited.
            self._receiver = None
            self._active = False
            self._owner.connection_idle(self)
        else:
            self._give_back()
        if receiver is not None:
            receiver.on_response(head, body, self._last_read)

    def on_interim(self, head: ResponseHead) -> None:
        """An interim response."""
        if self._receiver is not None:
            self._receiver.on_informational(head)

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self._receiver is not None:
            self._receiver.on_response_data(data)
        elif self._discarding:
            self._discarded += len(data)
            if self._discarded > _DISCARD_LIMIT:
                self.close()

    def on_end(self, trailers: Headers | None) -> None:
        """The response is complete."""
        receiver = self._receiver
        self._give_back()
        if receiver is not None:
            receiver.on_response_end(trailers)

    def _give_back(self) -> None:
        """The exchange is over: to the pool, before the receiver hears of it, so that its next request can have the connection."""
        if self._closed_by_us:
            return  # given up by its receiver while this very response was being read
        self._receiver = None
        self._active = False
        self._response_head = False
        self._discarding = False
        self._chunked = False
        self._body_deadline = 0.0
        if self._request_done and self._decoder.keep_alive and not self._closed:
            if self._paused:
                self.resume_response()
            self._owner.connection_idle(self)
        else:
            self.close()

    # --- RequestSender

    def start(self, receiver: ResponseReceiver) -> None:
        """Lend the connection to an exchange."""
        self._receiver = receiver
        self._active = True
        self.requests += 1
        self._request_done = False
        self._response_head = False
        self._discarding = False

    def send_request(self, receiver: ResponseReceiver, head: RequestHead, extra: bytes) -> None:
        """Lend the connection to an exchange whose request has no body: one call for ``start`` and ``send_request_head``."""
        self._receiver = receiver
        self._active = True
        self.requests += 1
        self._request_done = True
        self._decoder.expect(head.method)
        data = encode_request_head(head, extra, True)
        if self._transport is not None and not self._closed:
            self._stats.connection_bytes_write_total += len(data)
            self._transport.write(data)

    def send_request_head(self, head: RequestHead, extra: bytes, end_stream: bool) -> None:
        """Send the request's head."""
        self._decoder.expect(head.method)
        data = encode_request_head(head, extra, end_stream)
        if end_stream:
            self._chunked = False
            self._request_done = True
            if self._transport is not None and not self._closed:
                self._stats.connection_bytes_write_total += len(data)
                self._transport.write(data)
        else:
            self._chunked = head.content_length < 0
            self._pending = data

    def cancel(self) -> None:
        """Give the exchange up and close the connection."""
        self._receiver = None
        self.close()

    def discard(self) -> None:
        """Give the exchange up, but read its response to the end, if short, so that the connection can be used again."""
        self._receiver = None
        self._discarding = True
        self._discarded = 0
        if not self._request_done:
            self.close()
        elif self._paused:
            self.resume_response()

    def pause_response(self) -> None:
        """Stop reading the response."""
        if not self._paused and self._transport is not None and not self._closed:
            self._paused = True
            self._body_deadline = 0.0  # it is we who make the host wait
            self._transport.pause_reading()

    def resume_response(self) -> None:
        """Go on reading it."""
        if self._paused and self._transport is not None and not self._closed:
            self._paused = False
            if self._active and self._response_head and self._body_idle_timeout:
                self._body_deadline = monotonic() + self._body_idle_timeout
                self._rearm()
            self._transport.resume_reading()

    def set_try_deadline(self, when: float) -> None:
        """Reset the exchange with ``TIMEOUT`` at that time, unless the response's head has arrived."""
        self._try_deadline = when
        self._rearm()

    # --- the connection

    def wait_in_pool(self) -> None:
        """It stands in the pool from now on; idle since it was last read from."""
        if not self.watched:
            self._try_deadline = 0.0
            if self._idle_timeout:
                self.watched = True
                self._wheel.arm(self._timed, self._last_read + self._idle_timeout)

    @property
    def usable(self) -> bool:
        """It is open, and no exchange is under way on it."""
        return self.open and not self._active

    def close(self) -> None:
        """Close it; an exchange that is under way is not told."""
        if self._closed or self._closed_by_us:
            return
        self._closed_by_us = True
        self.open = False
        self._receiver = None
        if self._transport is not None:
            # abort, not close: what is unsent belongs to an exchange that nobody waits for.
            self._transport.abort()

    def on_deadline(self) -> None:
        """One of the connection's time limits may have passed."""
        now = monotonic()
        if not self._active:
            self._end_idleness(now)
        elif 0.0 < self._try_deadline <= now:
            self._fail(TIMEOUT, "no response in time")
        elif 0.0 < self._body_deadline <= now:
            self._fail(TIMEOUT, "response body stalled")
        else:
            self._rearm()

    def _end_idleness(self, now: float) -> None:
        """It stands in the pool: close it, unless it was used since the wheel was set."""
        when = self._last_read + self._idle_timeout
        if self._idle_timeout and when > now:
            self._wheel.arm(self._timed, when)
        else:
            self.close()

    def _fail(self, reason: int, detail: str) -> None:
        receiver = self._receiver
        self._receiver = None
        self.close()
        if receiver is not None:
            receiver.on_upstream_reset(reason, detail)

    def _rearm(self) -> None:
        self.watched = False
        when = self._try_deadline
        if self._body_deadline != 0.0 and (when == 0.0 or self._body_deadline < when):
            when = self._body_deadline
        self._wheel.arm(self._timed, when)
