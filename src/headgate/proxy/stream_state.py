"""The state of one stream, and the theory of its life.

A stream is one request and its response. One object owns it, :class:`headgate.proxy.stream.ActiveStream`, made of layers, each a
file: this one (what is known), ``filter_calls`` (where filters are entered), ``body_path`` (bodies through filters), ``receive_path`` (the
request through its filters, route and host), ``retry_path`` (whether it is sent again), ``upstream_path`` (the exchange with the host:
connection, time limits) and ``send_path`` (the response through its filters to the client, and the end).

The request's way is a list of steps, walked by ``advance``::

    BEFORE_ROUTE filters -> MATCH_ROUTE -> AFTER_ROUTE filters -> CHOOSE_HOST -> AFTER_CHOOSE_HOST filters -> UPSTREAM

A step either completes at once, or suspends the walk until something arrives: the whole body for a filter that buffers, an asynchronous
handler's verdict, a connection. Whatever answers the request (a filter's reply, a direct response, an error, the host) moves the stream to
RESPONDING; from there only the sender filters and the client matter. Both directions may be at work at the same time: a response
can begin while the request's body still flows.

A body chunk passes the chunk handlers of those filters whose head handler has let the message pass, then is sent on or, when the walk has
not come that far, held (and reading paused past a watermark). A filter that the walk passes later sees the held chunks then. So every
filter sees the head first, then every chunk exactly once, in order, then the body's end (``body_path``).

``finish`` runs exactly once, on every way out: normal end, reset by either side, termination, an error of the engine itself.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.errors import AlreadyRepliedError, ReplyTooLateError
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.status import Status
from headgate.api.stream import ConnectionInfo, Stream
from headgate.observe.stream_info import StreamInfo
from headgate.protocols.exchange import RequestReceiver, ResponseReceiver, ResponseSender
from headgate.protocols.http1.client_connection import Http1ClientConnection
from headgate.proxy.filter_chain import FilterChain
from headgate.proxy.filter_entry import FilterSlot
from headgate.proxy.handler_call import EndCall, HandlerCall
from headgate.proxy.snapshot import ListenerSnapshot
from headgate.router.route import Route
from headgate.upstream.cluster import Cluster
from headgate.upstream.host import Host
from headgate.upstream.pool import ConnectionPool, PoolWaiter

BEFORE_ROUTE: Final = 0
MATCH_ROUTE: Final = 1
AFTER_ROUTE: Final = 2
CHOOSE_HOST: Final = 3
AFTER_CHOOSE_HOST: Final = 4
UPSTREAM: Final = 5
RESPONDING: Final = 6
FINISHED: Final = 7

HELD_BODY_WATERMARK: Final = 64 * 1024
"""Bytes of a body that may wait for the walk before reading pauses."""


_NO_HOSTS: Final[list[Host]] = []


class StreamState(Stream, RequestReceiver, ResponseReceiver, PoolWaiter):
    """What is known of one stream.

    First values stand in the class: a request pays only for those that change. (With 30 and more attributes of its own an instance
    takes twice the time to make in Python 3.11, and a third more to read.)
    """

    step: int = BEFORE_ROUTE
    chain: FilterChain | None = None
    current: FilterSlot | None = None  # the slot whose handler is being called
    async_call: HandlerCall | None = None
    ends_wait: bool = False  # a filter has held, or holds, the end of a body
    # The request's way:
    receive_at: int = 0
    request_end_at: int = 0  # the first filter that the body's end has not reached
    request_end_call: EndCall | None = None
    request_ended: bool = True
    held_request_bytes: int = 0
    waiting_for_body: bool = False
    request_paused: bool = False
    reentries: int = 0
    # Route and host:
    matched: Route | None = None
    cluster: Cluster | None = None
    chosen: Host | None = None
    # The exchange with the host:
    upstream: Http1ClientConnection | None = None
    pool: ConnectionPool | None = None  # set while waiting there
    request_slot_taken: bool = False  # counted against the cluster's breaker
    asked: str | None = None  # the target as the client sent it, if filters may change it
    extra_lines: bytes | None = None  # fields of the proxy's own; None until the headers are finalised
    sent_upstream: bool = False
    replay: list[bytes] | None = None  # body chunks sent so far; None once a repetition is out of the question
    replay_bytes: int = 0
    tried: list[Host] = _NO_HOSTS
    stale_retried: bool = False
    retries_left: int = -1  # -1: not asked for yet
    retry_slot_taken: bool = False
    upstream_started: float = 0.0
    upstream_time: float = 0.0  # milliseconds spent waiting for hosts
    deadline: float = 0.0
    # The response's way:
    send_at: int = 0
    response_end_at: int = 0
    response_end_call: EndCall | None = None
    response_ended: bool = False
    held_response_bytes: int = 0
    head_sent: bool = False
    local_response: bool = False
    response_paused: bool = False
    reply_head: ResponseHead | None = None  # a filter's reply that waits for its handler to return
    reply_body: bytes = b""

    def __init__(
        self,
        id: int,
        request: RequestHead,
        connection: ConnectionInfo,
        sender: ResponseSender,
        snapshot: ListenerSnapshot,
        end_stream: bool,
    ) -> None:
        # As Stream does; a call less.
        self.id = id
        self.request = request
        self.connection = connection
        self.sender: ResponseSender = sender
        self.snapshot: ListenerSnapshot = snapshot
        self.info: StreamInfo
        if not end_stream:
            self.request_ended = False
        self.held_request: list[bytes] = []
        self.held_response: list[bytes] = []

    # --- what one layer asks of another

    def advance(self) -> None:
        """Walk on along the request's way (receive path)."""
        raise NotImplementedError

    def hold_response(self, data: bytes) -> None:
        """Keep a part of the response's body while its head waits (send path)."""
        raise NotImplementedError

    def send_end(self, trailers: Headers | None) -> None:
        """End the response (send path)."""
        raise NotImplementedError

    def run_senders(self) -> None:
        """Walk on along the response's way (send path)."""
        raise NotImplementedError

    def send_upstream(self) -> None:
        """Get a connection and send the request (upstream path)."""
        raise NotImplementedError

    def forward_request_data(self, data: bytes) -> None:
        """Send a chunk of the request's body (upstream path)."""
        raise NotImplementedError

    def forward_request_end(self) -> None:
        """End the request upstream (upstream path)."""
        raise NotImplementedError

    def drop_upstream(self) -> None:
        """Give up whatever is under way upstream (upstream path)."""
        raise NotImplementedError

    def begin_response(self, head: ResponseHead, end_stream: bool) -> None:
        """A response is there: send it through the sender filters (send path)."""
        raise NotImplementedError

    def pass_response(self, head: ResponseHead, body: bytes) -> None:
        """A whole response is there that nothing looks at on its way: send it (send path)."""
        raise NotImplementedError

    def response_data(self, data: bytes) -> None:
        """A part of the response's body is there (body path)."""
        raise NotImplementedError

    def response_end(self, trailers: Headers | None) -> None:
        """The response is complete (body path)."""
        raise NotImplementedError

    def answer(self, head: ResponseHead, body: bytes) -> None:
        """Send a response of our own in place of whatever is under way (send path)."""
        raise NotImplementedError

    def local_reply(self, status: int, flags: int, body: bytes) -> None:
        """Answer in the proxy's own name, or break the response if it has begun (send path)."""
        raise NotImplementedError

    def start_reply(self) -> None:
        """Send the reply that a filter set (send path)."""
        raise NotImplementedError

    def terminate_silently(self) -> None:
        """End without a response (send path)."""
        raise NotImplementedError

    def handler_failed(self, slot: FilterSlot, error: BaseException | None, where: str) -> bool:
        """A filter is at fault (filter calls).

        :returns: True if its policy skips it: go on; False if the request was answered
        """
        raise NotImplementedError

    def finish(self) -> None:
        """The end, once (send path)."""
        raise NotImplementedError

    # --- verdicts of asynchronous handlers

    def on_handler_done(self, call: HandlerCall, verdict: object) -> None:
        """It returned."""
        raise NotImplementedError

    def on_handler_failed(self, call: HandlerCall, error: BaseException) -> None:
        """It raised."""
        raise NotImplementedError

    def on_handler_timed_out(self, call: HandlerCall) -> None:
        """It took too long."""
        raise NotImplementedError

    def on_end_done(self, call: EndCall, verdict: Status | None) -> None:
        """A filter lets a body's end go."""
        raise NotImplementedError

    def on_end_failed(self, call: EndCall, error: BaseException) -> None:
        """It failed while it held it."""
        raise NotImplementedError

    def on_end_timed_out(self, call: EndCall) -> None:
        """It has held it too long."""
        raise NotImplementedError

    # --- small things that several layers use

    def may_reply(self) -> None:
        """Check that a reply is still possible.

        :raises AlreadyRepliedError: if one was given
        :raises ReplyTooLateError: if the response has begun or the stream has ended
        """
        if self.step == FINISHED or self.head_sent:
            raise ReplyTooLateError("the response has begun or the stream has ended")
        if self.reply_head is not None or self.local_response:
            raise AlreadyRepliedError("the request has been answered already")

    def pause_request(self) -> None:
        """Stop reading the client."""
        if not self.request_paused and not self.request_ended and self.request_end_call is None:
            self.request_paused = True
            self.sender.pause_request()

    def resume_request(self) -> None:
        """Go on reading the client."""
        if self.request_paused:
            self.request_paused = False
            self.sender.resume_request()

    def abandon_handler(self) -> None:
        """Nobody waits for the asynchronous handler any more."""
        call = self.async_call
        if call is not None:
            self.async_call = None
            call.abandon()
        if self.ends_wait:
            for end in (self.request_end_call, self.response_end_call):
                if end is not None:
                    end.abandon()
            self.request_end_call = self.response_end_call = None
