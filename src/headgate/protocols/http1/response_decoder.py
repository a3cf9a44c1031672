"""HTTP/1.1 responses from bytes: llhttp (through httptools) in strict mode.

No I/O here: bytes in by :meth:`ResponseDecoder.feed`, events out to a :class:`ResponseEvents`. Heads are collected, judged by llhttp and
then read here, as in ``request_decoder``. httptools gives no way to say that a response to HEAD has no body, so such a head is judged by a
parser of its own; and no way to end a body that runs to the end of the connection, which is done here. A head that was judged before, with
all of its body behind it, is not judged again (``response_start``).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import Final

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser
from mypy_extensions import trait

from headgate.api.headers import Headers
from headgate.api.messages import ResponseHead
from headgate.protocols.http1.fields import ORDINARY, MalformedField, apply_connection, make_field
from headgate.protocols.http1.response_start import (
    KNOWN_RESPONSES,
    MAX_HEADER_COUNT,
    MAX_HEADER_SIZE,
    MalformedResponse,
    ResponseStart,
    read_response_start,
)

_LOG: Final = logging.getLogger("headgate.protocols")


@trait
class ResponseEvents:
    """Who hears what a decoder finds."""

    def on_head(self, head: ResponseHead, end_stream: bool) -> None:
        """A final response's head is complete; ``end_stream``: so is the response."""
        raise NotImplementedError

    def on_whole(self, head: ResponseHead, body: bytes) -> None:
        """A final response has arrived whole, with a body of known length: one call for ``on_head``, ``on_body`` and ``on_end``."""
        self.on_head(head, False)
        self.on_body(body)
        self.on_end(None)

    def on_interim(self, head: ResponseHead) -> None:
        """An interim (1xx) response."""
        raise NotImplementedError

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        raise NotImplementedError

    def on_end(self, trailers: Headers | None) -> None:
        """The response is complete; not called after ``end_stream``."""
        raise NotImplementedError


class _PlainEvents:
    """What llhttp calls for a response that is not chunked: nothing; where its body ends is known without."""


class _ChunkedEvents:
    """What llhttp calls for a chunked response: trailer fields come as callbacks, there are few."""

    def __init__(self, decoder: ResponseDecoder) -> None:
        self._decoder = decoder

    def on_message_begin(self) -> None:
        self._decoder.begin_chunked()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._decoder.add_trailer(name, value)

    def on_body(self, data: bytes) -> None:
        self._decoder.on_chunk(data)

    def on_message_complete(self) -> None:
        self._decoder.on_chunks_complete()


class ResponseDecoder:
    """Decodes the responses of one upstream connection.

    :ivar keep_alive: the host allows another request on this connection
    :ivar until_close: the body at hand ends with the connection
    :ivar begun: a byte of the response at hand has arrived
    """

    def __init__(self, events: ResponseEvents) -> None:
        self._events = events
        self._plain_parser = HttpResponseParser(_PlainEvents())
        self._chunked_parser: HttpResponseParser | None = None
        self.keep_alive: bool = True
        self.until_close: bool = False
        self.begun: bool = False
        self._waiting: bool = False  # for a head
        self._head_request: bool = False
        self._partial: bytes = b""
        self._complete: bool = False
        self._in_body: bool = False
        self._chunked: bool = False
        self._body_left: int = 0  # of a body of known length
        self._trailers: Headers | None = None
        self._trailer_bytes: int = 0

    def expect(self, method: str) -> None:
        """The next response answers a request of this method."""
        self._head_request = method == "HEAD"
        self.begun = False
        self._waiting = True

    def feed(self, data: bytes) -> bool:
        """Decode what arrived.

        :returns: False if it is not HTTP/1.x, or goes past what the request asked for: the connection is of no more use
        """
        self.begun = True
        try:
            if self._waiting and not self._partial:
                end = data.find(b"\r\n\r\n")
                if end > 0:
                    start = _start(data[:end])
                    if len(data) == end + 4 + start.usual_body and not self._head_request:
                        # The usual response, in one piece with its body: the same as ``_head`` in fewer steps.
                        if not start.judged:
                            self._plain_parser.feed_data(data)
                            start.accept()
                        self._waiting = False
                        self.keep_alive = True
                        head = ResponseHead(start.status, Headers(start.keys.copy(), start.lines.copy()), start.reason)
                        head.content_length = start.length
                        head.wire = start.wire
                        self._events.on_whole(head, data[end + 4 :])
                        return True
                    data = b"" if self._head(data, end, start) else data[end + 4 :]
            while data:
                if self._in_body:
                    data = self._feed_body(data)
                elif self._waiting:
                    data = self._feed_head(data)
                else:
                    return False
        except (MalformedResponse, MalformedField, HttpParserUpgrade):
            return False  # an upgrade was not asked for
        except Exception as error:
            # httptools wraps what its callbacks raise. What is neither theirs nor llhttp's is an error of ours: it costs this exchange.
            refused = isinstance(error, HttpParserError) and not isinstance(error, HttpParserCallbackError)
            if not refused and not isinstance(error.__context__, MalformedResponse):
                _LOG.error("a response could not be handled", exc_info=error)
            return False
        return True

    def end_of_connection(self) -> bool:
        """The host closed: True if that completes the response at hand."""
        if self._in_body and self.until_close:
            self._in_body = False
            self._events.on_end(None)
            return True
        return False

    # --- bodies

    def _feed_body(self, data: bytes) -> bytes:
        if self._chunked:
            parser = self._chunked_parser
            assert parser is not None
            parser.feed_data(data)
            if self._complete:
                self._in_body = False
                trailers = self._trailers
                self._trailers = None
                self._events.on_end(trailers)
            return b""
        if self.until_close:
            self._plain_parser.feed_data(data)
            self._events.on_body(data)
            return b""
        left = self._body_left
        rest = b""
        if len(data) > left:
            rest = data[left:]
            data = data[:left]
            self.keep_alive = False
        self._body_left = left = left - len(data)
        self._plain_parser.feed_data(data)
        self._events.on_body(data)
        if left == 0:
            self._in_body = False
            self._events.on_end(None)
        return rest

    def on_chunk(self, data: bytes) -> None:
        """httptools: a part of a chunked body, the framing removed."""
        self._events.on_body(data)

    def on_chunks_complete(self) -> None:
        """httptools: the chunked response is complete."""
        self._complete = True

    def begin_chunked(self) -> None:
        """httptools: a chunked response begins; another one in the same bytes is none that was asked for."""
        if self._complete:
            self.keep_alive = False
            raise MalformedResponse

    def add_trailer(self, name: bytes, value: bytes) -> None:
        """httptools: a trailer field; or one of the head, which is read elsewhere."""
        if not self._in_body:
            return
        field = make_field(name, value)
        if self._trailers is None:
            self._trailers = Headers()
            self._trailer_bytes = 0
        self._trailer_bytes += len(field.line) + 2
        if field.kind == ORDINARY:
            self._trailers.append_line(field.key, field.line)
        if len(self._trailers.keys) > MAX_HEADER_COUNT or self._trailer_bytes > MAX_HEADER_SIZE:
            raise MalformedResponse

    # --- heads

    def _feed_head(self, data: bytes) -> bytes:
        partial = self._partial
        if partial:
            data = partial + data
            end = data.find(b"\r\n\r\n", max(len(partial) - 3, 0))
        else:
            end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > MAX_HEADER_SIZE or not b"HTTP/1.".startswith(data[:7]):
                raise MalformedResponse
            self._partial = data
            return b""
        if partial:
            self._partial = b""
        if self._head(data, end, _start(data[:end])):
            return b""
        return data[end + 4 :] if len(data) > end + 4 else b""

    def _head(self, data: bytes, end: int, start: ResponseStart) -> bool:
        """A whole head: ``data[:end]`` and the empty line behind it; True if the whole body was behind that, and has been taken, too."""
        headers = Headers(start.keys.copy(), start.lines.copy())
        length = start.length
        chunked = start.chunked
        connection = start.connection
        status = start.status
        bodiless = self._head_request or status == 204 or status == 304
        # llhttp gets no byte past the message: all of it if it is there to its end, else the head.
        whole = length > 0 and len(data) == end + 4 + length and status >= 200 and not bodiless
        self._judge(data if whole or len(data) == end + 4 else data[: end + 4], chunked)
        if status < 200:
            if status < 100 or status == 101:
                raise MalformedResponse  # no upgrade was asked for
            if status != 100:
                self._events.on_interim(ResponseHead(status, headers, start.reason))
            return False
        self._waiting = False
        http10 = start.http10
        if not connection:
            self.keep_alive = not http10
        elif connection == b"keep-alive" or connection == b"close":
            self.keep_alive = connection != b"close"
        else:
            self.keep_alive, _ = apply_connection(connection, headers, http10)
        head = ResponseHead(status, headers, start.reason)
        if length >= 0:
            head.content_length = length
        if whole:
            self._events.on_whole(head, data[end + 4 :])
            return True
        self.until_close = not bodiless and not chunked and length < 0
        if self.until_close:
            self.keep_alive = False
        end_stream = bodiless or length == 0
        self._in_body = not end_stream
        self._chunked = chunked
        self._body_left = length
        self._events.on_head(head, end_stream)
        return False

    def _judge(self, head: bytes, chunked: bool) -> None:
        """Have llhttp say whether the head is well-formed."""
        if self._head_request:
            HttpResponseParser(_PlainEvents()).feed_data(head)
        elif chunked:
            self._complete = False
            if self._chunked_parser is None:
                self._chunked_parser = HttpResponseParser(_ChunkedEvents(self))
            self._chunked_parser.feed_data(head)
        else:
            self._plain_parser.feed_data(head)


def _start(head: bytes) -> ResponseStart:
    """What a head comes to, known or not."""
    start = KNOWN_RESPONSES.get(head)
    return read_response_start(head) if start is None else start
