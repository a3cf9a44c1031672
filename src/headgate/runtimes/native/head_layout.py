"""Heads laid out flat, as ``hg_head`` of the header says: one ``bytes`` object.

The structure, two arrays of lengths (of the names, of the whole lines), then the text in one piece. A field's line is ``Name: value`` as
the proxy keeps it, so nothing is taken apart here; the header's inline functions find names and values.
All of it is put together by one ``join``: numbers come ready-made from a table, which takes half the time of ``struct`` where this runs
compiled, and those that are nearly always the same come in one piece.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import sys
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead

HEAD_SIZE: Final = 40
"""Bytes of ``hg_head``: ten numbers of four."""

_ORDER: Final = sys.byteorder
_READY: Final = 2048
_NUMBERS: Final[list[bytes]] = [number.to_bytes(4, _ORDER) for number in range(_READY)]
_SIZE: Final = HEAD_SIZE.to_bytes(4, _ORDER)
_ZERO: Final = bytes(4)
_ONE: Final = (1).to_bytes(4, _ORDER)


def _number(value: int) -> bytes:
    return _NUMBERS[value] if value < _READY else value.to_bytes(4, _ORDER)


def _method(name: str) -> tuple[bytes, bytes]:
    """A method, and two numbers: the status, which a request has not, and the method's length."""
    text = name.encode()
    return text, _ZERO + _number(len(text))


_METHODS: Final = {name: _method(name) for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_SCHEMES: Final = {"http": b"http", "https": b"https"}
_BODILESS: Final[list[bytes]] = [_number(length) + bytes(12) for length in range(6)]
"""By the length of the scheme, which is none, http or https: that length, and the numbers behind it where there is no body."""


def request_head(request: RequestHead, has_body: bool) -> bytes:
    """A request's head; with its body if that has been buffered.

    :param has_body: a body follows
    """
    method, numbers = _METHODS.get(request.method) or _method(request.method)
    scheme = _SCHEMES.get(request.scheme) or request.scheme.encode()
    try:
        target = request.target.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8
        target = request.target.encode("utf-8", "surrogateescape")
    return _laid_out(request.headers, numbers, method, target, scheme, has_body, request.body or b"")


def response_head(response: ResponseHead, has_body: bool) -> bytes:
    """A response's head; with its body if that has been buffered."""
    return _laid_out(response.headers, _number(response.status) + _ZERO, b"", b"", b"", has_body, response.body or b"")


def trailer_head(trailers: Headers) -> bytes:
    """Trailers, as a head with fields only."""
    return _laid_out(trailers, bytes(8), b"", b"", b"", False, b"")


def _laid_out(headers: Headers, numbers: bytes, method: bytes, target: bytes, scheme: bytes, has_body: bool, body: bytes) -> bytes:
    """:param numbers: the status, and the length of the method"""
    keys = headers.keys
    lines = headers.lines
    total = HEAD_SIZE + 8 * len(keys) + len(method) + len(target) + len(scheme) + len(body)
    for line in lines:
        total += len(line)
    length = len(scheme)
    bodiless = not (has_body or body) and length < len(_BODILESS)
    parts = [
        _SIZE,
        _number(total),
        _number(len(keys)),
        numbers,
        _number(len(target)),
        _BODILESS[length] if bodiless else _number(length) + (_ONE if has_body else _ZERO) + _number(len(body)) + _ZERO,
    ]
    for key in keys:
        parts.append(_number(len(key)))  # noqa: PERF401 - compiled, this is faster
    for line in lines:
        parts.append(_number(len(line)))  # noqa: PERF401
    parts.append(method)
    parts.append(target)
    parts.append(scheme)
    parts.extend(lines)
    if body:
        parts.append(body)
    return b"".join(parts)
