"""The watchdog: finds the synchronous filter that blocks a worker's event loop.

The engine notes which entry's code is running (:class:`Watch`, two attribute stores a call). A thread looks at that note a few times a
second; the same call still running after ``warn_after`` is logged with file and line of the frame in which it is stuck, and counted
against the filter. The supervisor replaces a worker that stays stuck longer (``watchdog.kill_after``).
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import FrameType
from typing import Final

from headgate.proxy.watch import Watch

_LOG: Final = logging.getLogger("headgate.watchdog")

__all__ = ["Watch", "Watchdog"]


class Watchdog:
    """The thread.

    :param warn_after: seconds that one handler call may block before it is reported
    """

    def __init__(self, watch: Watch, warn_after: float) -> None:
        self._watch = watch
        self._warn_after = warn_after
        self._loop_thread = threading.get_ident()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headgate-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch the calling thread."""
        self._loop_thread = threading.get_ident()
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopped.set()

    def set_warn_after(self, seconds: float) -> None:
        """Take up another limit."""
        self._warn_after = seconds

    def _run(self) -> None:
        seen = -1
        reported = -1
        waited = 0.0
        step = 0.05
        while not self._stopped.wait(step):
            step = max(0.02, min(0.25, self._warn_after / 4))
            entry = self._watch.entry
            serial = self._watch.serial
            if entry is None:
                seen = -1
                continue
            if serial != seen:
                seen, waited = serial, 0.0
                continue
            waited += step
            if waited >= self._warn_after and reported != serial:
                reported = serial
                entry.stats.blocked += 1
                entry.count_failure()
                _LOG.error(
                    "stream filter %s blocks the event loop for more than %.3g s at %s",
                    entry.name,
                    self._warn_after,
                    self._place(sys._current_frames().get(self._loop_thread)),
                )

    @staticmethod
    def _place(frame: FrameType | None) -> str:
        if frame is None:
            return "an unknown place"
        innermost = traceback.extract_stack(frame)[-1]
        return f"{innermost.filename}:{innermost.lineno} in {innermost.name}: {innermost.line}"
