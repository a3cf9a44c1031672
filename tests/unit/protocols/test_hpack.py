"""Header compression, against the vectors of RFC 7541 and against the hpack package."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.protocols.http2.errors import COMPRESSION_ERROR, Http2Error
from headgate.protocols.http2.hpack_decoder import HpackDecoder
from headgate.protocols.http2.hpack_encoder import HpackEncoder
from headgate.protocols.http2.hpack_huffman import huffman_decode, huffman_encode, huffman_length
from headgate.protocols.http2.hpack_integer import continued_integer, encode_integer

Fields = list[tuple[bytes, bytes]]

REQUESTS: list[Fields] = [
    [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")],
    [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com"), (b"cache-control", b"no-cache")],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
]
RESPONSES: list[Fields] = [
    [
        (b":status", b"302"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        (b"location", b"https://www.example.com"),
    ],
    [
        (b":status", b"307"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        (b"location", b"https://www.example.com"),
    ],
    [
        (b":status", b"200"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT"),
        (b"location", b"https://www.example.com"),
        (b"content-encoding", b"gzip"),
        (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
]
C3 = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
]
C4 = ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"]
C5 = [
    "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
    "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
    "4803333037c1c0bf",
    "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157"
    "454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
]
C6 = [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065"
    "c003ed4ee5b1063d5007",
]


@pytest.mark.parametrize(
    ("blocks", "expected", "size"), [(C3, REQUESTS, 4096), (C4, REQUESTS, 4096), (C5, RESPONSES, 256), (C6, RESPONSES, 256)]
)
def test_decodes_the_examples_of_the_rfc(blocks: list[str], expected: list[Fields], size: int) -> None:
    decoder = HpackDecoder(size, 65536)
    assert [decoder.decode(bytes.fromhex(block)).fields for block in blocks] == expected


@pytest.mark.parametrize(("blocks", "huffman"), [(C3, False), (C4, True)])
def test_encodes_the_examples_of_the_rfc(blocks: list[str], huffman: bool) -> None:
    encoder = HpackEncoder(frozenset(), huffman)
    assert [encoder.encode(fields).hex() for fields in REQUESTS] == blocks


@pytest.mark.parametrize(
    ("value", "bits", "first", "wire"), [(10, 5, 0, "0a"), (1337, 5, 0, "1f9a0a"), (42, 8, 0, "2a"), (31, 5, 0x20, "3f00")]
)
def test_encodes_integers(value: int, bits: int, first: int, wire: str) -> None:
    assert encode_integer(value, bits, first).hex() == wire


def test_an_integer_must_end_and_be_sane() -> None:
    with pytest.raises(Http2Error, match="within an integer"):
        continued_integer(b"\xff", 0, 31)
    with pytest.raises(Http2Error, match="28 bits"):
        continued_integer(b"\xff" * 10, 0, 31)


NAMES = st.sampled_from([b":path", b"a", b"content-type", b"cookie", b"x-long-name", b"volatile", b"date"])
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=60) | st.sampled_from([b"", b"one", b"x" * 1500, b"y" * 3000])), max_size=12)


@given(st.lists(FIELDS, max_size=8), st.booleans())
def test_decodes_what_hpack_encodes(messages: list[Fields], huffman: bool) -> None:
    theirs = hpack.Encoder()
    ours = HpackDecoder(4096, 1 << 20)
    for fields in messages:
        assert ours.decode(theirs.encode(fields, huffman=huffman)).fields == fields


@given(st.lists(st.tuples(FIELDS, st.sampled_from([None, 0, 90, 2000, 4096, 10000])), max_size=8), st.booleans())
def test_hpack_decodes_what_is_encoded(messages: list[tuple[Fields, int | None]], huffman: bool) -> None:
    ours = HpackEncoder(frozenset([b"volatile"]), huffman)
    theirs = hpack.Decoder(max_header_list_size=1 << 20)
    for fields, size in messages:
        if size is not None:
            ours.set_max_size(size)
        assert [(bytes(field[0]), bytes(field[1])) for field in theirs.decode(ours.encode(fields), raw=True)] == fields


@given(st.binary(max_size=200))
def test_garbage_raises_or_is_what_hpack_reads(block: bytes) -> None:
    theirs = hpack.Decoder(max_header_list_size=1 << 20)
    try:
        expected = [(bytes(field[0]), bytes(field[1])) for field in theirs.decode(block, raw=True)]
    except hpack.HPACKError:
        expected = None
    try:
        got = HpackDecoder(4096, 1 << 20).decode(block).fields
    except Http2Error as error:
        assert error.code == COMPRESSION_ERROR
        got = None
    assert got == expected


@given(st.binary(max_size=300))
def test_huffman_round_trip(data: bytes) -> None:
    coded = huffman_encode(data)
    assert len(coded) == huffman_length(data)
    assert huffman_decode(coded) == data


@pytest.mark.parametrize("code", ["ff", "fffffffc", "00", "1fff"], ids=["only padding", "EOS", "padding of zeros", "eight bits of padding"])
def test_refuses_invalid_huffman(code: str) -> None:
    assert huffman_decode(bytes.fromhex(code)) is None


@pytest.mark.parametrize(
    "block",
    ["80", "be", "ff80808001", "40", "400161", "4001610561", "00c1ffffff", "823f00", "3fe21f"],
    ids=["index 0", "not in the table", "far index", "no name", "no value", "short value", "short huffman", "late size", "size over"],
)
def test_refuses_malformed_blocks(block: str) -> None:
    with pytest.raises(Http2Error) as raised:
        HpackDecoder(4096, 65536).decode(bytes.fromhex(block))
    assert raised.value.code == COMPRESSION_ERROR


def test_a_small_block_cannot_grow_into_a_large_list() -> None:
    decoder = HpackDecoder(4096, 10_000)
    decoder.decode(bytes.fromhex("4001617fa117") + b"v" * 3104)
    bomb = decoder.decode(b"\xbe" * 5000)
    assert bomb.too_large
    assert len(bomb.fields) == 3
    assert decoder.decode(b"\xbe").fields == [(b"a", b"v" * 3104)]


def test_a_block_means_something_else_after_the_table_has_changed() -> None:
    decoder = HpackDecoder(4096, 65536)
    decoder.decode(bytes.fromhex("40016101 31".replace(" ", "")))
    first = decoder.decode(b"\xbe")
    assert decoder.decode(b"\xbe") is first
    decoder.decode(bytes.fromhex("4001610132"))
    assert decoder.decode(b"\xbe").fields == [(b"a", b"2")]


def test_secrets_and_volatile_fields_stay_out_of_the_table() -> None:
    encoder = HpackEncoder(frozenset([b"volatile"]))
    before = encoder.generation
    block = encoder.encode([(b"authorization", b"x"), (b"volatile", b"1")])
    assert encoder.generation == before
    assert block[0] & 0xF0 == 0x10
    encoder.encode([(b"a", b"1")])
    assert encoder.generation != before


def test_a_repeated_block_is_one_byte_for_each_field() -> None:
    encoder = HpackEncoder(frozenset())
    fields = [(b":method", b"POST"), (b":path", b"/proto.Plugin/Call"), (b"te", b"trailers")]
    encoder.encode(fields)
    before = encoder.generation
    assert len(encoder.encode(fields)) == 3
    assert encoder.generation == before
