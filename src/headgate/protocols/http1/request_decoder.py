"""HTTP/1.1 requests from bytes: llhttp (through httptools) in strict mode, and what llhttp leaves to its user.

No I/O here: bytes in by :meth:`RequestDecoder.feed`, events out to a :class:`RequestEvents`. llhttp refuses bare CR and LF,
obsolete line folding, spaces before the colon, repeated or signed lengths, ``Content-Length`` beside ``Transfer-Encoding``, malformed
chunk sizes and chunk extensions. Added here: protocol versions other than 1.0 and 1.1, codings other than ``chunked``, ``chunked`` in HTTP/1.0, ``Host``
missing, repeated or malformed, targets that are neither origin form, absolute form nor ``*``, a body together with ``Upgrade``,
and every limit.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
import re
from typing import Final, NoReturn

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser
from mypy_extensions import trait

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
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
from headgate.protocols.http1.settings import Http1Settings

# uri-host [":" port] of RFC 3986 section 3.2.2, without what no real name holds: user information, paths, spaces.
_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(?::[0-9]{1,5})?\Z")
_CACHED_HOSTS: Final = 1024
_METHODS: Final[dict[bytes, str]] = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
}

_LOG: Final = logging.getLogger("headgate.protocols")


@trait
class RequestEvents:
    """Who hears what a decoder finds."""

    def on_head(self, head: RequestHead, end_stream: bool) -> None:
        """A request's head is complete; ``end_stream``: it has no body."""
        raise NotImplementedError

    def on_body(self, data: bytes) -> None:
        """A part of its body."""
        raise NotImplementedError

    def on_end(self, trailers: Headers | None) -> None:
        """The request is complete; also called after ``end_stream``."""
        raise NotImplementedError


class _RequestRefused(Exception):
    """Raised inside a parser callback to stop the parser; the status stands in the decoder."""


class RequestDecoder:
    """Decodes the requests of one connection.

    :ivar http10: the request at hand is HTTP/1.0
    :ivar keep_alive: the client allows another request after this one
    :ivar expects_continue: the client waits for ``100 Continue`` before it sends the body
    :ivar head_open: a head has begun and is not complete
    :ivar upgrade: the client asked for another protocol and may go on in it: nothing behind this request can be trusted
    """

    def __init__(self, events: RequestEvents, settings: Http1Settings, scheme: str) -> None:
        self._events = events
        self._settings = settings
        self._scheme = scheme
        self._parser = HttpRequestParser(self)
        self._valid_hosts: set[bytes] = set()
        self.http10: bool = False
        self.keep_alive: bool = True
        self.expects_continue: bool = False
        self.head_open: bool = False
        self.upgrade: bool = False
        self.refused: int = 0
        self._in_message: bool = False
        self._head_fed: int = 0
        self._url: bytes = b""
        self._headers: Headers = Headers()
        self._head_done: bool = False
        self._header_bytes: int = 0
        self._hosts: int = 0
        self._host_line: bytes = b""
        self._content_length: int = -1
        self._chunked: bool = False
        self._connection: bytes = b""
        self._body_bytes: int = 0
        self._trailers: Headers | None = None

    def feed(self, data: bytes) -> int:
        """Decode what arrived.

        :returns: 0, or the status with which the connection's present request must be refused; nothing may be fed after that
        """
        if not self._in_message:
            # httptools keeps an unfinished line for us: bound it by what was fed since the head began.
            self.head_open = True
            self._head_fed += len(data)
            if self._head_fed > self._settings.max_header_size + self._settings.max_target_length + 65536:
                return 431
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.upgrade = True
        except HttpParserCallbackError as error:
            if self.refused == 0:
                _LOG.error("a request could not be handled", exc_info=error)
                return 500
            return self.refused
        except HttpParserError:
            return 400
        return 0

    def use_settings(self, settings: Http1Settings) -> None:
        """Take up other limits."""
        self._settings = settings

    def _refuse(self, status: int) -> NoReturn:
        self.refused = status
        raise _RequestRefused

    # Callbacks of httptools, in the order in which a message makes them.

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        self.head_open = True
        self._url = self._url + url if self._url else url
        if len(self._url) > self._settings.max_target_length:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header or trailer field."""
        self._header_bytes += len(name) + len(value) + 4
        known = KNOWN.get(name)
        if known is not None:
            key, kind = known
        else:
            key = name.decode("latin-1").lower()
            kind = kind_of(key)
        if value and value[-1] in b" \t":
            value = value.rstrip(b" \t")
        if self._head_done:
            self._add_trailer(key, kind, name, value)
            return
        headers = self._headers
        if kind == ORDINARY:
            headers.keys.append(key)
            headers.lines.append(name + b": " + value)
        elif kind == HOST:
            self._hosts += 1
            self._host_line = value
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
                self._refuse(400)
            self._chunked = True
        elif kind == EXPECT:
            if value.lower() != b"100-continue":
                self._refuse(417)
            self.expects_continue = True
        if len(headers.keys) > self._settings.max_header_count or self._header_bytes > self._settings.max_header_size:
            self._refuse(431)

    def _add_trailer(self, key: str, kind: int, name: bytes, value: bytes) -> None:
        trailers = self._trailers
        if trailers is None:
            trailers = self._trailers = Headers()
        if kind == ORDINARY:
            # RFC 9110 section 6.5.1: fields for framing, routing and the like have no place in a trailer: dropped.
            trailers.append_line(key, name + b": " + value)
        if len(trailers.keys) > self._settings.max_header_count or self._header_bytes > self._settings.max_header_size:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        """The head is complete: check what llhttp does not, and hand it on."""
        self.head_open = False
        self._head_done = True
        self._in_message = True
        parser = self._parser
        version = parser.get_http_version()
        http10 = version == "1.0"
        if not http10 and version != "1.1":
            self._refuse(400 if version == "0.9" else 505)
        self.http10 = http10
        raw_method = parser.get_method()
        method = _METHODS.get(raw_method) or raw_method.decode("latin-1")
        target = self._target(method)
        headers = self._headers
        if self._hosts == 0 and http10:
            headers.append_line("host", b"Host: ")  # what goes upstream is HTTP/1.1, which requires the field
        elif self._hosts != 1:
            self._refuse(400)
        else:
            self._check_host()
        if self._chunked and http10:
            self._refuse(400)
        has_body = self._chunked or self._content_length > 0
        if self._connection and self._connection not in (b"keep-alive", b"close", b"Keep-Alive", b"Close"):
            self._apply_connection(headers, has_body)
        limit = self._settings.max_request_body_size
        if limit and self._content_length > limit:
            self._refuse(413)
        self.keep_alive = parser.should_keep_alive()
        head = RequestHead(method, target, headers, self._scheme)
        head.content_length = self._content_length
        self._events.on_head(head, not has_body)

    def _target(self, method: str) -> str:
        url = self._url
        if method == "CONNECT":
            self._refuse(405)
        if url[:1] != b"/" and not (url == b"*" and method == "OPTIONS"):
            url = self._origin_form(url)
        if b"#" in url:
            self._refuse(400)
        return url.decode("latin-1")

    def _origin_form(self, url: bytes) -> bytes:
        """RFC 9112 section 3.2.2: with the absolute form, the target's authority takes the place of ``Host``."""
        lower = url[:8].lower()
        if lower.startswith(b"http://"):
            rest = url[7:]
        elif lower.startswith(b"https://"):
            rest = url[8:]
        else:
            self._refuse(400)
        end = len(rest)
        for mark in (b"/", b"?", b"#"):
            position = rest.find(mark)
            if 0 <= position < end:
                end = position
        authority = rest[:end]
        if not authority or b"@" in authority:
            self._refuse(400)
        headers = self._headers
        if self._hosts == 1:
            headers.lines[headers.keys.index("host")] = b"Host: " + authority
        elif self._hosts == 0:
            headers.append_line("host", b"Host: " + authority)
            self._hosts = 1
        self._host_line = authority
        path = rest[end:]
        return path if path[:1] == b"/" else b"/" + path

    def _check_host(self) -> None:
        host = self._host_line
        valid = self._valid_hosts
        if host not in valid:
            if _HOST.match(host) is None:
                self._refuse(400)
            if len(valid) < _CACHED_HOSTS:
                valid.add(host)

    def _apply_connection(self, headers: Headers, has_body: bool) -> None:
        for option in connection_options(self._connection):
            if option == "upgrade":
                if has_body:
                    # Whether the body or the new protocol follows is not the same for every reader: refuse.
                    self._refuse(400)
                self.upgrade = True
            elif option in headers.keys and option != "host" and option not in FRAMING:
                headers.remove(option)

    def on_body(self, data: bytes) -> None:
        """A part of the body, chunk framing removed."""
        limit = self._settings.max_request_body_size
        if limit:
            self._body_bytes += len(data)
            if self._body_bytes > limit:
                self._refuse(413)
        self._events.on_body(data)

    def on_message_complete(self) -> None:
        """The request is complete: be ready for the next."""
        trailers = self._trailers
        self._in_message = False
        self._head_fed = 0
        self._url = b""
        self._headers = Headers()
        self._head_done = False
        self._header_bytes = 0
        self._hosts = 0
        self._content_length = -1
        self._chunked = False
        self._connection = b""
        self._body_bytes = 0
        self._trailers = None
        self._events.on_end(trailers)
