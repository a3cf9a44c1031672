"""Ends a plugin whose proxy is gone, however it went.

By polling, in a thread. The kernel's own notice (PR_SET_PDEATHSIG) comes when the *thread* ends that started the plugin, which under a
proxy in Go happens while the proxy lives; and a thread notices also while the service blocks the event loop.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_INTERVAL = 1.0
_GRACE = 3.0


class ParentWatch:
    """Watches the process that started this one.

    :param on_gone: called once, in the thread; the process is ended for good some seconds later
    :param interval: seconds between two looks
    :param grace: seconds from the call to the end
    """

    def __init__(self, on_gone: Callable[[], object], interval: float = _INTERVAL, grace: float = _GRACE) -> None:
        self._parent = os.getppid()
        self._on_gone = on_gone
        self._interval = interval
        self._grace = grace
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._run, name="parent-watch", daemon=True).start()

    def stop(self) -> None:
        """No more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            if os.getppid() != self._parent:
                self._on_gone()
                if not self._stopped.wait(self._grace):
                    os._exit(0)
                return
