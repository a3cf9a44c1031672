"""Stream filters whose native code has brought a worker down: set aside in every worker, so that the workers do not die in a loop.

The first time for the entry's ``quarantine.backoff``, then each time for twice as long, until it has kept quiet for an hour.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final

from headgate.config.models import HeadgateConfig, StreamFilterConfig
from headgate.server import protocol
from headgate.server.worker_pool import WorkerPool
from headgate.server.worker_process import WorkerProcess

FORGET_AFTER: Final = 3600.0
"""Seconds without a crash after which the next counts as the first."""

_MOST_DOUBLINGS: Final = 6
_LOG: Final = logging.getLogger("headgate.server")


@dataclass
class _SetAside:
    crashes: int
    until: float
    """On the monotonic clock."""
    at: float


class CrashQuarantine:
    """Who is set aside, and who has to be told."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._entries: dict[tuple[str, str], _SetAside] = {}

    def worker_died(self, worker: WorkerProcess) -> None:
        """A worker has ended; if a filter's native code is to blame, set that filter aside."""
        key = worker.crashed_in
        if key is None:
            return
        now = time.monotonic()
        known = self._entries.get(key)
        crashes = known.crashes + 1 if known is not None and now - known.at < FORGET_AFTER else 1
        seconds = _backoff(self._pool.deployment.config, *key) * 2 ** min(crashes - 1, _MOST_DOUBLINGS)
        self._entries[key] = _SetAside(crashes, now + seconds, now)
        _LOG.error("stream filter %s of listener %s brought worker %d down: it is set aside for %g s", key[1], key[0], worker.slot, seconds)
        for other in self._pool.processes():
            self.tell(other)

    def tell(self, worker: WorkerProcess) -> None:
        """Tell a worker who is set aside; one that has just started is told before it is given a configuration."""
        now = time.monotonic()
        for (listener, name), entry in self._entries.items():
            if entry.until > now:
                worker.post(protocol.SET_ASIDE, {"listener": listener, "filter": name, "seconds": f"{entry.until - now:.3f}"})


def _backoff(config: HeadgateConfig, listener: str, name: str) -> float:
    for candidate in config.servers[0].listeners:
        if candidate.name == listener:
            for entry in candidate.stream_filters:
                # "#2" and so on tell entries without names of their own apart; "@canary" a second version.
                if (entry.name or entry.type) == name.partition("@")[0].partition("#")[0]:
                    return entry.quarantine.backoff
    return StreamFilterConfig().quarantine.backoff
