"""Header blocks in, fields out (RFC 7541 section 3.2 and 6).

A connection sends the same few blocks over and over once its fields stand in the dynamic table. A block that did not change the table
means the same until the table changes, so what was decoded is kept under the block's bytes, with what the connection found out about it.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.protocols.http2.errors import COMPRESSION_ERROR, Http2Error
from headgate.protocols.http2.field_block import FieldBlock
from headgate.protocols.http2.hpack_huffman import huffman_decode
from headgate.protocols.http2.hpack_integer import continued_integer
from headgate.protocols.http2.hpack_static import STATIC_SIZE, STATIC_TABLE
from headgate.protocols.http2.hpack_table import ENTRY_OVERHEAD, DynamicTable

_KEPT_BLOCKS: Final = 64
_KEPT_BLOCK_SIZE: Final = 512


class HpackDecoder:
    """Decodes the header blocks of one direction of a connection.

    :param table_size: the table's size that this side announced, bytes
    :param max_list_size: of the decoded fields of one block, bytes (RFC 9113 section 6.5.2)
    """

    def __init__(self, table_size: int, max_list_size: int) -> None:
        self._announced = table_size
        self._max_list_size = max_list_size
        # Until the peer has seen this side's settings it may use the default; a larger one is announced, not demanded.
        self._table = DynamicTable(4096 if table_size > 4096 else table_size)
        self._kept: dict[bytes, FieldBlock] = {}
        self._position: int = 0

    def decode(self, block: bytes) -> FieldBlock:
        """The fields of a block.

        :raises Http2Error: if it is malformed: the table is then lost, and with it the connection
        """
        kept = self._kept.get(block)
        if kept is not None:
            return kept
        generation = self._table.generation
        fields = self._decode(block)
        if self._table.generation != generation:
            self._kept.clear()
        elif len(block) <= _KEPT_BLOCK_SIZE:
            if len(self._kept) >= _KEPT_BLOCKS:
                self._kept.clear()
            self._kept[block] = fields
        return fields

    def _decode(self, block: bytes) -> FieldBlock:
        fields: list[tuple[bytes, bytes]] = []
        size = 0
        self._position = 0
        end = len(block)
        while self._position < end:
            byte = block[self._position]
            if byte >= 0x80:
                field = self._entry(self._integer(block, 7))
            elif byte >= 0x40:
                field = self._literal(block, 6)
                self._table.add(field)
            elif byte >= 0x20:
                self._resize(self._integer(block, 5), bool(fields))
                continue
            else:
                field = self._literal(block, 4)
            size += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
            if size <= self._max_list_size:
                fields.append(field)  # past it the block is only decoded to keep the table right
        return FieldBlock(fields, size > self._max_list_size)

    def _resize(self, size: int, late: bool) -> None:
        if late:
            raise Http2Error(COMPRESSION_ERROR, "a table size within a header block")
        if size > self._announced:
            raise Http2Error(COMPRESSION_ERROR, f"a table size of {size}; {self._announced} were announced")
        self._table.resize(size)

    def _entry(self, index: int) -> tuple[bytes, bytes]:
        if index > STATIC_SIZE:
            at = index - STATIC_SIZE - 1
            entries = self._table.entries
            if at < len(entries):
                return entries[at]
        elif index > 0:
            return STATIC_TABLE[index - 1]
        raise Http2Error(COMPRESSION_ERROR, f"index {index} is not in the table")

    def _literal(self, block: bytes, prefix_bits: int) -> tuple[bytes, bytes]:
        index = self._integer(block, prefix_bits)
        name = self._entry(index)[0] if index else self._string(block)
        return name, self._string(block)

    def _integer(self, block: bytes, prefix_bits: int) -> int:
        limit = (1 << prefix_bits) - 1
        value = block[self._position] & limit
        self._position += 1
        if value < limit:
            return value
        value, self._position = continued_integer(block, self._position, limit)
        return value

    def _string(self, block: bytes) -> bytes:
        if self._position >= len(block):
            raise Http2Error(COMPRESSION_ERROR, "a header block ends within a field")
        huffman = block[self._position] >= 0x80
        length = self._integer(block, 7)
        start = self._position
        end = start + length
        if end > len(block):
            raise Http2Error(COMPRESSION_ERROR, "a header block ends within a string")
        self._position = end
        if not huffman:
            return block[start:end]
        decoded = huffman_decode(block[start:end])
        if decoded is None:
            raise Http2Error(COMPRESSION_ERROR, "an invalid Huffman code in a header block")
        return decoded
