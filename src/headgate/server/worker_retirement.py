"""Configurations that a newer one has replaced, until nothing uses them any more, and the memory that they leave behind.

A replaced runtime serves the requests that began under it, and every request on connections of listeners that are gone. When the last has
ended it is closed and taken apart. What is in force is hidden from the garbage collector (``gc.freeze``), so that no collection ever
walks through ten thousand routes; therefore what was replaced is hidden, too, and is looked for once: soon after, in a moment without
requests if there is one, because it is a pause of some ten milliseconds.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final

from headgate.proxy.listener import ListenerRuntime
from headgate.proxy.runtime import Runtime

_GC_THRESHOLDS: Final = (20_000, 20, 50)
"""Traffic leaves hardly any cycles behind, so collections may be rare."""

SWEEP_WITHIN: Final = 30
"""Ticks (seconds) after which is swept although requests are under way."""


class _Leaving:
    """A replaced runtime, and the listeners that ended with it."""

    def __init__(self, runtime: Runtime, listeners: list[ListenerRuntime], on_over: Callable[[], None] | None) -> None:
        self.runtime = runtime
        self.listeners = listeners
        self.on_over = on_over

    def over(self) -> bool:
        """Nothing uses it any more. Retires it as soon as no new request can come to it."""
        if any(listener.active_connections for listener in self.listeners):
            return False
        self.runtime.retire()
        return self.runtime.generation.active_streams == 0


class Retirement:
    """What is on its way out of this worker."""

    def __init__(self) -> None:
        self._leaving: list[_Leaving] = []
        self._sweep_in = 0

    @property
    def runtimes(self) -> list[Runtime]:
        """Runtimes that still serve requests."""
        return [leaving.runtime for leaving in self._leaving]

    @property
    def listeners(self) -> list[ListenerRuntime]:
        """Listeners that are gone from the configuration and may still have connections."""
        return [listener for leaving in self._leaving for listener in leaving.listeners]

    def add(self, runtime: Runtime, listeners: list[ListenerRuntime], on_over: Callable[[], None] | None = None) -> None:
        """A runtime has been replaced, or does not come into force after all.

        :param listeners: the listeners that are not in the new configuration; the caller drains them
        :param on_over: called when nothing uses the runtime any more
        """
        self._leaving.append(_Leaving(runtime, listeners, on_over))
        self.tick(idle=False)

    def tick(self, idle: bool) -> None:
        """Each second: let go of what nothing uses any more.

        :param idle: no request is under way
        """
        over = [leaving for leaving in self._leaving if leaving.over()]
        if over:
            self._leaving = [leaving for leaving in self._leaving if leaving not in over]
            for leaving in over:
                leaving.runtime.listeners.clear()
                if leaving.on_over is not None:
                    leaving.on_over()
            self._sweep_in = SWEEP_WITHIN
        elif self._sweep_in:
            self._sweep_in -= 1
            if idle or self._sweep_in == 0:
                self._sweep_in = 0
                _sweep()


def settle(first: bool) -> None:
    """A configuration has come into force: hide it from the garbage collector.

    :param first: it is this worker's first; nothing is served yet
    """
    if first:
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.collect()
    gc.freeze()


def _sweep() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
