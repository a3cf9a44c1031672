"""Header lines and what HTTP/1.1 itself means by some of them: how a proxy treats each field (RFC 9110 section 7.6.1, RFC 9112).

Messages repeat most of their header lines from one to the next, so a line that was seen lately is not taken apart again: looking it up
costs 50 ns interpreted, taking it apart 900 ns. What changes with each message (cookies, credentials, long lines) is not remembered, and
the memory is emptied when it is full. A head all of whose lines were known is remembered as a whole the same way (``request_fields``,
``usual_requests``, ``response_start``).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.headers import Headers
from headgate.protocols.http1.target_forms import is_authority

ORDINARY: Final = 0
HOST: Final = 1
CONTENT_LENGTH: Final = 2
TRANSFER_ENCODING: Final = 3
CONNECTION: Final = 4
HOP_BY_HOP: Final = 5
"""Meant for the next hop only: never forwarded."""
EXPECT: Final = 6
FORWARDING: Final = 7
"""One of those that the proxy adds itself (``X-Forwarded-For`` and the like): ordinary, but worth knowing of."""

_KINDS: Final[dict[str, int]] = {
    "host": HOST,
    "content-length": CONTENT_LENGTH,
    "transfer-encoding": TRANSFER_ENCODING,
    "connection": CONNECTION,
    "keep-alive": HOP_BY_HOP,
    "proxy-connection": HOP_BY_HOP,
    "proxy-authenticate": HOP_BY_HOP,
    "proxy-authorization": HOP_BY_HOP,
    "te": HOP_BY_HOP,
    "upgrade": HOP_BY_HOP,
    "expect": EXPECT,
    "x-forwarded-for": FORWARDING,
    "x-forwarded-proto": FORWARDING,
    "x-request-id": FORWARDING,
}

FRAMING: Final = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "proxy-connection", "te"))
"""Fields that only the codec may write."""

_UNIQUE: Final = frozenset(
    ("authorization", "cookie", "set-cookie", "proxy-authorization", "x-request-id", "traceparent", "etag", "x-forwarded-for")
)
"""Fields whose lines are not remembered: each message has another, or they are secret."""

_LONGEST: Final = 128
_MOST: Final = 2048


_FORWARDED: Final = frozenset((ORDINARY, HOST, CONTENT_LENGTH, FORWARDING))
"""Kinds of fields that stay with the message."""


class Field:
    """One header line, taken apart.

    :ivar key: the lower-cased name
    :ivar kind: how to treat it
    :ivar line: ``b"Name: value"``, the name as it came, white space around the value removed
    :ivar value: the value
    :ivar forwarded: it stays with the message; else it is for this hop only, or the codec's own
    :ivar valid: False for a host or length that is none
    """

    def __init__(self, key: str, kind: int, line: bytes, value: bytes) -> None:
        self.key: str = key
        self.kind: int = kind
        self.line: bytes = line
        self.value: bytes = value
        self.forwarded: bool = kind in _FORWARDED
        self.valid: bool = True
        if kind == HOST:
            self.valid = is_authority(value)
        elif kind == CONTENT_LENGTH:
            self.valid = value.isdigit() and len(value) <= 18


class MalformedField(Exception):
    """A line of a head that is no header field."""


_PLAIN: Final[dict[bytes, str]] = {}
"""Ordinary lines seen lately that need no change: line -> key. Most lines are found here, so it is asked first."""
_OTHERS: Final[dict[bytes, Field]] = {}
"""The other lines seen lately."""
MOST_HEADS: Final = 256
LONGEST_HEAD: Final = 1024
"""How many whole heads are remembered in each direction, and how long one may be."""


class FieldLines:
    """The header lines of one head, read.

    :ivar keys: the lower-cased names of the fields that stay with the message
    :ivar lines: their lines
    :ivar special: the fields that are not ordinary, in their order, those that do not stay included
    :ivar known: every line had been seen before, so what they come to is worth remembering as a whole
    """

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.lines: list[bytes] = []
        self.special: list[Field] = []
        self.known: bool = True


def read_lines(lines: list[bytes]) -> FieldLines:
    """Read the header lines of one head.

    :param lines: without their line ends
    :raises MalformedField: for a line that is none
    """
    read = FieldLines()
    keys = read.keys
    kept = read.lines
    plain = _PLAIN
    for line in lines:
        key = plain.get(line)
        if key is None:
            field = _OTHERS.get(line)
            if field is None:
                read.known = False
                field = _take_apart(line)
            if field.kind != ORDINARY:
                read.special.append(field)
                if not field.forwarded:
                    continue
            key = field.key
            line = field.line
        keys.append(key)
        kept.append(line)
    return read


def _take_apart(line: bytes) -> Field:
    colon = line.find(b":")
    if colon < 0:
        raise MalformedField
    field = make_field(line[:colon], line[colon + 1 :])
    if len(line) <= _LONGEST and field.key not in _UNIQUE:
        if len(_PLAIN) + len(_OTHERS) >= _MOST:
            _PLAIN.clear()
            _OTHERS.clear()
        if field.kind == ORDINARY and field.line == line:
            _PLAIN[line] = field.key
        else:
            _OTHERS[line] = field
    return field


def make_field(name: bytes, value: bytes) -> Field:
    """A field from its name and its value."""
    key = name.decode("latin-1").lower()
    value = value.strip(b" \t")
    return Field(key, _KINDS.get(key, ORDINARY), name + b": " + value, value)


def connection_options(value: bytes) -> list[str]:
    """The options of a ``Connection`` field, lower-cased, without empty ones."""
    return [part for part in [piece.strip() for piece in value.decode("latin-1").lower().split(",")] if part]


def apply_connection(value: bytes, headers: Headers, http10: bool) -> tuple[bool, bool]:
    """RFC 9112 section 9.3, RFC 9110 section 7.6.1: what the connection is to be; the fields that it names are only for this hop
    and are removed.

    :param value: of the ``Connection`` field
    :param http10: the message is HTTP/1.0
    :returns: whether another message may follow; whether the peer asks for another protocol
    """
    options = connection_options(value)
    upgrade = False
    for option in options:
        if option == "upgrade":
            upgrade = True
        elif option in headers.keys and option != "host" and option not in FRAMING:
            headers.remove(option)
    return "close" not in options and (not http10 or "keep-alive" in options), upgrade
