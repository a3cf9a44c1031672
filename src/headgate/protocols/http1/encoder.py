"""HTTP/1.1 messages to bytes.

The codec alone decides about framing: a message whose headers nobody changed keeps its own ``Content-Length`` line, any other is
written with the length or coding that its body really has, whatever a filter wrote.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import http
import re
from email.utils import formatdate
from time import time
from typing import Final

from headgate.api.errors import HeaderError
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.protocols.http1.fields import FRAMING

CRLF: Final = b"\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_HOST: Final = b"Host: "
_CHUNKED_LINE: Final = b"\r\nTransfer-Encoding: chunked"
_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
USUAL_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"))
_TARGET: Final = re.compile(r"(?:/[!\"$-~]*|\*)\Z")
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_REASONS: Final[dict[int, str]] = {status.value: status.phrase for status in http.HTTPStatus}
_STATUS_LINES: Final[dict[int, bytes]] = {code: f"HTTP/1.1 {code} {reason}\r\n".encode() for code, reason in _REASONS.items()}


def status_line(status: int, reason: str) -> bytes:
    """The status line of a response, with its line end. An empty or standard reason is taken from a table.

    A reason that would split the message, which only a filter can have set, is left out.
    """
    if not reason or reason == _REASONS.get(status):
        line = _STATUS_LINES.get(status)
        if line is not None:
            return line
    if _FORBIDDEN.search(reason) is not None:
        reason = ""
    return f"HTTP/1.1 {status} {reason}\r\n".encode("latin-1", "replace")


def field_lines(headers: Headers) -> bytes:
    """All fields that are not the codec's own, joined, without a final line end."""
    if not headers.changed:
        return CRLF.join(headers.lines)
    kept: list[bytes] = []
    for i, key in enumerate(headers.keys):
        if key not in FRAMING:
            kept.append(headers.lines[i])
    return CRLF.join(kept)


def _length_line(length: int) -> bytes:
    return b"\r\nContent-Length: %d" % length


def check_request_line(head: RequestHead) -> None:
    """Check method and target, which filters may have set to anything.

    :raises HeaderError: for one that would split the message or cannot be sent
    """
    if _TARGET.match(head.target) is None:
        raise HeaderError(f"not a request target: {head.target!r}")
    if head.method not in USUAL_METHODS and (_METHOD.match(head.method) is None or head.method == "CONNECT"):
        # CONNECT would make a tunnel of a connection that others use after this request.
        raise HeaderError(f"not a method: {head.method!r}")


def encode_request_head(head: RequestHead, extra: bytes, end_stream: bool) -> bytes:
    """A request's head for an upstream host.

    :param extra: further field lines, each with its line end
    :param end_stream: no body follows
    """
    headers = head.headers
    if end_stream and not headers.changed and headers.lines:
        start = f"{head.method} {head.target} HTTP/1.1\r\n".encode("latin-1")
        return b"%b%b\r\n%b\r\n" % (start, CRLF.join(headers.lines), extra)
    lines = field_lines(headers) if headers.changed else CRLF.join(headers.lines)
    if "host" not in headers.keys:  # a filter took it out; RFC 9112 section 3.2: HTTP/1.1 requires the field, which may be empty
        lines = _NO_HOST + CRLF + lines if lines else _NO_HOST
    if end_stream:
        if headers.changed and head.content_length >= 0:
            lines += _length_line(0)
    elif head.content_length >= 0:
        if headers.changed:
            lines += _length_line(head.content_length)
    else:
        lines += _CHUNKED_LINE
    start = f"{head.method} {head.target} HTTP/1.1\r\n".encode("latin-1")
    return start + lines + CRLF + extra + CRLF


def encode_response_head(head: ResponseHead, bodiless: bool, end_stream: bool, chunked: bool, connection: bytes) -> bytes:
    """A final response's head for a client.

    :param bodiless: the response has no body whatever its fields say (to HEAD, 204, 304)
    :param end_stream: nothing follows
    :param chunked: the body is sent in chunks
    :param connection: a ``Connection`` line with its line end, or empty
    """
    headers = head.headers
    lines = field_lines(headers) if headers.changed else CRLF.join(headers.lines)
    length = head.content_length
    if chunked:
        lines += _CHUNKED_LINE
    elif headers.changed:
        if length >= 0 and head.status != 204:
            lines += _length_line(length)
    elif end_stream and length < 0 and not bodiless:
        lines += _length_line(0)
    if "date" not in headers.keys:
        connection = b"Date: " + http_date() + CRLF + connection
    if not lines:
        return status_line(head.status, head.reason) + connection + CRLF
    if lines[:2] == CRLF:
        lines = lines[2:]
    return status_line(head.status, head.reason) + lines + CRLF + connection + CRLF


def encode_response(head: ResponseHead, body: bytes) -> bytes:
    """A whole final response, whose body is as long as its ``content_length`` says, on a connection that stays."""
    headers = head.headers
    if headers.changed or "date" not in headers.keys:
        return encode_response_head(head, False, False, False, b"") + body
    status = head.status
    start = _STATUS_LINES[status] if head.reason == _REASONS.get(status) else status_line(status, head.reason)
    return b"%b%b\r\n\r\n%b" % (start, CRLF.join(headers.lines), body)


def encode_informational(head: ResponseHead) -> bytes:
    """An interim response's head."""
    lines = field_lines(head.headers)
    return status_line(head.status, head.reason) + (lines + CRLF if lines else b"") + CRLF


def encode_trailers(trailers: Headers | None) -> bytes:
    """The end of a chunked body: last chunk and trailer fields (RFC 9112 section 7.1.2)."""
    if trailers is None or not trailers.keys:
        return LAST_CHUNK
    return b"0\r\n" + field_lines(trailers) + b"\r\n\r\n"


class _Date:
    def __init__(self) -> None:
        self.second: int = 0
        self.text: bytes = b""


_DATE: Final = _Date()


def http_date() -> bytes:
    """The present time as ``Date`` wants it (RFC 9110 section 5.6.7), made once a second."""
    second = int(time())
    if second != _DATE.second:
        _DATE.text = formatdate(second, usegmt=True).encode()
        _DATE.second = second
    return _DATE.text
