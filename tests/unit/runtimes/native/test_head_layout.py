"""Heads laid out flat, taken apart again as the header's inline functions do it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.runtimes.native.head_layout import HEAD_SIZE, request_head, response_head, trailer_head

NAMES = st.text("abcdefghijklmnopqrstuvwxyzABC-", min_size=1, max_size=70)
VALUES = st.one_of(st.binary(max_size=40), st.integers(2000, 5000).map(lambda length: b"v" * length))
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=140)


class Head:
    """What a module sees."""

    def __init__(self, flat: bytes) -> None:
        numbers = struct.unpack_from("=10I", flat)
        size, self.total, count, self.status, method, target, scheme, self.has_body, body, self.reserved = numbers
        names = struct.unpack_from(f"={count}I", flat, size)
        lines = struct.unpack_from(f"={count}I", flat, size + 4 * count)
        self.size = size
        at = size + 8 * count
        self.start: list[bytes] = []
        for length in (method, target, scheme):
            self.start.append(flat[at : at + length])
            at += length
        self.fields: list[tuple[bytes, bytes]] = []
        for name, line in zip(names, lines, strict=True):
            self.fields.append((flat[at : at + name], flat[at + name + 2 : at + line]))
            at += line
        self.body = flat[at : at + body]
        assert at + body == len(flat) == self.total


def headers(fields: list[tuple[str, bytes]]) -> Headers:
    made = Headers()
    for name, value in fields:
        made.append_line(name.lower(), name.encode() + b": " + value)
    return made


@given(fields=FIELDS, target=st.sampled_from(["/", "/a?b=c", "/\udcff", "/" + "x" * 3000]), body=st.binary(max_size=30), more=st.booleans())
def test_a_request(fields: list[tuple[str, bytes]], target: str, body: bytes, more: bool) -> None:
    request = RequestHead("PATCH", target, headers(fields), "https")
    request.body = body
    head = Head(request_head(request, more))
    assert (head.size, head.status, head.has_body, head.reserved) == (HEAD_SIZE, 0, int(more), 0)
    assert head.start == [b"PATCH", target.encode("utf-8", "surrogateescape"), b"https"]
    assert head.fields == [(name.encode(), value) for name, value in fields]
    assert head.body == body


@given(fields=FIELDS, status=st.integers(100, 599), body=st.binary(max_size=30))
def test_a_response(fields: list[tuple[str, bytes]], status: int, body: bytes) -> None:
    response = ResponseHead(status, headers(fields))
    response.body = body
    head = Head(response_head(response, False))
    assert (head.status, head.has_body, head.start, head.body) == (status, 0, [b"", b"", b""], body)
    assert head.fields == [(name.encode(), value) for name, value in fields]


def test_trailers_and_a_large_body() -> None:
    trailers = Head(trailer_head(headers([("X-Sum", b"\xff")])))
    assert (trailers.fields, trailers.status, trailers.has_body) == ([(b"X-Sum", b"\xff")], 0, 0)
    response = ResponseHead(200, Headers())
    response.body = bytes(1 << 20)
    assert Head(response_head(response, True)).body == response.body


@pytest.mark.parametrize("length", [2047, 2048, 2049])
def test_numbers_around_the_end_of_the_table(length: int) -> None:
    (field,) = Head(trailer_head(headers([("A", b"v" * (length - 3))]))).fields
    assert len(field[1]) == length - 3
