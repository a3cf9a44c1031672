"""A stream as it is in a filter host: what the worker told of it, with the surface that every filter knows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Final, Protocol

from headgate.api.errors import AlreadyRepliedError, ReplyTooLateError
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.stream import Address, ConnectionInfo, HostInfo, RouteInfo, Stream
from headgate.proxy.filter_chain import FilterChain
from headgate.runtimes.process.isolation_messages import Birth, LateReply, Reply, Request, Response, State, Terminate

_NO_HEADERS: Final[dict[str, str]] = {}


class Speaker(Protocol):
    """Who tells the worker something."""

    def say(self, message: LateReply | Terminate) -> None:
        """In the loop."""


class HostedStream(Stream):
    """One stream of one worker.

    :ivar number: by which the worker knows it
    :ivar chain: this stream's filters
    :ivar handlers: handlers under way, whose reply counts when they return
    :ivar made_reply: the reply that the present handler set
    :ivar responding: the response has begun, or the stream was answered
    :ivar ended: the stream has ended
    """

    def __init__(self, number: int, birth: Birth, chain: FilterChain, speaker: Speaker) -> None:
        connection = ConnectionInfo(birth.connection_id, Address(*birth.remote), Address(*birth.local), birth.listener)
        connection.tls_peer_certificate = birth.certificate
        connection.server_name = birth.server_name
        super().__init__(birth.stream_id, RequestHead("", "", Headers(), birth.scheme), connection)
        self.number = number
        self.chain = chain
        self.config = 0
        self.handlers = 0
        self.made_reply: Reply | None = None
        self.responding = False
        self.replied = False
        self.ended = False
        self._speaker = speaker
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()

    def update(self, state: State) -> None:
        """The worker says how the stream is now. Heads and headers stay the same objects, as filters may hold them."""
        _update(self.request, state.request)
        self.request.method = state.request.method
        self.request.target = state.request.target.decode("utf-8", "surrogateescape")
        if state.response is not None:
            if self.response is None:
                self.response = ResponseHead(state.response.status, Headers())
            _update(self.response, state.response)
            self.response.status = state.response.status
            self.response.reason = state.response.reason
        self.route = None if state.route is None else RouteInfo(*state.route)
        self.host = None if state.host is None else HostInfo(*state.host)
        own = {name: value for name, value in self.variables.items() if not _travels(value)}
        self.variables.clear()
        self.variables.update(state.variables)
        self.variables.update(own)

    def reply(self, status: int, headers: Mapping[str, str] = _NO_HEADERS, body: bytes | str = b"") -> None:
        if self.ended:
            raise ReplyTooLateError("the response has begun or the stream has ended")
        if self.made_reply is not None or self.replied:
            raise AlreadyRepliedError("the request has been answered already")
        if not 200 <= status <= 599:
            raise ValueError(f"a reply's status is 200 to 599, not {status}")
        made = Headers.of(dict(headers))
        fields = {name: made.get(name) or "" for name in headers}
        text = isinstance(body, str)
        reply = Reply(status, fields, body.encode() if isinstance(body, str) else body, text)
        if self.handlers:
            self.made_reply = reply
        else:
            # From outside of any handler: nobody will return a status, so it starts by itself.
            self.replied = self.responding = True
            self._speaker.say(LateReply(self.number, reply))

    def terminate(self, code: int) -> bool:
        if not 400 <= code <= 599:
            raise ValueError(f"a termination's code is 400 to 599, not {code}")
        if self.responding or self.ended:
            return False
        if threading.get_ident() == self._thread_id:
            self._terminate(code)
        else:
            self._loop.call_soon_threadsafe(self._terminate, code)
        return True

    def _terminate(self, code: int) -> None:
        if not self.responding and not self.ended:
            self.responding = True
            self._speaker.say(Terminate(self.number, code))


def _travels(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bytes | list | dict)


def _update(message: RequestHead | ResponseHead, state: Request | Response) -> None:
    set_lines(message.headers, state.fields)
    message.content_length = state.content_length
    message.body = state.body
    if state.trailers is None:
        message.trailers = None
    else:
        if message.trailers is None:
            message.trailers = Headers()
        set_lines(message.trailers, state.trailers)


def set_lines(headers: Headers, lines: list[bytes]) -> None:
    """Make a message's fields those that the worker sent, unchanged."""
    if headers.lines != lines:
        headers.lines[:] = lines
        headers.keys[:] = [line[: line.index(b":")].decode("latin-1").lower() for line in lines]
    headers.changed = False
