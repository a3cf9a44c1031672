"""Header lines and what HTTP/1.1 itself means by some of them: how a proxy treats each field (RFC 9110 section 7.6.1, RFC 9112).

Messages repeat most of their header lines from one to the next, so a line that was seen lately is not taken apart again: looking it up
costs 50 ns interpreted, taking it apart 900 ns. What changes with each message (cookies, credentials, long lines) is not remembered, and
the memory is emptied when it is full.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

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


class Field:
    """One header line, taken apart.

    :ivar key: the lower-cased name
    :ivar kind: how to treat it
    :ivar line: ``b"Name: value"``, the name as it came, white space around the value removed
    :ivar value: the value
    """

    def __init__(self, key: str, kind: int, line: bytes, value: bytes) -> None:
        self.key: str = key
        self.kind: int = kind
        self.line: bytes = line
        self.value: bytes = value


LINES: Final[dict[bytes, Field]] = {}
"""The lines seen lately; look up here, and on a miss call :func:`take_apart`."""


def take_apart(line: bytes) -> Field:
    """Take a header line apart that a strict parser has accepted."""
    colon = line.index(b":")
    field = make_field(line[:colon], line[colon + 1 :])
    if len(line) <= _LONGEST and field.key not in _UNIQUE:
        if len(LINES) >= _MOST:
            LINES.clear()
        LINES[line] = field
    return field


def make_field(name: bytes, value: bytes) -> Field:
    """A field from its name and its value."""
    key = name.decode("latin-1").lower()
    value = value.strip(b" \t")
    return Field(key, _KINDS.get(key, ORDINARY), name + b": " + value, value)


def connection_options(value: bytes) -> list[str]:
    """The options of a ``Connection`` field, lower-cased, without empty ones."""
    return [part for part in [piece.strip() for piece in value.decode("latin-1").lower().split(",")] if part]
