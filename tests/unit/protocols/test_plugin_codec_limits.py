"""Messages whose size promises little work and that hold much: refused before they take the event loop."""

from __future__ import annotations

import pytest

from headgate.protocols.grpc.plugin_codec import decode_request, decode_response
from headgate.protocols.grpc.wire import WireError, varint


def _entry(content: bytes) -> bytes:
    return b"\x0a" + varint(len(content)) + content


@pytest.mark.parametrize(
    "data",
    [
        _entry(b"\x0a\x00" * 101),
        _entry(b"\x12\x00" * 101),
        _entry(b"\x38\x00" * 101),
        b"\x3b" + b"\x40\x00" * 10_000 + b"\x3c",
    ],
    ids=["keys", "values", "unknown fields", "a group"],
)
def test_repetition_within_an_entry_or_a_group_is_bounded(data: bytes) -> None:
    with pytest.raises(WireError, match="more than"):
        decode_response(data)
    with pytest.raises(WireError, match="more than"):
        decode_request(data)


def test_a_few_repetitions_are_protobufs_own_rule() -> None:
    assert decode_response(_entry(b"\x0a\x01a\x0a\x01b\x12\x01c\x12\x01d")).header == {"b": "d"}
    assert decode_response(b"\x3b" + b"\x40\x00" * 100 + b"\x3c" + b"\x1a\x01x").body == b"x"
