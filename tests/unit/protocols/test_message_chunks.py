"""Parts of messages, however small they are."""

from __future__ import annotations

import tracemalloc

import pytest

from headgate.protocols.grpc.chunks import Chunks
from headgate.protocols.grpc.message_reader import MessageReader, message_prefix
from headgate.protocols.grpc.message_splitter import MessageSplitter


@pytest.mark.parametrize("sizes", [[1], [1, 1, 1], [2000], [2000, 1, 2, 2000, 3000, 4, 5], [1, 2000, 1, 2000], [3, 0, 0, 3], []])
def test_what_came_comes_out(sizes: list[int]) -> None:
    parts = [bytes([65 + i]) * size for i, size in enumerate(sizes)]
    chunks = Chunks()
    for i, part in enumerate(parts, 1):
        chunks.add(part)
        assert chunks.size == sum(sizes[:i])
    assert chunks.join() == b"".join(parts)
    chunks.add(b"!")
    assert chunks.take() == b"".join(parts) + b"!"
    assert (chunks.size, chunks.take()) == (0, b"")


def test_a_message_in_one_piece_is_not_copied() -> None:
    message = message_prefix(4) + b"text"
    reader = MessageReader(100)
    assert reader.feed(message) == ""
    assert reader.take() is message


@pytest.mark.parametrize("reader", [MessageReader(1 << 20), MessageSplitter(1 << 20)])
def test_a_message_byte_by_byte_costs_little_more_than_its_size(reader: MessageReader | MessageSplitter) -> None:
    size = 300_000
    reader.feed(message_prefix(1 << 20))
    tracemalloc.start()
    try:
        for i in range(size):
            reader.feed(i.to_bytes(4, "big")[3:])
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 2 * size
