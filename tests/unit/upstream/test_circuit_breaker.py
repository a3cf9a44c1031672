from __future__ import annotations

import pytest

from headgate.config.models import CircuitBreakerConfig
from headgate.upstream.circuit_breaker import CircuitBreaker

KINDS = ("connection", "pending", "request", "retry")


def breaker_of(limit: int) -> CircuitBreaker:
    return CircuitBreaker(limit, limit, limit, limit)


@pytest.mark.parametrize("kind", KINDS)
def test_places(kind: str) -> None:
    breaker = breaker_of(2)
    acquire = getattr(breaker, f"try_acquire_{kind}")
    release = getattr(breaker, f"release_{kind}")
    assert [acquire(), acquire(), acquire()] == [True, True, False]
    release()
    assert [acquire(), acquire()] == [True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_do_not_count_for_each_other(kind: str) -> None:
    breaker = breaker_of(1)
    for other in KINDS:
        if other != kind:
            assert getattr(breaker, f"try_acquire_{other}")()
    assert getattr(breaker, f"try_acquire_{kind}")()


@pytest.mark.parametrize("kind", KINDS)
def test_zero_is_no_limit(kind: str) -> None:
    breaker = breaker_of(0)
    assert all(getattr(breaker, f"try_acquire_{kind}")() for _ in range(10_000))


def test_a_connection_beyond_the_limit() -> None:
    breaker = CircuitBreaker(max_connections=1)
    assert breaker.try_acquire_connection()
    breaker.force_acquire_connection()
    assert breaker.connections == 2
    breaker.release_connection()
    assert not breaker.try_acquire_connection()


def test_from_config() -> None:
    first = CircuitBreakerConfig(max_connections=1, max_pending_requests=2, max_requests=3, max_retries=4)
    breaker = CircuitBreaker.from_config([first, CircuitBreakerConfig(max_connections=9)])
    assert (breaker.max_connections, breaker.max_pending, breaker.max_requests, breaker.max_retries) == (1, 2, 3, 4)
    unlimited = CircuitBreaker.from_config([])
    assert (unlimited.max_connections, unlimited.max_pending, unlimited.max_requests, unlimited.max_retries) == (0, 0, 0, 0)
