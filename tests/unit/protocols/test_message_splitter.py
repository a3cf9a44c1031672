"""Messages of a streaming call, however they are cut."""

from __future__ import annotations

import pytest

from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.message_splitter import MessageSplitter
from headgate.protocols.grpc.wire import WireError

MESSAGES = [b"one", b"", b"three" * 100, b"4"]
STREAM = b"".join(message_prefix(len(message)) + message for message in MESSAGES)


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 100, 511, len(STREAM)])
def test_messages_are_found_however_they_are_cut(size: int) -> None:
    splitter = MessageSplitter(1000)
    found = [message for start in range(0, len(STREAM), size) for message in splitter.feed(STREAM[start : start + size])]
    assert found == MESSAGES


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x01\x00\x00\x00\x01x", "compressed"),
        (b"\x07\x00\x00\x00\x01x", "no gRPC message"),
        (message_prefix(1001), "1001 bytes; 1000 are allowed"),
        (STREAM + message_prefix(1 << 30), "1073741824 bytes"),
    ],
)
def test_what_is_no_message(data: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        MessageSplitter(1000).feed(data)
