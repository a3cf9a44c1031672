"""Integers of HPACK (RFC 7541 section 5.1).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.protocols.http2.errors import COMPRESSION_ERROR, Http2Error

_MAX_CONTINUED: Final = 4
"""Bytes after the first: 28 bits, more than any index, length or table size that is allowed here."""


def encode_integer(value: int, prefix_bits: int, first: int) -> bytes:
    """An integer behind the pattern ``first``, which leaves ``prefix_bits`` of its byte free."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray()
    out.append(first | limit)
    value -= limit
    while value >= 128:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def continued_integer(data: bytes, position: int, limit: int) -> tuple[int, int]:
    """The rest of an integer whose prefix was all ones.

    :param position: of the byte after the prefix
    :param limit: the prefix's value
    :returns: the integer and the position after it
    :raises Http2Error: if it is cut off or too large
    """
    value = limit
    shift = 0
    end = len(data)
    while position < end:
        byte = data[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift >= 7 * _MAX_CONTINUED:
            raise Http2Error(COMPRESSION_ERROR, "an integer of more than 28 bits in a header block")
    raise Http2Error(COMPRESSION_ERROR, "a header block ends within an integer")
