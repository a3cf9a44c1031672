"""When a dead worker is started again."""

from __future__ import annotations

from headgate.server.backoff import RestartBackoff


def test_first_at_once_then_doubling_up_to_half_a_minute() -> None:
    backoff = RestartBackoff()
    assert [backoff.next_delay(1.0) for _ in range(9)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_long_life_is_a_clean_slate() -> None:
    backoff = RestartBackoff()
    for _ in range(5):
        backoff.next_delay(59.9)
    assert backoff.next_delay(60.0) == 0.0
    assert backoff.deaths == 1


def test_a_very_long_loop_does_not_overflow() -> None:
    backoff = RestartBackoff()
    assert {backoff.next_delay(0.0) for _ in range(5000)} == {0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0}
