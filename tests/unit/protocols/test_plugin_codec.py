"""The plugin's messages, against Google's protobuf."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.protocols.grpc.plugin_codec import decode_request, decode_response, encode_request, encode_response
from headgate.protocols.grpc.wire import WireError, varint

Kind = descriptor_pb2.FieldDescriptorProto


def _message(file: Any, name: str, last: str, last_type: int) -> None:
    message = file.message_type.add(name=name)
    for number, field in enumerate(("header", "trailer"), 1):
        entry = message.nested_type.add(name=f"{field.title()}Entry")
        entry.options.map_entry = True
        for at, part in enumerate(("key", "value"), 1):
            entry.field.add(name=part, number=at, type=Kind.TYPE_STRING, label=Kind.LABEL_OPTIONAL)
        type_name = f".proto.{name}.{field.title()}Entry"
        message.field.add(name=field, number=number, type=Kind.TYPE_MESSAGE, type_name=type_name, label=Kind.LABEL_REPEATED)
    message.field.add(name="body", number=3, type=Kind.TYPE_BYTES, label=Kind.LABEL_OPTIONAL)
    message.field.add(name=last, number=4, type=last_type, label=Kind.LABEL_OPTIONAL)


def _classes() -> tuple[Any, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="plugin.proto", package="proto", syntax="proto3")
    _message(file, "Request", "type", Kind.TYPE_STRING)
    _message(file, "Response", "status", Kind.TYPE_INT32)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    request, response = (message_factory.GetMessageClass(pool.FindMessageTypeByName(f"proto.{name}")) for name in ("Request", "Response"))
    return request, response


ProtoRequest, ProtoResponse = _classes()
TEXT = st.text(max_size=20) | st.sampled_from(["", "x" * 127, "y" * 128, "é" * 70, "z" * 20000])
MAP = st.dictionaries(TEXT, TEXT, max_size=5)
BODY = st.binary(max_size=50) | st.just(b"b" * 70000)
INT32 = st.integers(-(2**31), 2**31 - 1)


@given(MAP, MAP, BODY, TEXT)
def test_requests_both_ways(header: dict[str, str], trailer: dict[str, str], body: bytes, type_: str) -> None:
    theirs = ProtoRequest.FromString(encode_request(PluginRequest(header, trailer, body, type_)))
    assert (dict(theirs.header), dict(theirs.trailer), theirs.body, theirs.type) == (header, trailer, body, type_)
    ours = decode_request(b"#####" + theirs.SerializeToString(), 5)
    assert (ours.header, ours.trailer, ours.body, ours.type) == (header, trailer, body, type_)


@given(MAP, MAP, BODY, INT32)
def test_responses_both_ways(header: dict[str, str], trailer: dict[str, str], body: bytes, status: int) -> None:
    theirs = ProtoResponse.FromString(encode_response(PluginResponse(header, trailer, body, status)))
    assert (dict(theirs.header), dict(theirs.trailer), theirs.body, theirs.status) == (header, trailer, body, status)
    ours = decode_response(b"#####" + theirs.SerializeToString(), 5)
    assert (ours.header, ours.trailer, ours.body, ours.status) == (header, trailer, body, status)


PIECE = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([b"\x0a\x00", b"\x0a\x04\x0a\x00\x12\x00", b"\x12\x03\x0a\x01k", b"\x1a\x02hi", b"\x20\x05", b"\x22\x01t"]),
    st.sampled_from(
        [b"\x20" + b"\xff" * 9 + b"\x01", b"\x22\x01\xff", b"\x22\x02\x01\x02", b"\x18\x01", b"\x2b\x30\x01\x2c", b"\x29" + b"8" * 8]
    ),
    st.sampled_from(
        [b"\x0a\x06\x0a\x01k\x18\x07z", b"\x0a\x08\x0a\x01a\x0a\x01b\x12\x00", b"\xa0\x06\x01", b"\x2d1234", b"\x20\xff\xff\xff\xff\x7f"]
    ),
)


@given(st.lists(PIECE, max_size=6).map(b"".join))
def test_reads_whatever_protobuf_reads_and_as_it_does(data: bytes) -> None:
    try:
        theirs = ProtoResponse.FromString(data)
        expected = (dict(theirs.header), dict(theirs.trailer), theirs.body, theirs.status)
    except DecodeError:
        expected = None
    try:
        ours = decode_response(data)
        got = (ours.header, ours.trailer, ours.body, ours.status)
    except WireError:
        got = None
    assert got == expected


def test_the_last_of_several_counts_and_unknown_fields_are_passed_over() -> None:
    data = b"\x1a\x01a" + b"\x1a\x01b" + b"\x20\x01\x20\x02" + b"\x78\x05" + b"\x0a\x06\x0a\x01k\x12\x01v" + b"\x0a\x06\x0a\x01k\x12\x01w"
    response = decode_response(data)
    assert (response.body, response.status, response.header) == (b"b", 2, {"k": "w"})


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01",
        b"\x0f\x01",
        b"\x1a\x05abc",
        b"\x20",
        b"\x20" + b"\xff" * 10,
        b"\x0a\x03\x0a\x01\xff",
        b"\x0a\x03\x0a\x05k",
        b"\x2c",
        b"\x2b",
        b"\x2b\x34",
        b"\x2b" * 200,
        b"\x29123",
    ],
    ids=[
        "field 0",
        "type 7",
        "bytes",
        "no number",
        "long number",
        "utf-8",
        "entry",
        "group end",
        "open group",
        "other group",
        "deep",
        "fixed",
    ],
)
def test_refuses_malformed_messages(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_response(data)


def test_many_fields_are_refused_before_they_take_the_loop() -> None:
    with pytest.raises(WireError, match="more than 10000"):
        decode_request(b"\x0a\x00" * 10_001)
    inner = b"\x78\x01" * 10_001
    with pytest.raises(WireError, match="more than 100 fields"):
        decode_response(b"\x0a" + varint(len(inner)) + inner)


def test_what_is_no_unicode_is_sent_as_question_marks() -> None:
    assert decode_request(encode_request(PluginRequest({"a": "\udcff"}))).header == {"a": "?"}


@pytest.mark.parametrize("status", [2**31, -(2**31) - 1])
def test_a_status_beyond_int32_is_refused(status: int) -> None:
    with pytest.raises(WireError, match="int32"):
        encode_response(PluginResponse(status=status))
