"""The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).

Decoding goes by half bytes through a table of states, one state for each inner node of the code's tree; the table is made at the first use.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

# fmt: off
_CODES: Final = (
    0x1ff8, 0x7fffd8, 0xfffffe2, 0xfffffe3, 0xfffffe4, 0xfffffe5, 0xfffffe6, 0xfffffe7, 0xfffffe8, 0xffffea, 0x3ffffffc, 0xfffffe9,
    0xfffffea, 0x3ffffffd, 0xfffffeb, 0xfffffec, 0xfffffed, 0xfffffee, 0xfffffef, 0xffffff0, 0xffffff1, 0xffffff2, 0x3ffffffe, 0xffffff3,
    0xffffff4, 0xffffff5, 0xffffff6, 0xffffff7, 0xffffff8, 0xffffff9, 0xffffffa, 0xffffffb, 0x14, 0x3f8, 0x3f9, 0xffa, 0x1ff9, 0x15, 0xf8,
    0x7fa, 0x3fa, 0x3fb, 0xf9, 0x7fb, 0xfa, 0x16, 0x17, 0x18, 0x0, 0x1, 0x2, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x5c, 0xfb, 0x7ffc,
    0x20, 0xffb, 0x3fc, 0x1ffa, 0x21, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c,
    0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xfc, 0x73, 0xfd, 0x1ffb, 0x7fff0, 0x1ffc, 0x3ffc, 0x22, 0x7ffd, 0x3, 0x23, 0x4, 0x24, 0x5, 0x25,
    0x26, 0x27, 0x6, 0x74, 0x75, 0x28, 0x29, 0x2a, 0x7, 0x2b, 0x76, 0x2c, 0x8, 0x9, 0x2d, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7ffe, 0x7fc,
    0x3ffd, 0x1ffd, 0xffffffc, 0xfffe6, 0x3fffd2, 0xfffe7, 0xfffe8, 0x3fffd3, 0x3fffd4, 0x3fffd5, 0x7fffd9, 0x3fffd6, 0x7fffda, 0x7fffdb,
    0x7fffdc, 0x7fffdd, 0x7fffde, 0xffffeb, 0x7fffdf, 0xffffec, 0xffffed, 0x3fffd7, 0x7fffe0, 0xffffee, 0x7fffe1, 0x7fffe2, 0x7fffe3,
    0x7fffe4, 0x1fffdc, 0x3fffd8, 0x7fffe5, 0x3fffd9, 0x7fffe6, 0x7fffe7, 0xffffef, 0x3fffda, 0x1fffdd, 0xfffe9, 0x3fffdb, 0x3fffdc,
    0x7fffe8, 0x7fffe9, 0x1fffde, 0x7fffea, 0x3fffdd, 0x3fffde, 0xfffff0, 0x1fffdf, 0x3fffdf, 0x7fffeb, 0x7fffec, 0x1fffe0, 0x1fffe1,
    0x3fffe0, 0x1fffe2, 0x7fffed, 0x3fffe1, 0x7fffee, 0x7fffef, 0xfffea, 0x3fffe2, 0x3fffe3, 0x3fffe4, 0x7ffff0, 0x3fffe5, 0x3fffe6,
    0x7ffff1, 0x3ffffe0, 0x3ffffe1, 0xfffeb, 0x7fff1, 0x3fffe7, 0x7ffff2, 0x3fffe8, 0x1ffffec, 0x3ffffe2, 0x3ffffe3, 0x3ffffe4, 0x7ffffde,
    0x7ffffdf, 0x3ffffe5, 0xfffff1, 0x1ffffed, 0x7fff2, 0x1fffe3, 0x3ffffe6, 0x7ffffe0, 0x7ffffe1, 0x3ffffe7, 0x7ffffe2, 0xfffff2,
    0x1fffe4, 0x1fffe5, 0x3ffffe8, 0x3ffffe9, 0xffffffd, 0x7ffffe3, 0x7ffffe4, 0x7ffffe5, 0xfffec, 0xfffff3, 0xfffed, 0x1fffe6, 0x3fffe9,
    0x1fffe7, 0x1fffe8, 0x7ffff3, 0x3fffea, 0x3fffeb, 0x1ffffee, 0x1ffffef, 0xfffff4, 0xfffff5, 0x3ffffea, 0x7ffff4, 0x3ffffeb, 0x7ffffe6,
    0x3ffffec, 0x3ffffed, 0x7ffffe7, 0x7ffffe8, 0x7ffffe9, 0x7ffffea, 0x7ffffeb, 0xffffffe, 0x7ffffec, 0x7ffffed, 0x7ffffee, 0x7ffffef,
    0x7fffff0, 0x3ffffee, 0x3fffffff,
)
"""The code of each byte, and of the end of the string at 256."""
_LENGTHS: Final = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10,
    10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6,
    7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23,
    21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22,
    22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26,
    26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
    27, 27, 27, 26, 30,
)
"""Bits of each code."""
# fmt: on

_NIBBLES: Final[list[list[int]]] = []
"""By state times 16 plus half byte, two parallel lists: the next state (-1: an error), the byte that was completed (-1: none)."""
_ENDS: Final[list[bool]] = []
"""By state: the string may end here, with at most seven bits of padding, all of them ones."""


def _make_tables() -> None:
    """Build the tree, then walk it by half bytes from each of its inner nodes."""
    children: list[list[int]] = [[-1, -1]]
    leaf: dict[tuple[int, int], int] = {}
    depth_of_ones = {0: 0}
    for symbol, (code, length) in enumerate(zip(_CODES, _LENGTHS, strict=True)):
        node = 0
        for shift in range(length - 1, 0, -1):
            bit = (code >> shift) & 1
            following = children[node][bit]
            if following < 0:
                following = len(children)
                children.append([-1, -1])
                children[node][bit] = following
                if bit and node in depth_of_ones:
                    depth_of_ones[following] = depth_of_ones[node] + 1
            node = following
        leaf[(node, code & 1)] = symbol
    nexts: list[int] = []
    symbols: list[int] = []
    for start in range(len(children)):
        for nibble in range(16):
            following, symbol = _walk(start, nibble, children, leaf)
            nexts.append(following)
            symbols.append(symbol)
    for node in range(len(children)):
        _ENDS.append(node in depth_of_ones and depth_of_ones[node] < 8)
    _NIBBLES.append(nexts)
    _NIBBLES.append(symbols)


def _walk(node: int, nibble: int, children: list[list[int]], leaf: dict[tuple[int, int], int]) -> tuple[int, int]:
    completed = -1
    for shift in (3, 2, 1, 0):
        bit = (nibble >> shift) & 1
        symbol = leaf.get((node, bit), -1)
        if symbol == 256:
            return -1, -1  # the end-of-string code itself may not appear
        if symbol >= 0:
            completed = symbol  # no code is shorter than five bits: at most one ends in a half byte
            node = 0
        else:
            node = children[node][bit]
    return node, completed


def huffman_decode(data: bytes) -> bytes | None:
    """The string behind a code; None if it is not a valid one."""
    if not _NIBBLES:
        _make_tables()
    nexts = _NIBBLES[0]
    symbols = _NIBBLES[1]
    state = 0
    out = bytearray()
    for byte in data:
        at = state * 16 + (byte >> 4)
        state = nexts[at]
        if state < 0:
            return None
        symbol = symbols[at]
        if symbol >= 0:
            out.append(symbol)
        at = state * 16 + (byte & 15)
        state = nexts[at]
        if state < 0:
            return None
        symbol = symbols[at]
        if symbol >= 0:
            out.append(symbol)
    return bytes(out) if _ENDS[state] else None


def huffman_encode(data: bytes) -> bytes:
    """The code of a string."""
    out = bytearray()
    pending = 0
    bits = 0
    for byte in data:
        length = _LENGTHS[byte]
        pending = (pending << length) | _CODES[byte]
        bits += length
        while bits >= 8:
            bits -= 8
            out.append((pending >> bits) & 0xFF)
        pending &= (1 << bits) - 1
    if bits:
        out.append(((pending << (8 - bits)) | (0xFF >> bits)) & 0xFF)
    return bytes(out)


def huffman_length(data: bytes) -> int:
    """Bytes that the code of a string takes."""
    bits = 0
    for byte in data:
        bits += _LENGTHS[byte]
    return (bits + 7) // 8
