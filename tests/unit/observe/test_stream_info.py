"""What the engine notes about a stream."""

import time

from headgate.observe.stream_info import FLAG_NAMES, NO_HEALTHY_UPSTREAM, PROCESS_FAILED, UPSTREAM_REQUEST_TIMEOUT, StreamInfo


def test_the_wall_clock_is_computed_from_the_monotonic_one_once() -> None:
    info = StreamInfo(time.monotonic() - 10.0, "Http1")
    first = info.wall_clock()
    assert abs(first - (time.time() - 10.0)) < 1.0
    assert info.wall_clock() == first


def test_flags_are_distinct_bits_with_names() -> None:
    assert list(FLAG_NAMES) == [1 << bit for bit in range(1, 14)]
    assert PROCESS_FAILED & NO_HEALTHY_UPSTREAM
    assert not PROCESS_FAILED & UPSTREAM_REQUEST_TIMEOUT
