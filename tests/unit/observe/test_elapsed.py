"""Go's duration strings and MOSN's time layout."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.config.durations import format_duration
from headgate.observe.elapsed import WallClock, elapsed_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (-1.0, "0s"),
        (1e-9, "1ns"),
        (1.329e-6, "1.329µs"),
        (126e-6, "126µs"),
        (0.0015, "1.5ms"),
        (2.00000227, "2.00000227s"),
        (60.0, "1m0s"),
        (62.5, "1m2.5s"),
        (3600.0, "1h0m0s"),
        (3723.25, "1h2m3.25s"),
    ],
)
def test_durations_are_as_go_prints_them(seconds: float, text: str) -> None:
    assert elapsed_text(seconds) == text


@given(st.integers(min_value=0, max_value=10**13))
def test_whole_nanoseconds_are_formatted_as_in_a_configuration(nanoseconds: int) -> None:
    seconds = nanoseconds / 1e9
    assert elapsed_text(seconds) == format_duration(seconds)


def test_the_wall_clock_has_mosns_layout() -> None:
    moment = time.mktime((2026, 11, 24, 13, 5, 59, 0, 0, -1))
    clock = WallClock()
    assert clock.text(moment + 0.0425) == "2026/11/24 13:05:59.042"
    assert clock.text(moment + 0.9999) == "2026/11/24 13:05:59.999"
    assert clock.text(moment + 1.0) == "2026/11/24 13:06:00.000"
