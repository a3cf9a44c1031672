"""When a worker that died is started again.

The first time at once; a worker that dies again soon is given longer and longer pauses, so that a crash loop does not eat the machine;
one that has lived long enough starts with a clean slate.
"""

from __future__ import annotations

from typing import Final

FIRST_DELAY: Final = 0.5
"""Seconds before the second restart in a row; doubled each time."""
MAX_DELAY: Final = 30.0
"""Seconds; the longest pause."""
FORGIVEN_AFTER: Final = 60.0
"""Seconds of life after which earlier deaths no longer count."""


class RestartBackoff:
    """The pauses of one worker slot."""

    def __init__(self) -> None:
        self.deaths = 0
        """Deaths in a row, each within :data:`FORGIVEN_AFTER` of its start."""

    def next_delay(self, lifetime: float) -> float:
        """Note a death.

        :param lifetime: seconds that the worker lived
        :returns: seconds to wait before the restart
        """
        if lifetime >= FORGIVEN_AFTER:
            self.deaths = 0
        self.deaths += 1
        if self.deaths == 1:
            return 0.0
        return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(self.deaths - 2, 16))
