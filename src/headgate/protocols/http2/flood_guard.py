"""Counts what costs the peer nothing and this side work.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import monotonic


class FloodGuard:
    """Tells when something happens more often than ``limit`` times within a second. The clock is read once in ``limit`` events.

    :param limit: events; 0: no limit
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count: int = 0
        self._since: float = monotonic()

    def flooded(self) -> bool:
        """Count one event; whether it is one too many."""
        self._count += 1
        if self._limit == 0 or self._count <= self._limit:
            return False
        now = monotonic()
        if now - self._since < 1.0:
            return True
        self._since = now
        self._count = 1
        return False
