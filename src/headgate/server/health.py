"""Looks after the workers each second: replaces those whose event loop no longer turns, and keeps their statistics fresh.

A worker answers a ping from its event loop. One that does not for ``watchdog.kill_after`` is stuck, most likely in a filter of the user's
own; its watchdog has told where by then. It is ended by SIGABRT, upon which its fault handler writes every thread's stack to standard
error, and a second later by SIGKILL; the pool then replaces it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from headgate.observe.server_stats import ServerStats
from headgate.server.worker_pool import WorkerPool
from headgate.server.worker_process import WorkerProcess
from headgate.server.worker_statistics import WorkerStatistics

INTERVAL: Final = 1.0
"""Seconds between two pings."""
STATISTICS_EVERY: Final = 5
"""Pings between two collections of statistics that are not cheap: what a killed worker had counted since the last one is lost."""

_LOG: Final = logging.getLogger("headgate.server")


class HealthWatch:
    """The work of each second."""

    def __init__(self, pool: WorkerPool, stats: ServerStats, statistics: WorkerStatistics) -> None:
        self._pool = pool
        self._stats = stats
        self._statistics = statistics

    async def run(self) -> None:
        """Until cancelled."""
        rounds = 0
        while True:
            before = time.monotonic()
            for worker in self._pool.processes():
                if worker.started_up:
                    worker.ping()
            await asyncio.sleep(INTERVAL)
            late = time.monotonic() - before - INTERVAL
            for worker in self._pool.processes():
                if late < INTERVAL:
                    self._check(worker)
                else:
                    # This process itself did not run (a suspended machine, a debugger): the others' silence says nothing.
                    worker.pinged = 0.0
            rounds += 1
            if self._statistics.cheap() or rounds % STATISTICS_EVERY == 0:
                await self._statistics.collect(self._pool.serving())

    def _check(self, worker: WorkerProcess) -> None:
        limit = self._pool.deployment.kill_after
        silence = worker.silence()
        if limit and silence >= limit and not worker.killed_for:
            _LOG.error("worker %d (pid %d) has not answered for %.1f s: it is killed", worker.slot, worker.pid, silence)
            self._stats.worker_kills += 1
            worker.abort(f"it did not answer for {silence:.0f} s")
