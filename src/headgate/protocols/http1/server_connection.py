"""The downstream side of HTTP/1.1: one accepted connection.

A connection carries exchanges one after the other. While one is under way, requests that a client pipelines are kept, already decoded,
in a backlog, and reading pauses: the backlog holds at most what one read brought. Responses so go out in order.

Its life::

    idle --first bytes--> head --head complete--> exchange --request and response complete--> idle
      |                    |                         |-- response complete, request not --> lingering --> closed
      `--idle timeout------`--header timeout (408)---`-- client gone, reset ------------------------------> closed

*Lingering*: the answer has been sent and our side shut down, the rest of the request is read and dropped for a short time; closing at
once would reset the connection and could take the answer with it (RFC 9112 section 9.6).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.stream import ConnectionInfo
from headgate.net.deadlines import DeadlineWheel
from headgate.observe.stats import ListenerStats
from headgate.protocols.exchange import (
    PROTOCOL_ERROR,
    REMOTE_RESET,
    TIMEOUT,
    RequestReceiver,
    ResponseSender,
    StreamDispatcher,
)
from headgate.protocols.http1.encoder import (
    CONTINUE,
    encode_informational,
    encode_response_head,
    encode_trailers,
)
from headgate.protocols.http1.pipelined_request import PipelinedRequest
from headgate.protocols.http1.request_decoder import RequestDecoder, RequestEvents
from headgate.protocols.http1.server_deadlines import ServerDeadlines, TimeoutEvents
from headgate.protocols.http1.settings import Http1Settings

_NO_LINE: Final = b""
_CLOSE_LINE: Final = b"Connection: close\r\n"
_KEEP_ALIVE_LINE: Final = b"Connection: keep-alive\r\n"


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
        """Who gets the next request: the listener's present configuration."""
        raise NotImplementedError


class Http1ServerConnection(ResponseSender, RequestEvents, TimeoutEvents):
    """One accepted connection: an asyncio protocol, the decoder's listener, and the sender of each of its exchanges.

    :param settings: limits; replaced between requests when the listener's configuration changes
    """

    def __init__(
        self, owner: ConnectionOwner, settings: Http1Settings, stats: ListenerStats, wheel: DeadlineWheel, scheme: str
    ) -> None:
        self._owner = owner
        self._settings = settings
        self._stats = stats
        self._times = ServerDeadlines(self, wheel)
        self._decoder = RequestDecoder(self, settings, scheme)
        self._transport: asyncio.Transport | None = None
        self._info: ConnectionInfo | None = None
        self._receiver: RequestReceiver | None = None
        self._busy: bool = False  # an exchange is under way; its receiver may not be known yet while it is being made
        self._backlog: deque[PipelinedRequest] = deque()
        # The exchange under way:
        self._http10: bool = False
        self._keep_alive: bool = True
        self._owes_continue: bool = False
        self._head_request: bool = False
        self._request_done: bool = True
        self._response_begun: bool = False
        self._response_done: bool = False
        self._chunked: bool = False
        self._requests: int = 0
        # The connection:
        self._closing: bool = False  # nothing more is read as a request
        self._closed: bool = False
        self._draining: bool = False
        self._paused_by_engine: bool = False
        self._paused_reading: bool = False

    # --- asyncio protocol

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client connected."""
        self._transport = transport
        stats = self._stats
        stats.connection_total += 1
        stats.connection_active += 1
        if not self._owner.connection_opened(self):
            self._closing = True
            transport.abort()
            return
        self._info = self._owner.describe(transport)
        high = self._settings.high_watermark
        transport.set_write_buffer_limits(high, high // 4)
        self._times.head = monotonic() + self._settings.header_timeout
        self._times.rearm()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, by either side's doing."""
        self._closed = True
        self._closing = True
        self._times.remove()
        stats = self._stats
        stats.connection_destroy += 1
        stats.connection_active -= 1
        self._backlog.clear()
        receiver = self._receiver
        if receiver is not None:
            self._receiver = None
            receiver.on_downstream_reset(REMOTE_RESET)
        self._owner.connection_closed(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        self._stats.bytes_read_total += len(data)
        if self._closing:
            return
        decoder = self._decoder
        refused = decoder.feed(data)
        if refused:
            self._refuse(refused)
        elif decoder.upgrade:
            self._closing = True
            self._keep_alive = False
        elif decoder.head_open and self._times.head == 0.0 and not self._busy:
            self._times.idle = 0.0
            self._times.head = monotonic() + self._settings.header_timeout
            self._times.rearm()

    def eof_received(self) -> bool:
        """The client has shut down its side. Half-closed or gone cannot be told apart before something is written; as nginx and
        Envoy do, take it as gone, so that what is under way upstream is cancelled."""
        return False

    def pause_writing(self) -> None:
        """The client reads slowly."""
        if self._receiver is not None:
            self._receiver.on_downstream_full()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._receiver is not None:
            self._receiver.on_downstream_drained()

    # --- decoder events

    def on_head(self, head: RequestHead, end_stream: bool) -> None:
        """A request's head is complete."""
        decoder = self._decoder
        if self._busy or self._closing:
            if not self._closing:
                self._backlog.append(PipelinedRequest(head, end_stream, decoder.http10, decoder.keep_alive, decoder.expects_continue))
                decoder.expects_continue = False
                self._update_reading()
            return
        self._begin(head, end_stream, decoder.http10, decoder.keep_alive, decoder.expects_continue)
        decoder.expects_continue = False

    def on_body(self, data: bytes) -> None:
        """A part of a request's body."""
        if self._backlog:
            self._backlog[-1].body.append(data)
            return
        if self._times.body != 0.0:
            self._times.body = monotonic() + self._settings.body_idle_timeout
            self._times.rearm()
        if self._receiver is not None:
            self._receiver.on_request_data(data)

    def on_end(self, trailers: Headers | None) -> None:
        """A request is complete."""
        if self._backlog:
            last = self._backlog[-1]
            last.ended = True
            last.trailers = trailers
        else:
            self._request_ended(trailers)

    # --- the exchange

    def _begin(self, head: RequestHead, end_stream: bool, http10: bool, keep_alive: bool, expects_continue: bool) -> None:
        self._busy = True
        self._http10 = http10
        self._requests += 1
        limit = self._settings.max_requests_per_connection
        self._keep_alive = keep_alive and not self._draining and not (limit and self._requests >= limit)
        self._owes_continue = expects_continue and not http10 and not end_stream
        self._head_request = head.method == "HEAD"
        self._request_done = end_stream
        self._response_begun = False
        self._response_done = False
        self._times.head = 0.0
        self._times.idle = 0.0
        if not end_stream:
            self._times.body = monotonic() + self._settings.body_idle_timeout
            self._times.rearm()
        info = self._info
        assert info is not None
        receiver = self._owner.dispatcher().new_stream(self, head, end_stream, info)
        if self._busy and not self._response_done and not self._closed:
            self._receiver = receiver

    def _request_ended(self, trailers: Headers | None) -> None:
        self._times.body = 0.0
        if self._request_done:
            return
        self._request_done = True
        self._owes_continue = False
        if self._response_done:
            self._exchange_done()
        elif self._receiver is not None:
            self._receiver.on_request_end(trailers)

    def _exchange_done(self) -> None:
        """Request and response are complete."""
        self._busy = False
        self._receiver = None
        self._times.stream = 0.0
        self._times.body = 0.0
        self._paused_by_engine = False
        if not self._keep_alive or self._closing or self._draining:
            self._close()
            return
        if self._backlog:
            # Not from within the call that ended this one: a thousand pipelined requests must not nest a thousand calls.
            asyncio.get_running_loop().call_soon(self._next_pipelined)
            return
        self._update_reading()
        settings = self._settings
        if self._decoder.head_open:
            self._times.head = monotonic() + settings.header_timeout
        elif settings.idle_timeout:
            self._times.idle = monotonic() + settings.idle_timeout
        self._times.rearm()

    def _next_pipelined(self) -> None:
        if self._closed or self._busy or not self._backlog:
            return
        request = self._backlog.popleft()
        self._begin(request.head, request.end_stream, request.http10, request.keep_alive, request.expects_continue)
        for data in request.body:
            if self._receiver is None:
                break
            self._receiver.on_request_data(data)
        if request.ended:
            self._request_ended(request.trailers)
        if not self._backlog:
            self._update_reading()

    def _refuse(self, status: int) -> None:
        """The client broke the protocol or a limit: answer what can be answered, then close."""
        self._closing = True
        if not self._busy:
            self._reply_refusal(status)
            self._close()
        elif self._request_done or self._backlog:
            # The broken bytes came after a whole request: that one is still answered, the connection closes after it.
            self._keep_alive = False
            self._backlog.clear()
        else:
            receiver = self._receiver
            self._receiver = None
            if receiver is not None:
                receiver.on_downstream_reset(PROTOCOL_ERROR)
            if not self._response_begun:
                self._reply_refusal(status)
                self._linger()
            else:
                self._abort()

    def _reply_refusal(self, status: int) -> None:
        stats = self._stats
        stats.request_total += 1
        stats.request_failed += 1
        stats.count_status(status)
        head = ResponseHead(status, Headers())
        head.content_length = 0
        head.headers.changed = True
        self._write(encode_response_head(head, False, True, False, _CLOSE_LINE))

    # --- ResponseSender

    def send_response_head(self, head: ResponseHead, end_stream: bool) -> None:
        """Send the final response's head."""
        self._response_begun = True
        status = head.status
        bodiless = self._head_request or status == 204 or status == 304
        self._chunked = False
        if not bodiless and not end_stream and head.content_length < 0:
            if self._http10:
                self._keep_alive = False
            else:
                self._chunked = True
        if status == 204 and head.content_length >= 0:
            head.headers.changed = True
        if not self._request_done and (end_stream or status >= 400):
            self._keep_alive = False
        if self._draining:
            self._keep_alive = False
        line = _NO_LINE
        if not self._keep_alive:
            line = _CLOSE_LINE
        elif self._http10:
            line = _KEEP_ALIVE_LINE
        self._owes_continue = False
        self._write(encode_response_head(head, bodiless, end_stream, self._chunked, line))
        if end_stream:
            self._response_ended()

    def send_response_data(self, data: bytes) -> None:
        """Send a part of the body."""
        if not data or self._head_request:
            return
        if self._chunked:
            if len(data) < 4096:
                self._write(b"%x\r\n%b\r\n" % (len(data), data))
            else:
                self._write(b"%x\r\n" % len(data))
                self._write(data)
                self._write(b"\r\n")
        else:
            self._write(data)

    def send_response_end(self, trailers: Headers | None) -> None:
        """The response is complete."""
        if self._chunked:
            self._write(encode_trailers(trailers))
        self._response_ended()

    def send_informational(self, head: ResponseHead) -> None:
        """Send an interim response; HTTP/1.0 does not know them."""
        if not self._http10 and not self._response_begun:
            self._write(encode_informational(head))

    def want_body(self) -> None:
        """Let a client that waits for ``100 Continue`` go on."""
        if self._owes_continue:
            self._owes_continue = False
            self._write(CONTINUE)

    def reset_response(self) -> None:
        """End the exchange without a complete response: the connection breaks, so that the client can tell."""
        self._receiver = None
        self._response_done = True
        self._abort()

    def pause_request(self) -> None:
        """Stop reading the body."""
        if self._busy and not self._request_done:
            self._paused_by_engine = True
            self._times.body = 0.0  # it is we who make the client wait
            self._update_reading()

    def resume_request(self) -> None:
        """Go on reading it."""
        if self._paused_by_engine:
            self._paused_by_engine = False
            if not self._request_done:
                self._times.body = monotonic() + self._settings.body_idle_timeout
                self._times.rearm()
            self._update_reading()

    def set_deadline(self, when: float) -> None:
        """The engine's deadline for this exchange."""
        self._times.stream = when
        if when != 0.0:
            self._times.rearm()

    # --- the connection

    def update_settings(self, settings: Http1Settings) -> None:
        """Take up another configuration, from the next request on."""
        self._settings = settings
        self._decoder.use_settings(settings)

    def drain(self) -> None:
        """Finish what is under way, then close; an idle connection closes at once."""
        self._draining = True
        if not self._busy and not self._decoder.head_open and not self._backlog:
            self._close()

    def finish_after_request(self) -> None:
        """The next response is the last."""
        self._draining = True

    @property
    def busy(self) -> bool:
        """An exchange is under way."""
        return self._busy

    def close_now(self) -> None:
        """Break the connection, whatever is under way."""
        self._abort()

    def on_head_timeout(self) -> None:
        """No request, or not the whole head of one, in time."""
        self._closing = True
        if self._decoder.head_open:
            self._reply_refusal(408)
        self._close()

    def on_idle_timeout(self) -> None:
        """Idle, or lingering, or closing for too long."""
        if self._closing:
            self._abort()
        else:
            self._close()

    def on_stream_deadline(self) -> None:
        """The engine's deadline for this exchange has come."""
        if self._receiver is not None:
            self._receiver.on_downstream_deadline()

    def on_body_timeout(self) -> None:
        """The client stalls in the middle of a body."""
        receiver = self._receiver
        self._receiver = None
        self._closing = True
        if receiver is not None:
            receiver.on_downstream_reset(TIMEOUT)
        if self._response_begun:
            self._abort()
        else:
            self._reply_refusal(408)
            self._linger()

    def _response_ended(self) -> None:
        self._response_done = True
        self._receiver = None
        if self._request_done:
            self._exchange_done()
        else:
            self._linger()

    def _linger(self) -> None:
        """The answer is out, the request is not read to its end: shut down our side and drop the rest for a while."""
        self._closing = True
        self._receiver = None
        self._times.stream = 0.0
        self._times.body = 0.0
        transport = self._transport
        if transport is None or self._closed:
            return
        if transport.can_write_eof():
            transport.write_eof()
        self._paused_by_engine = False
        self._update_reading()
        self._times.idle = monotonic() + self._settings.linger_timeout
        self._times.rearm()

    def _update_reading(self) -> None:
        transport = self._transport
        if transport is None or self._closed:
            return
        pause = not self._closing and (self._paused_by_engine or len(self._backlog) > 0)
        if pause != self._paused_reading:
            self._paused_reading = pause
            if pause:
                transport.pause_reading()
            else:
                transport.resume_reading()

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is not None and not self._closed:
            self._stats.bytes_write_total += len(data)
            transport.write(data)

    def _close(self) -> None:
        self._closing = True
        if self._transport is not None and not self._closed:
            self._transport.close()
            # What is still to be written must not keep a client's dead connection for ever.
            self._times.idle = monotonic() + self._settings.body_idle_timeout
            self._times.head = 0.0
            self._times.rearm()

    def _abort(self) -> None:
        self._closing = True
        if self._transport is not None and not self._closed:
            self._transport.abort()


