"""Fields in, header blocks out (RFC 7541 section 3.1 and 6).

What a connection sends again is put into the dynamic table and is one or two bytes from then on. A block all of whose fields stand in the
tables means the same until the table changes: callers that send it often keep it, with the table's :attr:`HpackEncoder.generation`.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headgate.protocols.http2.hpack_huffman import huffman_encode, huffman_length
from headgate.protocols.http2.hpack_integer import encode_integer
from headgate.protocols.http2.hpack_static import STATIC_FIELDS, STATIC_NAMES, STATIC_SIZE
from headgate.protocols.http2.hpack_table import ENTRY_OVERHEAD, DynamicTable

NEVER_INDEXED: Final = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"))
"""Secrets: not put into a table, here or further on (RFC 7541 section 7.1.3)."""

_MAX_TABLE: Final = 4096


class HpackEncoder:
    """Encodes the header blocks of one direction of a connection.

    :param not_indexed: names whose values change with every message: they are not put into the table
    :param huffman: make strings shorter, for time
    """

    def __init__(self, not_indexed: frozenset[bytes], huffman: bool = False) -> None:
        self._not_indexed = not_indexed
        self._huffman = huffman
        self._table = DynamicTable(_MAX_TABLE)
        self._positions: dict[tuple[bytes, bytes], int] = {}
        self._inserted: int = 0
        self._smallest: int = -1

    @property
    def generation(self) -> int:
        """Changes whenever a block that was encoded before may mean something else."""
        return self._table.generation

    def set_max_size(self, size: int) -> None:
        """The peer has announced the size of its table; the next block tells it that this side keeps to it."""
        size = min(size, _MAX_TABLE)
        if size == self._table.max_size and self._smallest < 0:
            return
        self._table.resize(size)
        # A size that was smaller in between has to be told too (RFC 7541 section 4.2).
        self._smallest = size if self._smallest < 0 else min(self._smallest, size)

    def encode(self, fields: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The block of these fields; names are in lower case."""
        parts: list[bytes] = []
        if self._smallest >= 0:
            if self._smallest < self._table.max_size:
                parts.append(encode_integer(self._smallest, 5, 0x20))
            parts.append(encode_integer(self._table.max_size, 5, 0x20))
            self._smallest = -1
            self._table.generation += 1  # this block is not to be sent again
        for field in fields:
            self._field(field, parts)
        return b"".join(parts)

    def _field(self, field: tuple[bytes, bytes], parts: list[bytes]) -> None:
        index = STATIC_FIELDS.get(field, 0)
        if index == 0:
            index = self._dynamic_index(field)
        if index:
            parts.append(encode_integer(index, 7, 0x80))
            return
        name, value = field
        name_index = STATIC_NAMES.get(name, 0)
        if name in NEVER_INDEXED:
            parts.append(encode_integer(name_index, 4, 0x10))
        elif name in self._not_indexed or len(name) + len(value) + ENTRY_OVERHEAD > self._table.max_size // 2:
            parts.append(encode_integer(name_index, 4, 0x00))
        else:
            parts.append(encode_integer(name_index, 6, 0x40))
            self._insert(field)
        if name_index == 0:
            self._string(name, parts)
        self._string(value, parts)

    def _insert(self, field: tuple[bytes, bytes]) -> None:
        self._table.add(field)
        self._inserted += 1
        self._positions[field] = self._inserted
        if len(self._positions) > 2 * len(self._table.entries) + 16:
            oldest = self._inserted - len(self._table.entries)
            self._positions = {known: number for known, number in self._positions.items() if number > oldest}

    def _dynamic_index(self, field: tuple[bytes, bytes]) -> int:
        number = self._positions.get(field, 0)
        if number == 0:
            return 0
        behind = self._inserted - number
        return STATIC_SIZE + 1 + behind if behind < len(self._table.entries) else 0

    def _string(self, text: bytes, parts: list[bytes]) -> None:
        if self._huffman and huffman_length(text) < len(text):
            coded = huffman_encode(text)
            parts.append(encode_integer(len(coded), 7, 0x80))
            parts.append(coded)
        else:
            parts.append(encode_integer(len(text), 7, 0x00))
            parts.append(text)
