"""Which cluster a call's argument names."""

from __future__ import annotations

import random

import pytest

from headgate.api.grpc_call import MAX_MESSAGE
from headgate.protocols.grpc.wire import varint
from headgate.runtimes.wasm.grpc_service import LARGEST_MESSAGE, GrpcService, parse_service


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def test_envoys_message() -> None:
    envoy = field(1, b"auth") + field(2, b"auth.test") + field(3, b"") + field(4, number(1, 1000)) + number(5, 1)
    metadata = field(1, b"x-one") + field(2, b"1")
    raw = field(1, b"x-raw-bin") + field(3, b"\xff\x00")
    data = field(1, envoy) + field(3, number(1, 5)) + field(5, metadata) + field(5, raw) + field(6, b"")
    assert parse_service(data) == GrpcService("auth", "auth.test", 1000, [(b"x-one", b"1"), (b"x-raw-bin", b"\xff\x00")])
    assert parse_service(field(1, field(1, b"auth"))) == GrpcService("auth", "", MAX_MESSAGE, [])


def test_the_size_of_messages_has_an_end() -> None:
    assert parse_service(field(1, field(1, b"a") + field(4, number(1, 1 << 32)))).max_message == LARGEST_MESSAGE


@pytest.mark.parametrize("name", ["grpc", "auth", "a", "outbound|50051||auth.test", "b\u00fccher", "nowhere!", "rate_limit_cluster", "\n"])
def test_what_is_no_message_is_a_name(name: str) -> None:
    assert parse_service(name.encode()) == GrpcService(name)


def test_googles_client_is_not_there() -> None:
    """The message names no cluster; as a name it is none that a configuration has."""
    data = field(2, field(1, b"example.com:443"))
    assert parse_service(data).cluster == data.decode()


def test_anything_is_one_or_the_other() -> None:
    seeded = random.Random(7)
    whole = field(1, field(1, b"auth") + field(2, b"x")) + field(5, field(1, b"k"))
    for _ in range(3000):
        data = bytearray(whole[: seeded.randrange(len(whole) + 1)])
        for _ in range(seeded.randrange(3)):
            data.insert(seeded.randrange(len(data) + 1), seeded.randrange(256))
        assert isinstance(parse_service(bytes(data)), GrpcService)
