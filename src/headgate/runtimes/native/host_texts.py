"""What a module passes to host functions, copied out of its memory and checked."""

from __future__ import annotations

from typing import Final

from headgate.runtimes.native.abi import FFI, Pointer

MAX_TEXT: Final = 64 * 1024
"""Bytes of a name or value."""
MAX_BODY: Final = 256 << 20
MAX_PAIRS: Final = 1000


class ArgumentError(ValueError):
    """A module passed what cannot be."""


def text(data: Pointer, length: int) -> str:
    """A counted text; bytes that are not UTF-8 survive as surrogates.

    :raises ArgumentError: for a null pointer or an impossible length
    """
    if length > MAX_TEXT or (length and data == FFI.NULL):
        raise ArgumentError(f"a text of {length} bytes")
    return bytes(FFI.buffer(data, length)).decode("utf-8", "surrogateescape") if length else ""


def put(data: Pointer, length: int) -> bytes:
    """A counted body.

    :raises ArgumentError: for a null pointer or an impossible length
    """
    if length > MAX_BODY or (length and data == FFI.NULL):
        raise ArgumentError(f"a body of {length} bytes")
    return bytes(FFI.buffer(data, length)) if length else b""


def pairs(data: Pointer, count: int) -> list[tuple[str, str]]:
    """Names and values.

    :raises ArgumentError: for a null pointer or an impossible length
    """
    if count > MAX_PAIRS or (count and data == FFI.NULL):
        raise ArgumentError(f"{count} names and values")
    return [(text(pair.name.data, pair.name.length), text(pair.value.data, pair.value.length)) for pair in (data[i] for i in range(count))]
