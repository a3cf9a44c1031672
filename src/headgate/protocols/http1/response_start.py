"""Status line and header lines of a response, and what they say to the codec.

A host sends the same ones again and again, at least until the second of ``Date`` is over, so they are remembered as a whole, if each
line was known before (as in ``request_fields``).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.protocols.http1.encoder import status_line
from headgate.protocols.http1.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    LONGEST_HEAD,
    MOST_HEADS,
    TRANSFER_ENCODING,
    Field,
    FieldLines,
    read_lines,
)

MAX_HEADER_SIZE: Final = 256 * 1024
"""Bytes of a response's head."""
MAX_HEADER_COUNT: Final = 1000


class MalformedResponse(Exception):
    """The host does not speak HTTP/1.x as it must."""


class _StatusLine:
    def __init__(self, status: int, reason: str, http10: bool) -> None:
        self.status = status
        self.reason = reason
        self.http10 = http10
        self.has_body: bool = not http10 and status >= 200 and status != 204 and status != 304  # usually


_STATUS_LINES: Final[dict[bytes, _StatusLine]] = {}
_MOST_STATUS_LINES: Final = 256


class ResponseStart:
    """A response up to its body. It may be remembered, so nothing of it is changed but by ``accept``.

    :ivar status: the status code
    :ivar reason: the reason phrase
    :ivar http10: the response is HTTP/1.0
    :ivar keys: the lower-cased names of the fields that stay with the message
    :ivar lines: their lines
    :ivar length: ``Content-Length``; -1: there is none
    :ivar chunked: the body is sent in chunks
    :ivar connection: the values of ``Connection``, joined
    :ivar usual_body: bytes of the body, if this is the usual answer to anything but HEAD: final, HTTP/1.1, with a body of known length, and
        the connection stays; else -1
    :ivar known: it is remembered
    :ivar judged: llhttp has found it well-formed, and would again
    :ivar wire: once it was judged: what a client gets of it; empty: that is not the same for all
    :raises MalformedResponse: for what may not stand in a response
    """

    # First values stand in the class, as in ``RequestFields``.
    length: int = -1
    chunked: bool = False
    connection: bytes = b""
    judged: bool = False
    wire: bytes = b""
    known: bool = False

    def __init__(self, line: _StatusLine, read: FieldLines) -> None:
        self.status: int = line.status
        self.reason: str = line.reason
        self.http10: bool = line.http10
        self.keys: list[str] = read.keys
        self.lines: list[bytes] = read.lines
        for field in read.special:
            self._take(field)
        stays = not self.connection or self.connection == b"keep-alive"
        usual = self.length > 0 and stays and line.has_body and not self.chunked
        self.usual_body: int = self.length if usual else -1

    def accept(self) -> None:
        """It was judged, and has the usual body."""
        self.judged = True
        if self.known and "date" in self.keys:
            self.wire = status_line(self.status, self.reason) + b"\r\n".join(self.lines) + b"\r\n\r\n"

    def _take(self, field: Field) -> None:
        kind = field.kind
        if kind == CONTENT_LENGTH:
            if not field.valid:
                raise MalformedResponse
            self.length = int(field.value)
        elif kind == CONNECTION:
            self.connection = self.connection + b"," + field.value if self.connection else field.value
        elif kind == TRANSFER_ENCODING:
            if field.value.lower() != b"chunked" or self.http10:
                raise MalformedResponse
            self.chunked = True
        elif kind == EXPECT:
            self.keys.append(field.key)  # it means nothing here
            self.lines.append(field.line)


KNOWN_RESPONSES: Final[dict[bytes, ResponseStart]] = {}
"""Heads seen lately, without the last two line ends."""


def read_response_start(head: bytes) -> ResponseStart:
    """Read a head that is not among the known ones.

    :param head: without the last two line ends
    :raises MalformedResponse: for what may not stand in a response
    :raises MalformedField: for a line that is no field
    """
    lines = head.split(b"\r\n")
    if len(head) > MAX_HEADER_SIZE or len(lines) > MAX_HEADER_COUNT:
        raise MalformedResponse
    status_line = _STATUS_LINES.get(lines[0])
    if status_line is None:
        status_line = _status_line(lines[0])
    del lines[0]
    read = read_lines(lines)
    start = ResponseStart(status_line, read)
    if read.known and len(head) <= LONGEST_HEAD:
        if len(KNOWN_RESPONSES) >= MOST_HEADS:
            KNOWN_RESPONSES.clear()
        KNOWN_RESPONSES[head] = start
        start.known = True
    return start


def _status_line(line: bytes) -> _StatusLine:
    """Take a status line apart."""
    parts = line.split(b" ", 2)
    if len(parts) < 2 or parts[0] not in (b"HTTP/1.1", b"HTTP/1.0") or len(parts[1]) != 3 or not parts[1].isdigit():
        raise MalformedResponse
    status = int(parts[1])
    if status > 599:
        raise MalformedResponse
    found = _StatusLine(status, parts[2].decode("latin-1") if len(parts) > 2 else "", parts[0] == b"HTTP/1.0")
    if len(_STATUS_LINES) < _MOST_STATUS_LINES:
        _STATUS_LINES[line] = found
    return found
