"""Heads laid out flat, as ``hg_head`` of the header says: one ``bytes`` object, made with a handful of calls into C.

The structure, two arrays of lengths (of the names, of the whole lines), then the text in one piece. A field's line is ``Name: value`` as
the proxy keeps it, so nothing is taken apart here; the header's inline functions find names and values.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead

_MEMBERS: Final = 10
HEAD_SIZE: Final = 4 * _MEMBERS
"""Bytes of ``hg_head``."""

_LAYOUTS: Final[list[Struct]] = [Struct(f"={_MEMBERS + 2 * count}I") for count in range(128)]
"""By the number of fields."""

_SCHEMES: Final = {"http": b"http", "https": b"https"}


def _layout(count: int) -> Struct:
    return _LAYOUTS[count] if count < len(_LAYOUTS) else Struct(f"={_MEMBERS + 2 * count}I")


def request_head(request: RequestHead, has_body: bool) -> bytes:
    """A request's head; with its body if that has been buffered.

    :param has_body: a body follows
    """
    headers = request.headers
    keys = headers.keys
    lines = headers.lines
    count = len(keys)
    method = request.method.encode()
    target = request.target.encode("utf-8", "surrogateescape")
    scheme = _SCHEMES.get(request.scheme) or request.scheme.encode()
    body = request.body or b""
    text = b"".join([method, target, scheme, *lines, body])
    total = HEAD_SIZE + 8 * count + len(text)
    return (
        _layout(count).pack(
            HEAD_SIZE, total, count, 0, len(method), len(target), len(scheme), has_body, len(body), 0, *map(len, keys), *map(len, lines)
        )
        + text
    )


def response_head(response: ResponseHead, has_body: bool) -> bytes:
    """A response's head; with its body if that has been buffered."""
    return _fields(response.headers, response.status, has_body, response.body or b"")


def trailer_head(trailers: Headers) -> bytes:
    """Trailers, as a head with fields only."""
    return _fields(trailers, 0, False, b"")


def _fields(headers: Headers, status: int, has_body: bool, body: bytes) -> bytes:
    keys = headers.keys
    lines = headers.lines
    count = len(keys)
    text = b"".join([*lines, body])
    total = HEAD_SIZE + 8 * count + len(text)
    return _layout(count).pack(HEAD_SIZE, total, count, status, 0, 0, 0, has_body, len(body), 0, *map(len, keys), *map(len, lines)) + text
