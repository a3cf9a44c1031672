"""HTTP/1.1 responses from bytes: llhttp (through httptools) in strict mode.

No I/O here: bytes in by :meth:`ResponseDecoder.feed`, events out to a :class:`ResponseEvents`. httptools gives no way to say that a
response to HEAD has no body, and no way to end a body that runs to the end of the connection; both are done here.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import Final

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser
from mypy_extensions import trait

from headgate.api.headers import Headers
from headgate.api.messages import ResponseHead
from headgate.protocols.http1.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    FRAMING,
    HOST,
    KNOWN,
    ORDINARY,
    TRANSFER_ENCODING,
    connection_options,
    kind_of,
)

MAX_HEADER_SIZE: Final = 256 * 1024
MAX_HEADER_COUNT: Final = 1000

_LOG: Final = logging.getLogger("headgate.protocols")


@trait
class ResponseEvents:
    """Who hears what a decoder finds."""

    def on_head(self, head: ResponseHead, end_stream: bool) -> None:
        """A final response's head is complete; ``end_stream``: it has no body."""
        raise NotImplementedError

    def on_interim(self, head: ResponseHead) -> None:
        """An interim (1xx) response."""
        raise NotImplementedError

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        raise NotImplementedError

    def on_end(self, trailers: Headers | None) -> None:
        """The response is complete; also called after ``end_stream``."""
        raise NotImplementedError


class _ResponseRefused(Exception):
    """Raised inside a parser callback to stop the parser."""


class ResponseDecoder:
    """Decodes the responses of one upstream connection.

    :ivar keep_alive: the host allows another request on this connection
    :ivar until_close: the body at hand ends with the connection
    """

    def __init__(self, events: ResponseEvents) -> None:
        self._events = events
        self._parser = HttpResponseParser(self)
        self.keep_alive: bool = True
        self.until_close: bool = False
        self.begun: bool = False
        """A byte of the response at hand has arrived."""
        self._head_request: bool = False
        self._poisoned: bool = False  # this parser waits for a body that will not come
        self._head_fed: int = 0
        self._in_body: bool = False
        self._reason: bytes = b""
        self._headers: Headers = Headers()
        self._head_done: bool = False
        self._interim: bool = False
        self._content_length: int = -1
        self._chunked: bool = False
        self._connection: bytes = b""
        self._trailers: Headers | None = None
        self._header_bytes: int = 0

    def expect(self, method: str) -> None:
        """The next response answers a request of this method."""
        self._head_request = method == "HEAD"
        self.begun = False
        self.until_close = False
        if self._poisoned:
            self._poisoned = False
            self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> bool:
        """Decode what arrived.

        :returns: False if it is not HTTP/1.x, or goes past what the request asked for: the connection is of no more use
        """
        self.begun = True
        if not self._in_body:
            self._head_fed += len(data)
            if self._head_fed > MAX_HEADER_SIZE + 65536:
                return False
        try:
            self._parser.feed_data(data)
        except HttpParserCallbackError as error:
            if not isinstance(error.__context__, _ResponseRefused):
                _LOG.error("a response could not be handled", exc_info=error)
            return False
        except (HttpParserError, HttpParserUpgrade):
            return False
        return True

    def end_of_connection(self) -> bool:
        """The host closed: True if that completes the response at hand."""
        if self._in_body and self.until_close:
            self.keep_alive = False
            self._complete()
            return True
        return False

    # Callbacks of httptools, in the order in which a message makes them.

    def on_status(self, reason: bytes) -> None:
        """The reason phrase, or a part of it."""
        self._reason = self._reason + reason if self._reason else reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header or trailer field."""
        if self._poisoned:
            raise _ResponseRefused
        self._header_bytes += len(name) + len(value) + 4
        known = KNOWN.get(name)
        if known is not None:
            key, kind = known
        else:
            key = name.decode("latin-1").lower()
            kind = kind_of(key)
        if value and value[-1] in b" \t":
            value = value.rstrip(b" \t")
        headers = self._headers
        if self._head_done:
            if kind != ORDINARY:
                return
            if self._trailers is None:
                self._trailers = Headers()
            headers = self._trailers
        if kind in (ORDINARY, HOST, EXPECT):
            headers.keys.append(key)
            headers.lines.append(name + b": " + value)
        elif kind == CONTENT_LENGTH:
            self._content_length = int(value)
            headers.keys.append(key)
            headers.lines.append(name + b": " + value)
        elif kind == CONNECTION:
            self._connection = self._connection + b"," + value if self._connection else value
        elif kind == TRANSFER_ENCODING:
            if self._chunked or value.lower() != b"chunked":
                raise _ResponseRefused
            self._chunked = True
        if len(headers.keys) > MAX_HEADER_COUNT or self._header_bytes > MAX_HEADER_SIZE:
            raise _ResponseRefused

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._poisoned:
            raise _ResponseRefused
        self._head_done = True
        parser = self._parser
        status = parser.get_status_code()
        headers = self._headers
        reason = self._reason.decode("latin-1")
        if status < 200:
            if status == 101 or status < 100:
                raise _ResponseRefused  # no upgrade was asked for
            self._interim = True
            if status != 100:
                self._events.on_interim(ResponseHead(status, headers, reason))
            return
        if status > 599:
            raise _ResponseRefused
        if self._chunked and parser.get_http_version() == "1.0":
            raise _ResponseRefused
        if self._connection:
            for option in connection_options(self._connection):
                if option in headers.keys and option not in FRAMING:
                    headers.remove(option)
        bodiless = self._head_request or status == 204 or status == 304
        self.until_close = not bodiless and not self._chunked and self._content_length < 0
        # should_keep_alive is False for a body that ends with the connection: llhttp knows that by itself.
        self.keep_alive = parser.should_keep_alive() or (self._head_request and not self._says_close())
        end_stream = bodiless or self._content_length == 0
        head = ResponseHead(status, headers, reason)
        head.content_length = self._content_length
        self._in_body = not end_stream
        self._events.on_head(head, end_stream)
        if self._head_request and (self._chunked or self._content_length != 0):
            # The parser would wait for the body that a response to GET would have had.
            self._poisoned = True
            self._complete()

    def _says_close(self) -> bool:
        if self._parser.get_http_version() == "1.0":
            return "keep-alive" not in connection_options(self._connection)
        return "close" in connection_options(self._connection)

    def on_body(self, data: bytes) -> None:
        """A part of the body, chunk framing removed."""
        if self._poisoned:
            raise _ResponseRefused
        self._events.on_body(data)

    def on_message_complete(self) -> None:
        """The response is complete."""
        if self._poisoned:
            return
        if self._interim:
            self._interim = False
            self._reset_head()
            return
        self._complete()

    def _complete(self) -> None:
        trailers = self._trailers
        self._trailers = None
        self._reset_head()
        self._in_body = False
        self._head_fed = 0
        self._events.on_end(trailers)

    def _reset_head(self) -> None:
        self._reason = b""
        self._headers = Headers()
        self._head_done = False
        self._content_length = -1
        self._chunked = False
        self._connection = b""
        self._header_bytes = 0
