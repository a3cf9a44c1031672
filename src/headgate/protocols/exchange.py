"""Between codec and engine: the four narrow interfaces of one exchange (one request and its response).

::

    downstream codec  --RequestReceiver-->   engine   --RequestSender-->    upstream codec
                      <--ResponseSender--            <--ResponseReceiver--

The engine's stream implements both receivers; each codec's connection implements the sender of its side. Calls are synchronous and
never re-enter the caller's caller with anything but these methods. Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import trait

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.stream import ConnectionInfo

# Why an exchange ended before its time; names follow MOSN's reset reasons. Plain ints: compared on the forwarding path.
CONNECTION_FAILED: Final = 1
"""No connection to the upstream host could be made."""
REMOTE_RESET: Final = 2
"""The peer closed or reset the connection."""
PROTOCOL_ERROR: Final = 4
"""The peer sent what the protocol does not allow."""
TIMEOUT: Final = 5
"""A time limit passed."""
OVERFLOW: Final = 6
"""A limit (circuit breaker) was reached."""
STALE_CONNECTION: Final = 7
"""A reused connection was closed by the peer before any byte of the response: nothing is known to have been processed."""


@trait
class RequestReceiver:
    """The engine's side of a request, called by the downstream codec."""

    def on_request_data(self, data: bytes) -> None:
        """A part of the body arrived."""
        raise NotImplementedError

    def on_request_end(self, trailers: Headers | None) -> None:
        """The request is complete. Not called when the head already ended it."""
        raise NotImplementedError

    def on_request_flush(self) -> None:
        """Nothing more of the body has arrived for the moment: send on what was collected."""
        raise NotImplementedError

    def on_downstream_reset(self, reason: int) -> None:
        """The client is gone or broke the protocol: nothing can be answered any more."""
        raise NotImplementedError

    def on_downstream_deadline(self) -> None:
        """The time that :meth:`ResponseSender.set_deadline` set has come."""
        raise NotImplementedError

    def on_downstream_full(self) -> None:
        """The client reads more slowly than the response arrives: stop reading it upstream (high watermark)."""
        raise NotImplementedError

    def on_downstream_drained(self) -> None:
        """The client has caught up (low watermark)."""
        raise NotImplementedError


class ResponseSender:
    """The downstream codec's side of an exchange, called by the engine."""

    def send_response_head(self, head: ResponseHead, end_stream: bool) -> None:
        """Send the final response's head.

        :param end_stream: nothing follows: no body, no trailers
        """
        raise NotImplementedError

    def send_response_data(self, data: bytes) -> None:
        """Send a part of the body."""
        raise NotImplementedError

    def send_response_end(self, trailers: Headers | None) -> None:
        """The response is complete."""
        raise NotImplementedError

    def send_response(self, head: ResponseHead, body: bytes) -> None:
        """Send a whole response: one call for head, data and end."""
        self.send_response_head(head, False)
        self.send_response_data(body)
        self.send_response_end(None)

    def pass_response(self, head: ResponseHead, body: bytes, now: float) -> None:
        """Send a whole response that nobody has changed since it was received: the same as ``send_response``.

        :param now: on the clock of ``time.monotonic``
        """
        self.send_response(head, body)

    def flush_response(self) -> None:
        """Nothing more comes for the moment: send what was collected. The end of a response is sent without it."""
        raise NotImplementedError

    def send_informational(self, head: ResponseHead) -> None:
        """Send an interim (1xx) response; dropped for peers that do not know them."""
        raise NotImplementedError

    def want_body(self) -> None:
        """The engine is about to use the request's body: a client that waits for ``100 Continue`` gets it."""
        raise NotImplementedError

    def reset_response(self) -> None:
        """End the exchange without a (complete) response; the client must be able to tell."""
        raise NotImplementedError

    def pause_request(self) -> None:
        """Stop reading the request's body."""
        raise NotImplementedError

    def resume_request(self) -> None:
        """Go on reading it."""
        raise NotImplementedError

    def set_deadline(self, when: float) -> None:
        """Call the receiver's ``on_downstream_deadline`` at that time.

        :param when: on the clock of ``time.monotonic``, seconds; 0.0: never
        """
        raise NotImplementedError


@trait
class ResponseReceiver:
    """The engine's side of a response, called by the upstream codec."""

    def on_response_head(self, head: ResponseHead, end_stream: bool) -> None:
        """The final response's head arrived."""
        raise NotImplementedError

    def on_response(self, head: ResponseHead, body: bytes, received: float) -> None:
        """The final response arrived whole: one call for head, data and end. The sender is free for another exchange already.

        :param received: when, on the clock of ``time.monotonic``
        """
        self.on_response_head(head, False)
        self.on_response_data(body)
        self.on_response_end(None)

    def on_informational(self, head: ResponseHead) -> None:
        """An interim (1xx) response other than 100 and 101 arrived."""
        raise NotImplementedError

    def on_response_data(self, data: bytes) -> None:
        """A part of the body arrived."""
        raise NotImplementedError

    def on_response_end(self, trailers: Headers | None) -> None:
        """The response is complete. Not called when the head already ended it."""
        raise NotImplementedError

    def on_response_flush(self) -> None:
        """Nothing more of the body has arrived for the moment: send on what was collected."""
        raise NotImplementedError

    def on_upstream_reset(self, reason: int, detail: str) -> None:
        """The exchange failed; the sender is gone.

        :param detail: for the log
        """
        raise NotImplementedError

    def on_upstream_full(self) -> None:
        """The upstream host reads more slowly than the request's body arrives (high watermark)."""
        raise NotImplementedError

    def on_upstream_drained(self) -> None:
        """The upstream host has caught up (low watermark)."""
        raise NotImplementedError


class RequestSender:
    """The upstream codec's side of an exchange, called by the engine."""

    def send_request_head(self, head: RequestHead, extra: bytes, end_stream: bool) -> None:
        """Send the request's head.

        :param extra: header lines that the proxy adds itself, each with its line end; empty if none
        :param end_stream: nothing follows
        """
        raise NotImplementedError

    def send_request_data(self, data: bytes) -> None:
        """Send a part of the body."""
        raise NotImplementedError

    def send_request_end(self, trailers: Headers | None) -> None:
        """The request is complete."""
        raise NotImplementedError

    def flush_request(self) -> None:
        """Nothing more comes for the moment: send what was collected. The end of a request is sent without it."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Give the exchange up: the receiver hears nothing more of it, the connection is not used again."""
        raise NotImplementedError

    def pause_response(self) -> None:
        """Stop reading the response."""
        raise NotImplementedError

    def resume_response(self) -> None:
        """Go on reading it."""
        raise NotImplementedError

    def set_try_deadline(self, when: float) -> None:
        """Reset the exchange with ``TIMEOUT`` at that time.

        :param when: on the clock of ``time.monotonic``, seconds; 0.0: never
        """
        raise NotImplementedError


class StreamDispatcher:
    """Makes the engine's stream for each request; one per listener."""

    def new_stream(self, sender: ResponseSender, request: RequestHead, end_stream: bool, connection: ConnectionInfo) -> RequestReceiver:
        """A request's head is complete. The stream may answer before this returns."""
        raise NotImplementedError
