"""HTTP/1.1 requests from bytes: llhttp (through httptools) in strict mode, and what llhttp leaves to its user.

No I/O here: bytes in by :meth:`RequestDecoder.feed`, events out to a :class:`RequestEvents`. Each head is collected until it is whole,
llhttp judges it, and only then its lines are read here: after llhttp's judgement they can be read in one way only, and reading them by
splitting costs a third of a callback for each. llhttp refuses bare CR and LF, obsolete line folding, spaces before the colon, repeated
or signed lengths, ``Content-Length`` beside ``Transfer-Encoding``, malformed chunk sizes and chunk extensions. Added here: protocol
versions other than 1.0 and 1.1, codings other than ``chunked``, ``chunked`` in HTTP/1.0, ``Host`` missing, repeated or malformed,
targets that are neither origin form, absolute form nor ``*``, a body together with ``Upgrade``, and every limit.
A head without a body that was judged and read before is, byte for byte, the same again (``usual_requests``).

Where one message ends and the next begins in what was fed, llhttp does not tell; so nothing is fed to it that could go past the end of
a message: heads by themselves, bodies of known length up to their end, chunked ones up to each empty line, one of which ends them.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import Final

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
from headgate.protocols.http1.fields import FORWARDING, LONGEST_HEAD, ORDINARY, MalformedField, apply_connection, make_field
from headgate.protocols.http1.refusal import Refusal
from headgate.protocols.http1.request_events import RequestEvents
from headgate.protocols.http1.request_fields import KNOWN_REQUESTS, RequestFields, read_request_fields
from headgate.protocols.http1.request_line import METHODS, loose_parts, other_form, other_method
from headgate.protocols.http1.settings import Http1Settings
from headgate.protocols.http1.target_forms import is_authority
from headgate.protocols.http1.usual_requests import USUAL_REQUESTS, note_usual

_LOG: Final = logging.getLogger("headgate.protocols")

_REQUEST_LINE: Final = 64
"""Bytes of a request line beside its target, at most."""


class _PlainEvents:
    """What llhttp calls for a request that is not chunked: nothing; where its body ends is known without."""


class _ChunkedEvents:
    """What llhttp calls for a chunked request: trailer fields come as callbacks, there are few."""

    def __init__(self, decoder: RequestDecoder) -> None:
        self._decoder = decoder

    def on_header(self, name: bytes, value: bytes) -> None:
        self._decoder.add_trailer(name, value)

    def on_body(self, data: bytes) -> None:
        self._decoder.on_chunk(data)

    def on_message_complete(self) -> None:
        self._decoder.on_chunks_complete()


class RequestDecoder:
    """Decodes the requests of one connection.

    :ivar http10: the request at hand is HTTP/1.0
    :ivar keep_alive: the client allows another request after this one
    :ivar expects_continue: the client waits for ``100 Continue`` before it sends the body
    :ivar blocked: set by the connection: an exchange is under way (its receiver may still be in the making), the next request is not to be
        looked at before its end
    :ivar rest: what was fed behind the end of a request while blocked; to be fed again
    :ivar upgrade: the client asked for another protocol and may go on in it: nothing behind this request can be trusted
    """

    def __init__(self, events: RequestEvents, settings: Http1Settings, scheme: str) -> None:
        self._events = events
        self._settings = settings
        self._unchecked_size: int = 0  # a head of so many bytes is within every limit
        self._most_fields: int = 0
        self.use_settings(settings)
        self._scheme = scheme
        self._plain_parser = HttpRequestParser(_PlainEvents())
        self._chunked_parser: HttpRequestParser | None = None
        self.http10: bool = False
        self.keep_alive: bool = True
        self.expects_continue: bool = False
        self.upgrade: bool = False
        self.blocked: bool = False
        self.rest: bytes = b""
        self._partial: bytes = b""  # a head that is not whole yet
        self._complete: bool = False
        self._in_body: bool = False
        self._chunked: bool = False  # a chunked body is being read
        self._body_left: int = 0  # of a body of known length
        self._body_bytes: int = 0
        self._error: int = 0
        self._trailers: Headers | None = None
        self._trailer_bytes: int = 0

    @property
    def head_open(self) -> bool:
        """A head has begun and is not complete."""
        return len(self._partial) > 0

    def use_settings(self, settings: Http1Settings) -> None:
        """Take up other limits."""
        self._settings = settings
        self._unchecked_size = min(settings.max_header_size, settings.max_target_length)
        self._most_fields = settings.max_header_count

    def feed(self, data: bytes) -> int:
        """Decode what arrived.

        :returns: 0, or the status with which the connection's present request must be refused; nothing may be fed after that
        """
        if self.rest:
            # A transport may deliver what it has read already, although reading pauses: it comes after what is kept.
            self.rest += data
            return 0
        try:
            if len(data) <= LONGEST_HEAD and not (self.blocked or self._in_body or self._partial):
                known = USUAL_REQUESTS.get(data)
                if known is not None and len(data) <= self._unchecked_size and known.fields.count <= self._most_fields:
                    self.http10 = False
                    self.keep_alive = True
                    headers = Headers(known.fields.keys.copy(), known.fields.lines.copy())
                    self._events.on_usual(RequestHead(known.method, known.target, headers, self._scheme))
                    return 0
            while data:
                if self._body_left > 0:
                    data = self._feed_body(data)
                elif self._chunked:
                    data = self._feed_chunked(data)
                elif self.blocked:
                    self.rest = data
                    return 0
                else:
                    end = -1 if self._partial else data.find(b"\r\n\r\n")
                    if end > 0 and data[0] != 13:  # no carriage return: a whole head
                        self._head(data, end)
                        if len(data) == end + 4:
                            return 0
                        data = data[end + 4 :]
                    else:
                        data = self._feed_head(data)
                    if self.upgrade:
                        return 0
        except Refusal as refusal:
            return refusal.status
        except MalformedField:
            return 400
        except Exception as error:
            # httptools wraps what its callbacks raise, a refusal too. Anything else is an error of ours: it costs this connection alone.
            if isinstance(error, HttpParserError) and not isinstance(error, HttpParserCallbackError):
                return 400
            if self._error == 0:
                _LOG.error("a request could not be handled", exc_info=error)
                return 500
            return self._error
        return 0

    # --- bodies

    def _feed_body(self, data: bytes) -> bytes:
        left = self._body_left
        rest = b""
        if len(data) > left:
            rest = data[left:]
            data = data[:left]
        self._body_left = left = left - len(data)
        self._plain_parser.feed_data(data)
        self._events.on_body(data)
        if left == 0:
            self._in_body = False
            self._events.on_end(None)
        return rest

    def _feed_chunked(self, data: bytes) -> bytes:
        """Feed up to the end of the message, which is behind an empty line, and that may have begun in what was fed before."""
        parser = self._chunked_parser
        assert parser is not None
        start = 0
        size = len(data)
        while start < size:
            if start < 3:
                end = start + 1
            else:
                found = data.find(b"\r\n\r\n", start - 3)
                end = size if found < 0 else max(found + 4, start + 1)
            parser.feed_data(data[start:end])
            start = end
            if self._complete:
                self._chunked = False
                self._in_body = False
                trailers = self._trailers
                self._trailers = None
                self._events.on_end(trailers)
                break
        return data[start:]

    def on_chunk(self, data: bytes) -> None:
        """httptools: a part of a chunked body, the framing removed."""
        limit = self._settings.max_request_body_size
        if limit:
            self._body_bytes += len(data)
            if self._body_bytes > limit:
                self._error = 413
                raise Refusal(413)
        self._events.on_body(data)

    def on_chunks_complete(self) -> None:
        """httptools: the chunked request is complete."""
        self._complete = True

    def add_trailer(self, name: bytes, value: bytes) -> None:
        """httptools: a trailer field; or one of the head, which is read elsewhere."""
        if not self._chunked:
            return
        field = make_field(name, value)
        trailers = self._trailers
        if trailers is None:
            trailers = self._trailers = Headers()
            self._trailer_bytes = 0
        self._trailer_bytes += len(field.line) + 2
        if field.kind == ORDINARY or field.kind == FORWARDING:
            # RFC 9110 section 6.5.1: fields for framing, routing and the like have no place in a trailer: dropped.
            trailers.append_line(field.key, field.line)
        if len(trailers.keys) > self._settings.max_header_count or self._trailer_bytes > self._settings.max_header_size:
            self._error = 431
            raise Refusal(431)

    # --- heads

    def _feed_head(self, data: bytes) -> bytes:
        partial = self._partial
        if partial:
            data = partial + data
            end = data.find(b"\r\n\r\n", max(len(partial) - 3, 0))
        else:
            end = data.find(b"\r\n\r\n")
        if data[0] == 13:  # a carriage return
            return self._skip_empty_lines(data)
        if end < 0:
            self._partial = data
            self._check_partial(data)
            return b""
        self._partial = b""
        self._head(data, end)
        return data[end + 4 :] if len(data) > end + 4 else b""

    def _skip_empty_lines(self, data: bytes) -> bytes:
        """RFC 9112 section 2.2: empty lines before a request are skipped."""
        rest = data.lstrip(b"\r\n")
        skipped = data[: len(data) - len(rest)].replace(b"\r\n", b"")
        if skipped and (rest or skipped != b"\r"):
            raise Refusal(400)
        self._partial = skipped
        return rest

    def _check_partial(self, data: bytes) -> None:
        """What can be told of a head before it is whole: that it is too long, or none."""
        settings = self._settings
        line_end = data.find(b"\r\n")
        if (line_end if line_end >= 0 else len(data)) > settings.max_target_length + _REQUEST_LINE:
            raise Refusal(414)
        if line_end >= 0 and len(data) - line_end > settings.max_header_size + 4:
            raise Refusal(431)
        first = data[0]
        lines = data.count(b"\r\n")
        if not 65 <= first <= 90 or data.count(b"\n") != lines or data.count(b"\r") != lines + (data[-1] == 13):
            raise Refusal(400)

    def _head(self, data: bytes, end: int) -> None:
        """A whole head: ``data[:end]`` and the empty line behind it."""
        line_end = data.find(b"\r\n")
        block = data[line_end + 2 : end] if line_end < end else b""  # compiled, a slice must not end before it begins
        fields = KNOWN_REQUESTS.get(block)
        known = fields is not None
        if fields is None:
            lines = block.split(b"\r\n") if block else []
            if end > self._unchecked_size or len(lines) > self._most_fields:
                self._check_limits(end, line_end, len(lines))
            fields = read_request_fields(block, lines)
        elif end > self._unchecked_size or fields.count > self._most_fields:
            self._check_limits(end, line_end, fields.count)
        if len(data) > end + 4:
            data = data[: end + 4]
        try:
            (self._parser_of_chunks() if fields.chunked else self._plain_parser).feed_data(data)
        except HttpParserUpgrade:
            self.upgrade = True
        parts = data[:line_end].split(b" ")
        if len(parts) != 3:
            parts = loose_parts(data[:line_end])
        self.http10 = http10 = parts[2] != b"HTTP/1.1" and self._is_http10(parts[2])
        url = parts[1]
        if end > self._unchecked_size and len(url) > self._settings.max_target_length:
            raise Refusal(414)
        target = url.decode("latin-1")
        if "#" in target:
            raise Refusal(400)
        method = METHODS.get(parts[0])
        if method is None:
            method = other_method(parts[0])
        headers = Headers(fields.keys.copy(), fields.lines.copy())
        if fields.usual and not http10 and not self.upgrade and method != "HEAD" and target.startswith("/"):
            if known:
                note_usual(data, method, target, fields)
            self.keep_alive = True
            self._events.on_usual(RequestHead(method, target, headers, self._scheme))
            return
        if not target.startswith("/"):
            target = self._other_form(method, target, fields, headers)
        elif not fields.host_valid:
            self._check_host(fields.host, fields.hosts, headers)
        if fields.forwarding:
            headers.forwarding = True
        if not fields.connection:
            self.keep_alive = not http10
        else:
            self._connection(fields.connection, headers, fields.has_body)
        message = RequestHead(method, target, headers, self._scheme)
        if not fields.bare:
            self._begin_body(fields, message)
        self._events.on_head(message, not fields.has_body)

    def _is_http10(self, version: bytes) -> bool:
        if version != b"HTTP/1.0":
            raise Refusal(400 if version == b"HTTP/0.9" else 505)
        return True

    def _other_form(self, method: str, target: str, fields: RequestFields, headers: Headers) -> str:
        """A target that does not begin with a slash."""
        target, host, hosts = other_form(method, target, fields.host, fields.hosts, headers)
        self._check_host(host, hosts, headers)
        return target

    def _connection(self, connection: bytes, headers: Headers, has_body: bool) -> None:
        """What the ``Connection`` field says."""
        if connection == b"keep-alive" or connection == b"close":
            self.keep_alive = connection != b"close"
            return
        self.keep_alive, upgrade = apply_connection(connection, headers, self.http10)
        if upgrade:
            if has_body:
                # Whether the body or the new protocol follows is not the same for every reader: refuse.
                raise Refusal(400)
            self.upgrade = True

    def _begin_body(self, fields: RequestFields, message: RequestHead) -> None:
        """What the fields say of a body."""
        if fields.expects_continue:
            self.expects_continue = True
        length = fields.length
        if length >= 0:
            message.content_length = length
        limit = self._settings.max_request_body_size
        if limit and length > limit:
            raise Refusal(413)
        if fields.chunked:
            if self.http10:
                raise Refusal(400)
            self._body_bytes = 0
            self._chunked = True
            self._in_body = True
        elif length > 0:
            self._body_left = length
            self._in_body = True

    def _check_limits(self, end: int, request_line: int, fields: int) -> None:
        settings = self._settings
        if end - request_line > settings.max_header_size or fields > settings.max_header_count:
            raise Refusal(431)
        if request_line > settings.max_target_length + _REQUEST_LINE:
            raise Refusal(414)

    def _parser_of_chunks(self) -> HttpRequestParser:
        """The parser for a request that is chunked."""
        if self._chunked_parser is None:
            self._chunked_parser = HttpRequestParser(_ChunkedEvents(self))
        self._complete = False
        return self._chunked_parser

    def _check_host(self, host: bytes | None, hosts: int, headers: Headers) -> None:
        if hosts == 0 and self.http10:
            headers.append_line("host", b"Host: ")  # what goes upstream is HTTP/1.1, which requires the field
            return
        if host is None or hosts != 1 or not is_authority(host):
            raise Refusal(400)
