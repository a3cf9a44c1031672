"""One place among the workers, and who has it at present."""

from __future__ import annotations

import asyncio
import contextlib
import time

from headgate.server.backoff import RestartBackoff
from headgate.server.worker_process import WorkerProcess


class WorkerSlot:
    """A place that is to be filled as long as it is wanted.

    :ivar index: its number, from 0
    :ivar worker: the worker that serves; None while there is none
    :ivar starting: a worker that does not serve yet
    :ivar restarts: how often the place was filled anew
    :ivar last_death: how the last worker ended; empty if none has
    :ivar restart_at: when the next is started (monotonic seconds); 0.0 if none is waited for
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.worker: WorkerProcess | None = None
        self.starting: WorkerProcess | None = None
        self.restarts = 0
        self.last_death = ""
        self.restart_at = 0.0
        self.backoff = RestartBackoff()
        self._dismissed = asyncio.Event()

    @property
    def wanted(self) -> bool:
        """The place is to be filled."""
        return not self._dismissed.is_set()

    def dismiss(self) -> None:
        """The place is no longer to be filled."""
        self._dismissed.set()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond :meth:`dismiss`."""
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._dismissed.wait(), seconds)

    def processes(self) -> list[WorkerProcess]:
        """The processes in this place that have not ended."""
        return [worker for worker in (self.worker, self.starting) if worker is not None and not worker.exited.is_set()]

    def state(self) -> str:
        """In one word: ``serving``, ``draining``, ``starting``, ``waiting`` (before a restart) or ``down``."""
        if self.worker is not None:
            return "draining" if self.worker.draining else "serving"
        if self.starting is not None:
            return "starting"
        return "waiting" if self.restart_at else "down"

    def describe(self) -> dict[str, object]:
        """The place as JSON can carry it, for ``headgate status`` and the admin API."""
        worker = self.worker or self.starting
        described: dict[str, object] = {
            "slot": self.index,
            "pid": worker.pid if worker is not None else None,
            "state": self.state(),
            "generation": worker.generation if worker is not None else 0,
            "connections": worker.connections if worker is not None else 0,
            "requests": worker.requests if worker is not None else 0,
            "uptime": round(worker.lifetime, 1) if worker is not None else 0.0,
            "restarts": self.restarts,
            "last_death": self.last_death,
        }
        if self.restart_at:
            described["restart_in"] = round(max(0.0, self.restart_at - time.monotonic()), 1)
        return described
