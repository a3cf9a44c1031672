"""The field ``grpc-timeout`` (gRPC over HTTP/2, "Requests").

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from math import ceil
from typing import Final

_UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_MAX_MILLISECONDS: Final = 99_999_999


def coarse_milliseconds(seconds: float) -> int:
    """A time as whole milliseconds, rounded up to two digits that count.

    The peer's deadline may be a little later than ours, which is the one that bites; so calls with the same timeout send the same field,
    and their header blocks need not be encoded anew.
    """
    number = ceil(seconds * 1000.0) if seconds > 0.0 else 1
    step = 1
    while number >= 100 * step:
        step *= 10
    return min(-(-number // step) * step, _MAX_MILLISECONDS)


def encode_timeout(milliseconds: int) -> bytes:
    """The field's value."""
    return b"%dm" % milliseconds


def parse_timeout(value: bytes) -> float:
    """Seconds; -1.0 if the value is malformed."""
    unit = _UNITS.get(value[-1:])
    digits = value[:-1]
    if unit is None or not digits.isdigit() or len(digits) > 8:
        return -1.0
    return int(digits) * unit
