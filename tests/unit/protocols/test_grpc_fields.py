"""gRPC's own header fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.protocols.grpc.status import decode_message, encode_message, parse_status, status_name
from headgate.protocols.grpc.timeout import coarse_milliseconds, encode_timeout, parse_timeout


@pytest.mark.parametrize(
    ("value", "seconds"), [(b"1S", 1.0), (b"250m", 0.25), (b"2H", 7200.0), (b"3M", 180.0), (b"5u", 5e-6), (b"99999999n", 0.099999999)]
)
def test_reads_timeouts(value: bytes, seconds: float) -> None:
    assert parse_timeout(value) == pytest.approx(seconds)


@pytest.mark.parametrize("value", [b"", b"S", b"1", b"1s", b"-1S", b"1.5S", b"123456789S", b"1 S"])
def test_refuses_malformed_timeouts(value: bytes) -> None:
    assert parse_timeout(value) == -1.0


@given(st.floats(min_value=0.001, max_value=90_000.0))
def test_a_timeout_is_never_shortened_and_little_longer(seconds: float) -> None:
    milliseconds = coarse_milliseconds(seconds)
    assert seconds <= milliseconds / 1000.0 + 1e-9
    assert milliseconds / 1000.0 <= seconds * 1.11 + 0.001
    assert parse_timeout(encode_timeout(milliseconds)) == pytest.approx(milliseconds / 1000.0)


@pytest.mark.parametrize(
    ("seconds", "milliseconds"), [(-1.0, 1), (0.0, 1), (0.99998, 1000), (1.0, 1000), (1.0001, 1100), (1e9, 99_999_999)]
)
def test_timeouts_are_coarse(seconds: float, milliseconds: int) -> None:
    assert coarse_milliseconds(seconds) == milliseconds


@given(st.text(max_size=200))
def test_a_message_is_ascii_on_the_wire_and_harmless_in_a_log(text: str) -> None:
    wire = encode_message(text)
    assert all(0x20 <= byte <= 0x7E for byte in wire)
    expected = text.encode("utf-8", "replace").decode()
    assert decode_message(wire) == "".join(char if char.isprintable() else "\ufffd" for char in expected)


@pytest.mark.parametrize(
    ("wire", "text"), [(b"100%", "100%"), (b"%zz", "%zz"), (b"%4", "%4"), (b"a%20b", "a b"), (b"%ff", "\ufffd"), (b"%1b[2J", "\ufffd[2J")]
)
def test_a_malformed_message_is_shown_as_well_as_it_can_be(wire: bytes, text: str) -> None:
    assert decode_message(wire) == text


def test_a_long_message_is_cut() -> None:
    assert len(decode_message(b"x" * 100_000)) == 1024


@pytest.mark.parametrize(
    ("value", "status"), [(b"0", 0), (b"13", 13), (b"99999", 99999), (b"", -1), (b"-1", -1), (b"1x", -1), (b"999999", -1)]
)
def test_reads_statuses(value: bytes, status: int) -> None:
    assert parse_status(value) == status


def test_names_statuses() -> None:
    assert (status_name(12), status_name(99)) == ("UNIMPLEMENTED", "status 99")
