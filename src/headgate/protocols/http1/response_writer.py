"""Writing the response of one exchange: framing, and what the client is told of the connection.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import monotonic
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import ResponseHead
from headgate.protocols.exchange import ResponseSender
from headgate.protocols.http1.encoder import CONTINUE, encode_informational, encode_response, encode_response_head, encode_trailers
from headgate.protocols.http1.server_transport import ServerTransport

_NO_LINE: Final = b""
_CLOSE_LINE: Final = b"Connection: close\r\n"
_KEEP_ALIVE_LINE: Final = b"Connection: keep-alive\r\n"


class ResponseWriter(ResponseSender):
    """The writing half of a downstream connection.

    :param out: the connection's socket
    """

    def __init__(self, out: ServerTransport) -> None:
        self._out: ServerTransport = out
        self._draining: bool = False
        # The exchange under way:
        self._http10: bool = False
        self._keep_alive: bool = True
        self._owes_continue: bool = False
        self._head_request: bool = False
        self._bodiless: bool = False  # the response has no body, whatever comes as one
        self._request_done: bool = True
        self._response_begun: bool = False
        self._response_done: bool = False
        self._plain: bool = True  # all of these are as they stand here: a request of the usual kind, whole, and no response yet
        self._chunked: bool = False

    def reset_exchange(self) -> None:
        """Back to the first values, for the next exchange."""
        self._http10 = False
        self._keep_alive = True
        self._owes_continue = False
        self._head_request = False
        self._request_done = True
        self._response_begun = False
        self._response_done = False
        self._plain = True

    def response_ended(self) -> None:
        """The response is complete (the connection's matter)."""
        raise NotImplementedError

    def exchange_done(self, now: float) -> None:
        """Request and response are complete (the connection's matter).

        :param now: on the clock of ``time.monotonic``
        """
        raise NotImplementedError

    def send_response_head(self, head: ResponseHead, end_stream: bool) -> None:
        """Send the final response's head."""
        self._response_begun = True
        self._plain = False
        status = head.status
        bodiless = self._head_request or status == 204 or status == 304
        self._bodiless = bodiless
        self._chunked = False
        if not end_stream and not bodiless and head.content_length < 0:
            if self._http10:
                self._keep_alive = False
            else:
                self._chunked = True
        if status == 204 and head.content_length >= 0:
            head.headers.changed = True
        elif end_stream and not bodiless and head.content_length > 0:
            # A filter changed method or status of what had no body: the length that it would have had must not be promised.
            head.content_length = 0
            head.headers.changed = True
        if (not self._request_done and (end_stream or status >= 400)) or self._draining:
            self._keep_alive = False
        line = _NO_LINE
        if not self._keep_alive:
            line = _CLOSE_LINE
        elif self._http10:
            line = _KEEP_ALIVE_LINE
        self._out.write(encode_response_head(head, bodiless, end_stream, self._chunked, line))
        if end_stream:
            self.response_ended()

    def send_response_data(self, data: bytes) -> None:
        """Send a part of the body."""
        if not data or self._bodiless:
            return
        out = self._out
        if not self._chunked:
            out.write(data)
        elif len(data) < 4096:
            out.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            out.write(b"%x\r\n" % len(data))
            out.write(data)
            out.write(b"\r\n")

    def send_response_end(self, trailers: Headers | None) -> None:
        """The response is complete."""
        if self._chunked:
            self._out.write(encode_trailers(trailers))
        self.response_ended()

    def send_response(self, head: ResponseHead, body: bytes) -> None:
        """Send a whole response, in one write."""
        status = head.status
        if not self._plain or self._draining or status == 204 or status == 304 or head.content_length != len(body):
            self.send_response_head(head, False)
            self.send_response_data(body)
            self.send_response_end(None)
            return
        self._out.send(encode_response(head, body))
        self.exchange_done(monotonic())

    def pass_response(self, head: ResponseHead, body: bytes, now: float) -> None:
        """Send a whole response that nobody has changed."""
        if head.wire and self._plain and not self._draining:
            self._out.send(head.wire + body)
            self.exchange_done(now)
        else:
            self.send_response(head, body)

    def flush_response(self) -> None:
        """Nothing more comes for the moment."""
        self._out.flush()

    def send_informational(self, head: ResponseHead) -> None:
        """Send an interim response; HTTP/1.0 does not know them."""
        if not self._http10 and not self._response_begun:
            self._out.write(encode_informational(head))
            self._out.flush()

    def want_body(self) -> None:
        """Let a client that waits for ``100 Continue`` go on."""
        if self._owes_continue:
            self._owes_continue = False
            self._out.write(CONTINUE)
            self._out.flush()

    def set_deadline(self, when: float) -> None:
        """The engine's deadline for this exchange."""
        times = self._out.times
        times.stream = when
        if when != 0.0 and not 0.0 < times.deadline <= when:
            times.rearm()

    def reply_refusal(self, status: int) -> None:
        """Refuse what came in place of a request."""
        out = self._out
        out.stats.request_malformed += 1
        out.stats.count_status(status)
        head = ResponseHead(status, Headers())
        head.content_length = 0
        head.headers.changed = True
        out.write(encode_response_head(head, False, True, False, _CLOSE_LINE))
