"""Frames of the control channel: bytes in, messages out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.server.channel import MAX_FRAME, ChannelError, FrameDecoder, Message, encode_frame

VALUES = st.none() | st.integers() | st.text(max_size=10) | st.lists(st.integers(), max_size=3)
MESSAGES = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=3), max_size=4)


@settings(max_examples=50, deadline=None)
@given(MESSAGES, st.integers(1, 7))
def test_messages_come_out_however_the_bytes_are_cut(messages: list[Message], step: int) -> None:
    data = b"".join(encode_frame(message) for message in messages)
    decoder = FrameDecoder()
    decoded: list[Message] = []
    for start in range(0, len(data), step):
        decoded.extend(decoder.feed(data[start : start + step]))
    assert decoded == messages


def test_nothing_before_the_frame_is_complete() -> None:
    decoder = FrameDecoder()
    frame = encode_frame({"command": "ping"})
    assert decoder.feed(frame[:-1]) == []
    assert decoder.feed(frame[-1:]) == [{"command": "ping"}]


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b"\xff"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ChannelError):
        FrameDecoder().feed(len(body).to_bytes(4, "big") + body)


def test_a_frame_that_is_too_long_is_refused_by_its_length_alone() -> None:
    with pytest.raises(ChannelError, match="too long"):
        FrameDecoder().feed((MAX_FRAME + 1).to_bytes(4, "big"))
