"""One connection to the admin server: one request, one response, closed.

llhttp parses, strictly. Everything has a limit: the bytes of the request, the time until it is complete, the time of the handler,
the time until the client has taken the response.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import parse_qs, urlsplit

import httptools

from headgate.control.admin.handler import AdminRequest, AdminResponse, error_response

_MAX_FIELDS: Final = 100
_LINGER: Final = 1.0
"""Seconds for which a client may go on sending after its answer; closing at once could make the kernel throw the answer away."""


class BadRequest(Exception):
    """A request that cannot be understood; the message says why."""


class AdminConnection(asyncio.Protocol):
    """Reads one request, has it answered, and closes.

    :param answer: from a request to its response; does not raise
    :param on_closed: called once, at the end
    :param max_bytes: of the whole request
    :param timeout: seconds for reading the request, and for the client to take the response
    :param full: whether there are too many connections: this one is told so at once
    """

    def __init__(
        self,
        answer: Callable[[AdminRequest, str], Awaitable[AdminResponse]],
        on_closed: Callable[[AdminConnection], None],
        max_bytes: int,
        timeout: float,
        full: bool,
    ) -> None:
        self._answer = answer
        self._on_closed = on_closed
        self._bytes_left = max_bytes
        self._timeout = timeout
        self._full = full
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._in_head = True
        self._complete = False
        self._eof = False
        self._task: asyncio.Task[None] | None = None
        self._answered = False

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What answers the request; None before the request is complete."""
        return self._task

    def close(self) -> None:
        """Close: after an answer that is on its way, else at once."""
        if self._transport is None:
            return
        if self._answered:
            self._transport.close()
        else:
            self._transport.abort()

    # From the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self._set_timer(self._timeout)
        if self._full:
            self._respond(error_response("too many connections", 503))

    def data_received(self, data: bytes) -> None:
        """Parse; what comes after the request is ignored."""
        if self._complete or self._answered:
            return
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            self._respond(error_response("request too large", 413))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse("upgrades are not supported")
        except httptools.HttpParserError as error:
            self._refuse(str(error))

    def eof_received(self) -> bool:
        """The client has sent all it will: keep the connection only if that was a whole request."""
        self._eof = True
        return self._complete and not self._answered

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything; a handler under way is cancelled."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and not self._answered:
            self._task.cancel()
        self._on_closed(self)

    # From the parser.

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        if not self._complete:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field; trailer fields are ignored."""
        if self._in_head:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not self._complete:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole: have it answered."""
        if self._complete or self._answered:
            return
        self._complete = True
        try:
            request = self._request()
        except BadRequest as error:
            self._refuse(str(error))
            return
        self._task = asyncio.get_running_loop().create_task(self._serve(request))

    def _request(self) -> AdminRequest:
        names = [name for name, _ in self._headers]
        if names.count("host") > 1 or (names.count("host") == 0 and self._parser.get_http_version() != "1.0"):
            raise BadRequest("exactly one Host header is needed")
        try:
            parts = urlsplit(self._target.decode("ascii"))
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        except ValueError as error:
            raise BadRequest(f"bad request target: {error}") from None
        method = self._parser.get_method().decode("ascii")
        return AdminRequest(method, parts.path or "/", query, dict(self._headers), b"".join(self._body))

    async def _serve(self, request: AdminRequest) -> None:
        assert self._transport is not None
        if self._timer is not None:
            self._timer.cancel()  # the handler has a timeout of its own
        peer = self._transport.get_extra_info("peername")
        self._respond(await self._answer(request, f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unix socket"))

    def _refuse(self, reason: str) -> None:
        self._respond(error_response(f"bad request: {reason}", 400))

    def _respond(self, response: AdminResponse) -> None:
        if self._answered or self._transport is None or self._transport.is_closing():
            return
        self._answered = True
        self._transport.write(encoded(response))
        if self._eof:
            self._transport.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()
        self._set_timer(self._timeout if self._transport.get_write_buffer_size() else _LINGER)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        if self._answered and self._transport is not None:
            self._transport.abort()
        else:
            self._respond(error_response("the request took too long to arrive", 408))


def encoded(response: AdminResponse) -> bytes:
    """A response as HTTP/1.1 writes it."""
    try:
        reason = HTTPStatus(response.status).phrase
    except ValueError:
        reason = ""
    head = [f"HTTP/1.1 {response.status} {reason}"]
    if response.body:
        head.append(f"Content-Type: {response.content_type}")
    head += [f"Content-Length: {len(response.body)}", *response.head_lines]
    head += ["Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Connection: close", "", ""]
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + response.body
