from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.config.durations import PATTERN, DurationError, format_duration, parse_duration

# Results of Go's time.ParseDuration and Duration.String.
GO = [
    ("0", 0.0, "0s"),
    ("0s", 0.0, "0s"),
    ("1s", 1.0, "1s"),
    ("150ms", 0.15, "150ms"),
    ("1m30s", 90.0, "1m30s"),
    ("90s", 90.0, "1m30s"),
    ("1h", 3600.0, "1h0m0s"),
    ("1.5h", 5400.0, "1h30m0s"),
    ("1h15m30.918273645s", 4530.918273645, "1h15m30.918273645s"),
    ("100us", 0.0001, "100\u00b5s"),
    ("100\u00b5s", 0.0001, "100\u00b5s"),
    ("100\u03bcs", 0.0001, "100\u00b5s"),
    ("5ns", 5e-9, "5ns"),
    (".5s", 0.5, "500ms"),
    ("1.s", 1.0, "1s"),
    ("+5s", 5.0, "5s"),
    ("2500000h", 9e9, "2500000h0m0s"),
]


@pytest.mark.parametrize(("text", "seconds", "formatted"), GO)
def test_as_go(text: str, seconds: float, formatted: str) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == formatted


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", 'write it like "1s", "150ms" or "1m30s"; units are ns, us, ms, s, m, h'),
        ("5", 'a unit is missing: "5s" or "5ms"'),
        ("2.5", 'a unit is missing: "2.5s" or "2.5ms"'),
        (" 5s", 'write "5s"'),
        ("5 s", 'write it like "1s", "150ms" or "1m30s"; units are ns, us, ms, s, m, h'),
        ("5d", 'write it like "1s", "150ms" or "1m30s"; units are ns, us, ms, s, m, h'),
        ("-1s", ""),
        ("2500000h1ns", ""),
        ("1s\n", 'write "1s"'),
    ],
)
def test_refused(text: str, hint: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert caught.value.hint == hint


@given(st.integers(min_value=0, max_value=9 * 10**18))
def test_round_trip_of_nanoseconds(nanoseconds: int) -> None:
    seconds = parse_duration(f"{nanoseconds}ns")
    text = format_duration(seconds)
    assert re.fullmatch(PATTERN, text)
    assert parse_duration(text) == seconds
    if nanoseconds < 1 << 50:  # past that a float in seconds does not hold every nanosecond
        assert parse_duration(f"{nanoseconds}ns") == nanoseconds / 1e9
        assert format_duration(seconds) == format_duration(nanoseconds / 1e9)


@given(st.text(alphabet="0123456789.hmsnuµ+- ", max_size=12))
def test_anything_else_is_refused_with_a_message(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except DurationError as error:
        assert str(error)
    else:
        assert seconds >= 0
        assert re.fullmatch(PATTERN, text.removeprefix("+"))
