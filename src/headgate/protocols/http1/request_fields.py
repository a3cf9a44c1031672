"""What the header lines of a request say to the codec.

Clients send the same lines again and again, so what a block of lines comes to is remembered, if each of its lines was known before: a
block with a cookie or a trace in it never gets that far, and takes its lines one by one.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.protocols.http1.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    FORWARDING,
    HOST,
    LONGEST_HEAD,
    MOST_HEADS,
    TRANSFER_ENCODING,
    Field,
    FieldLines,
    read_lines,
)
from headgate.protocols.http1.refusal import Refusal


class RequestFields:
    """The header lines of one request. It may be remembered, so it is never changed.

    :ivar keys: the lower-cased names of the fields that stay with the message
    :ivar lines: their lines
    :ivar count: number of all lines
    :ivar host: the value of ``Host``; None: there is none
    :ivar hosts: how often it stands there
    :ivar host_valid: it stands there once, and is well-formed
    :ivar length: ``Content-Length``; -1: there is none
    :ivar chunked: the body is sent in chunks
    :ivar connection: the values of ``Connection``, joined
    :ivar forwarding: one of the fields that the proxy adds itself is there already
    :ivar expects_continue: the client waits for ``100 Continue``
    :ivar has_body: a body follows
    :ivar bare: nothing is said of a body: neither length nor coding nor expectation
    :ivar usual: nor of anything else that the codec would have to heed
    :raises Refusal: for what may not stand in a request
    """

    # First values stand in the class: a request pays only for those that change.
    host: bytes | None = None
    hosts: int = 0
    host_valid: bool = False
    length: int = -1
    chunked: bool = False
    connection: bytes = b""
    forwarding: bool = False
    expects_continue: bool = False
    has_body: bool = False
    bare: bool = True

    def __init__(self, read: FieldLines, count: int) -> None:
        self.keys: list[str] = read.keys
        self.lines: list[bytes] = read.lines
        self.count: int = count
        for field in read.special:
            if field.kind == HOST:
                self.host = field.value
                self.hosts += 1
                self.host_valid = self.hosts == 1 and field.valid
            else:
                self._take(field)
        self.usual: bool = self.bare and self.host_valid and not self.connection and not self.forwarding

    def _take(self, field: Field) -> None:
        kind = field.kind
        if kind == CONTENT_LENGTH:
            if not field.valid:
                raise Refusal(400)
            self.length = int(field.value)
            self.bare = False
            self.has_body = self.chunked or self.length > 0
        elif kind == CONNECTION:
            self.connection = self.connection + b"," + field.value if self.connection else field.value
        elif kind == FORWARDING:
            self.forwarding = True
        elif kind == TRANSFER_ENCODING:
            if field.value.lower() != b"chunked":
                raise Refusal(400)
            self.chunked = True
            self.bare = False
            self.has_body = True
        elif kind == EXPECT:
            if field.value.lower() != b"100-continue":
                raise Refusal(417)
            self.expects_continue = True
            self.bare = False


KNOWN_REQUESTS: Final[dict[bytes, RequestFields]] = {}
"""Blocks of header lines seen lately, without the last line end."""


def read_request_fields(block: bytes, lines: list[bytes]) -> RequestFields:
    """Read a block that is not among the known ones.

    :param lines: the same, without line ends
    :raises Refusal: for what may not stand in a request
    :raises MalformedField: for a line that is no field
    """
    read = read_lines(lines)
    fields = RequestFields(read, len(lines))
    if read.known and len(block) <= LONGEST_HEAD:
        if len(KNOWN_REQUESTS) >= MOST_HEADS:
            KNOWN_REQUESTS.clear()
        KNOWN_REQUESTS[block] = fields
    return fields
