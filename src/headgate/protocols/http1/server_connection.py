"""The downstream side of HTTP/1.1: one accepted connection.

A connection carries exchanges one after the other. While one is under way, what a client pipelines behind its request is kept as it came
and reading pauses; it is looked at when the exchange is over. Responses so go out in order.

Its life::

    idle --first bytes--> head --head complete--> exchange --request and response complete--> idle
      |                    |                         |-- response complete, request not --> lingering --> closed
      `--idle timeout------`--header timeout (408)---`-- client gone, reset ------------------------------> closed

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
from headgate.api.stream import ConnectionInfo
from headgate.net.deadlines import DeadlineWheel
from headgate.observe.listener_stats import ListenerStats
from headgate.protocols.exchange import PROTOCOL_ERROR, REMOTE_RESET, TIMEOUT, RequestReceiver, StreamDispatcher
from headgate.protocols.http1.request_decoder import RequestDecoder
from headgate.protocols.http1.request_events import RequestEvents
from headgate.protocols.http1.response_writer import ResponseWriter
from headgate.protocols.http1.server_transport import ServerTransport
from headgate.protocols.http1.settings import Http1Settings

_DRAIN_GRACE: Final = 1.0
"""Seconds in which a connection without a request may still bring one when the listener drains."""


class ConnectionOwner:
    """Who keeps the connections of a listener."""

    def connection_opened(self, connection: Http1ServerConnection) -> bool:
        """A client connected.

        :returns: False to close it at once
        """
        raise NotImplementedError

    def connection_closed(self, connection: Http1ServerConnection) -> None:
        """It is gone."""
        raise NotImplementedError

    def describe(self, transport: asyncio.Transport) -> ConnectionInfo:
        """What filters and logs know of a connection."""
        raise NotImplementedError

    def dispatcher(self) -> StreamDispatcher:
        """Who gets the requests: the listener's present configuration. A later one comes by ``update``."""
        raise NotImplementedError


class Http1ServerConnection(ResponseWriter, RequestEvents):
    """One accepted connection: an asyncio protocol, the decoder's listener, and the sender of each of its exchanges."""

    def __init__(self, owner: ConnectionOwner, settings: Http1Settings, stats: ListenerStats, wheel: DeadlineWheel, scheme: str) -> None:
        super().__init__(_Socket(self, settings, stats, wheel))
        self._owner = owner
        self._decoder = RequestDecoder(self, settings, scheme)
        self._info: ConnectionInfo | None = None
        self._dispatcher: StreamDispatcher | None = None
        self._receiver: RequestReceiver | None = None
        self._requests: int = 0
        self._paused_by_engine: bool = False

    # --- asyncio protocol

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client connected."""
        out = self._out
        out.transport = transport
        stats = out.stats
        stats.connection_total += 1
        stats.connection_active += 1
        if not self._owner.connection_opened(self):
            out.closing = True
            transport.abort()
            return
        self._info = self._owner.describe(transport)
        self._dispatcher = self._owner.dispatcher()
        high = out.settings.high_watermark
        transport.set_write_buffer_limits(high, high // 4)
        out.times.head = monotonic() + out.settings.header_timeout
        out.times.rearm()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, by either side's doing."""
        out = self._out
        out.closed = True
        out.closing = True
        out.times.remove()
        stats = out.stats
        stats.connection_destroy += 1
        stats.connection_active -= 1
        self._decoder.rest = b""
        receiver = self._receiver
        if receiver is not None:
            self._receiver = None
            receiver.on_downstream_reset(REMOTE_RESET)
        self._owner.connection_closed(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        out = self._out
        out.stats.bytes_read_total += len(data)
        if not out.closing:
            decoder = self._decoder
            refused = decoder.feed(data)
            # Most often a whole request has come, and its answer is awaited.
            if refused or not decoder.blocked or not self._request_done or decoder.rest or decoder.upgrade:
                self._decoded(refused)

    def eof_received(self) -> bool:
        """The client has shut down its side. Half-closed or gone cannot be told apart; as nginx and Envoy do, take it as gone."""
        return False

    def pause_writing(self) -> None:
        """The client reads slowly: give it as long as a client has that sends slowly."""
        out = self._out
        if out.settings.body_idle_timeout:
            out.times.write = monotonic() + out.settings.body_idle_timeout
            out.times.rearm()
        if self._receiver is not None:
            self._receiver.on_downstream_full()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._out.times.write = 0.0
        if self._receiver is not None:
            self._receiver.on_downstream_drained()

    # --- decoder and its events

    def _decoded(self, refused: int) -> None:
        """Do what the decoder leaves to do behind what was fed."""
        decoder = self._decoder
        out = self._out
        if refused:
            self._refuse(refused)
        elif decoder.upgrade:
            out.closing = True
            self._keep_alive = False
            if not decoder.blocked:
                out.linger()
        elif decoder.blocked:
            if not self._request_done and self._receiver is not None:
                self._receiver.on_request_flush()
            if decoder.rest:
                self._update_reading()
        elif out.times.head == 0.0 and decoder.head_open:
            out.times.idle = 0.0
            out.times.head = monotonic() + out.settings.header_timeout
            out.times.rearm()

    def on_head(self, head: RequestHead, end_stream: bool) -> None:
        """A request's head is complete: an exchange begins."""
        out = self._out
        if out.closing:
            return
        decoder = self._decoder
        self._plain = False
        decoder.blocked = True
        settings = out.settings
        self._http10 = decoder.http10
        self._requests += 1
        self._keep_alive = decoder.keep_alive and not self._draining
        if settings.max_requests_per_connection and self._requests >= settings.max_requests_per_connection:
            self._keep_alive = False
        self._head_request = head.method == "HEAD"
        self._request_done = end_stream
        times = out.times
        times.head = 0.0
        times.idle = 0.0
        if not end_stream:
            self._owes_continue = decoder.expects_continue and not decoder.http10
            times.body = monotonic() + settings.body_idle_timeout
            times.rearm()
        decoder.expects_continue = False
        info = self._info
        dispatcher = self._dispatcher
        assert info is not None and dispatcher is not None
        receiver = dispatcher.new_stream(self, head, end_stream, info)
        if decoder.blocked and not self._response_done and not out.closed:
            self._receiver = receiver

    def on_usual(self, head: RequestHead) -> None:
        """A request of the usual kind: the exchange begins as the writer's first values have it."""
        out = self._out
        if self._draining or out.closing or out.settings.max_requests_per_connection:
            self.on_head(head, True)
            return
        decoder = self._decoder
        decoder.blocked = True
        self._requests += 1
        times = out.times
        times.head = 0.0
        times.idle = 0.0
        info = self._info
        dispatcher = self._dispatcher
        assert info is not None and dispatcher is not None
        receiver = dispatcher.new_stream(self, head, True, info)
        if decoder.blocked and not out.closed:
            self._receiver = receiver

    def on_body(self, data: bytes) -> None:
        """A part of a request's body."""
        times = self._out.times
        if times.body != 0.0:
            times.body = monotonic() + self._out.settings.body_idle_timeout
        if self._receiver is not None:
            self._receiver.on_request_data(data)

    def on_end(self, trailers: Headers | None) -> None:
        """A request is complete."""
        self._out.times.body = 0.0
        self._request_done = True
        self._owes_continue = False
        if self._response_done:
            self.exchange_done(monotonic())
        elif self._receiver is not None:
            self._receiver.on_request_end(trailers)

    # --- the end of an exchange

    def exchange_done(self, now: float) -> None:
        """Request and response are complete."""
        out = self._out
        self._receiver = None
        decoder = self._decoder
        decoder.blocked = False
        times = out.times
        times.stream = 0.0
        if out.pending:
            out.flush()
        if not self._keep_alive or out.closing or self._draining:
            if decoder.upgrade:
                out.linger()
            else:
                out.close()
            return
        if not self._plain:
            self.reset_exchange()
        if decoder.rest:
            # Not from within the call that ended this one: a thousand pipelined requests must not nest a thousand calls.
            asyncio.get_running_loop().call_soon(self._decode_rest)
        elif out.settings.idle_timeout:
            times.idle = when = now + out.settings.idle_timeout
            if not 0.0 < times.deadline <= when:
                times.rearm()

    def _decode_rest(self) -> None:
        decoder = self._decoder
        if self._out.closing or decoder.blocked:
            return
        rest = decoder.rest
        decoder.rest = b""
        self._decoded(decoder.feed(rest))
        self._update_reading()

    def _refuse(self, status: int) -> None:
        """The client broke the protocol or a limit: answer what can be answered, then close."""
        out = self._out
        out.closing = True
        if not self._decoder.blocked:
            self.reply_refusal(status)
            out.linger()
        elif self._request_done:
            # The broken bytes came behind a whole request: that one is still answered, the connection closes after it.
            self._keep_alive = False
            self._plain = False
        else:
            receiver = self._receiver
            self._receiver = None
            if receiver is not None:
                receiver.on_downstream_reset(PROTOCOL_ERROR)
            if self._response_begun:
                out.reset()
            else:
                self.reply_refusal(status)
                out.linger()

    # --- ResponseSender: what is more than writing

    def reset_response(self) -> None:
        """End the exchange without a complete response: the connection breaks, so that the client can tell."""
        self._receiver = None
        self._response_done = True
        self._out.flush()
        self._out.reset()

    def pause_request(self) -> None:
        """Stop reading the body."""
        if self._decoder.blocked and not self._request_done:
            self._paused_by_engine = True
            self._out.times.body = 0.0  # it is we who make the client wait
            self._update_reading()

    def resume_request(self) -> None:
        """Go on reading it."""
        if self._paused_by_engine:
            self._paused_by_engine = False
            if not self._request_done:
                self._out.times.body = monotonic() + self._out.settings.body_idle_timeout
                self._out.times.rearm()
            self._update_reading()

    def response_ended(self) -> None:
        """The response is complete."""
        self._response_done = True
        self._receiver = None
        if self._request_done:
            self.exchange_done(monotonic())
        else:
            self._paused_by_engine = False
            self._out.linger()

    # --- the connection

    def update(self, settings: Http1Settings, dispatcher: StreamDispatcher) -> None:
        """Take up another configuration, from the next request on."""
        self._dispatcher = dispatcher
        self._out.settings = settings
        self._decoder.use_settings(settings)

    def drain(self) -> None:
        """Finish what is under way, then close; an idle connection closes at once, one that has just come gets a moment for a request."""
        self._draining = True
        if self._decoder.blocked or self._decoder.head_open or self._decoder.rest:
            return
        if self._requests == 0:
            self._out.times.head = monotonic() + _DRAIN_GRACE
            self._out.times.rearm()
        else:
            self._out.close()

    def finish_after_request(self) -> None:
        """The next response is the last."""
        self._draining = True

    @property
    def busy(self) -> bool:
        """An exchange is under way."""
        return self._decoder.blocked

    def close_now(self) -> None:
        """Break the connection, whatever is under way."""
        self._out.abort()

    def _update_reading(self) -> None:
        out = self._out
        out.set_reading(out.closing or not (self._paused_by_engine or self._decoder.rest))

    # --- time limits

    def on_head_timeout(self) -> None:
        """No request, or not the whole head of one, in time."""
        if self._decoder.head_open:
            self.reply_refusal(408)
        self._out.close()

    def on_body_timeout(self) -> None:
        """The client stalls in the middle of a body."""
        receiver = self._receiver
        self._receiver = None
        if receiver is not None:
            receiver.on_downstream_reset(TIMEOUT)
        if self._response_begun:
            self._out.reset()
        else:
            self.reply_refusal(408)
            self._out.linger()

    def on_stream_deadline(self) -> None:
        """The engine's deadline for this exchange has come."""
        if self._receiver is not None:
            self._receiver.on_downstream_deadline()


class _Socket(ServerTransport):
    """The connection's socket: its time limits end at the connection."""

    def __init__(self, connection: Http1ServerConnection, settings: Http1Settings, stats: ListenerStats, wheel: DeadlineWheel) -> None:
        super().__init__(settings, stats, wheel)
        self._connection = connection

    def on_head_timeout(self) -> None:
        self._connection.on_head_timeout()

    def on_body_timeout(self) -> None:
        self._connection.on_body_timeout()

    def on_stream_deadline(self) -> None:
        self._connection.on_stream_deadline()
