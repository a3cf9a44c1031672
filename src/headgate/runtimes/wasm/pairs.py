"""Header maps as the ABI lays them out: a count, the lengths of all names and values, then names and values, each with a NUL behind it.

Two readings of "empty" are about: no bytes at all, and a count of zero (the Go SDK sends one zero byte); all are taken.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack, unpack_from
from typing import Final

MAX_PAIRS: Final = 4096
"""Pairs in one map that a guest hands over."""


def encode(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Lay out a map; an empty one is no bytes."""
    if not pairs:
        return b""
    numbers = [len(pairs)]
    parts: list[bytes] = []
    for name, value in pairs:
        numbers.append(len(name))
        numbers.append(len(value))
        parts.append(name)
        parts.append(value)
    parts.append(b"")
    return pack(f"<{len(numbers)}I", *numbers) + b"\0".join(parts)


def decode(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """Read a map; None if it is not one."""
    if len(data) < 4:
        return [] if not data.strip(b"\0") else None
    (count,) = unpack_from("<I", data)
    at = 4 + 8 * count
    if count > MAX_PAIRS or at > len(data):
        return None
    lengths = unpack_from(f"<{2 * count}I", data, 4)
    pairs: list[tuple[bytes, bytes]] = []
    for i in range(0, 2 * count, 2):
        name_end = at + lengths[i]
        value_end = name_end + 1 + lengths[i + 1]
        if value_end + 1 > len(data) or data[name_end] or data[value_end]:
            return None
        pairs.append((data[at:name_end], data[name_end + 1 : value_end]))
        at = value_end + 1
    return pairs
