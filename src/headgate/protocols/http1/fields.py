"""Header fields that HTTP/1.1 itself gives a meaning to, and how a proxy treats each (RFC 9110 section 7.6.1, RFC 9112).

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
    "expect": EXPECT,
    "upgrade": HOP_BY_HOP,
}

_COMMON: Final = (  # noqa: SIM905  # seventy quoted names would read worse
    "Accept Accept-Charset Accept-Encoding Accept-Language Accept-Ranges Access-Control-Allow-Origin Age Authorization Cache-Control "
    "Connection Content-Disposition Content-Encoding Content-Language Content-Length Content-Location Content-Range Content-Type Cookie "
    "Date ETag Expect Expires Forwarded From Host If-Match If-Modified-Since If-None-Match If-Range If-Unmodified-Since Keep-Alive "
    "Last-Modified Link Location Origin Pragma Proxy-Authenticate Proxy-Authorization Proxy-Connection Range Referer Retry-After "
    "Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Server Set-Cookie Strict-Transport-Security TE Trailer "
    "Transfer-Encoding Upgrade Upgrade-Insecure-Requests User User-Agent Vary Via Warning WWW-Authenticate X-Content-Type-Options "
    "X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Frame-Options X-Real-IP X-Request-Id X-Requested-With"
).split()


def kind_of(key: str) -> int:
    """How to treat a field.

    :param key: its lower-cased name
    """
    return _KINDS.get(key, ORDINARY)


def _known() -> dict[bytes, tuple[str, int]]:
    known: dict[bytes, tuple[str, int]] = {}
    for name in _COMMON:
        key = name.lower()
        known[name.encode()] = known[key.encode()] = (key, kind_of(key))
    return known


KNOWN: Final = _known()
"""Common names in their usual spellings -> (lower-cased name, kind): spares most fields a decode and a lower()."""

FRAMING: Final = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "proxy-connection", "te"))
"""Fields that only the codec may write."""


def connection_options(value: bytes) -> list[str]:
    """The options of a ``Connection`` field, lower-cased, without empty ones."""
    return [part for part in (piece.strip() for piece in value.decode("latin-1").lower().split(",")) if part]
