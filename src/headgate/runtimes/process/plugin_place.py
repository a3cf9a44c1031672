"""One place among the processes of a plugin, kept filled: started, watched, started again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable
from typing import Final

from headgate.api.plugin import PluginDefinition
from headgate.observe.plugin_stats import PluginProcessStats
from headgate.runtimes.process.plugin_memory import resident_bytes
from headgate.runtimes.process.plugin_process import PluginProcess, PluginStartError
from headgate.runtimes.process.plugin_room import PluginRoom
from headgate.runtimes.process.restart_pause import RestartPause

MEMORY_INTERVAL: Final = 1.0
"""Seconds between two looks at the memory of a process that has a limit."""
HEALTH_TIMEOUT: Final = 5.0
"""Seconds that an answer to a health check may take."""
HEALTH_FAILURES: Final = 3
"""Failed checks in a row after which a process is replaced."""

_LOG: Final = logging.getLogger("headgate.plugin")
_numbers: Final = itertools.count(1)


class PluginPlace:
    """One process of a plugin, and its successors.

    :ivar process: the one that is up, or ending; None while there is none
    :ivar draining: the process takes no new calls
    :ivar starting: one is being started
    :ivar error: why there is none; empty if there is, or nothing has failed
    :ivar restart_at: when the next start is tried (monotonic seconds); 0.0: it is not waited for
    :ivar restarts: processes started in place of another
    :ivar first: whether the first start succeeded: its error, or None
    """

    def __init__(self, definition: PluginDefinition, room: PluginRoom, stats: PluginProcessStats, changed: Callable[[], None]) -> None:
        self.process: PluginProcess | None = None
        self.draining = False
        self.starting = False
        self.error = ""
        self.restart_at = 0.0
        self.restarts = 0
        self.first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._definition = definition
        self._room = room
        self._stats = stats
        self._changed = changed
        self._pause = RestartPause(definition.restart)
        self._task = asyncio.create_task(self._keep())

    @property
    def up(self) -> bool:
        """A process takes calls."""
        return self.process is not None and not self.draining and self.process.running

    async def stop(self, drained: Callable[[str], bool], grace: float) -> None:
        """No process is wanted any more: the present one takes no new calls, is waited for, and ended.

        :param drained: whether nobody uses a process any more, by its instance
        :param grace: seconds that calls under way get
        """
        self.draining = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._settle("it was stopped")
        process = self.process
        if process is None:
            return
        self._changed()
        end = time.monotonic() + grace
        while not drained(process.instance) and process.running and time.monotonic() < end:
            await asyncio.sleep(0.02)
        await process.stop()
        self._lost()

    async def kill(self) -> None:
        """End at once."""
        self.draining = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._settle("it was stopped")
        if self.process is not None:
            self.process.kill("stop")
            await self.process.exited.wait()
            self._lost()

    def _lost(self) -> None:
        self.process = None
        self._changed()

    async def _keep(self) -> None:
        reason = ""
        while True:
            if reason:
                self.restarts += 1
                self._stats.restarts[reason] = self._stats.restarts.get(reason, 0) + 1
            lifetime, reason = await self._live_once()
            delay = self._pause.next(lifetime)
            if delay:
                self.restart_at = time.monotonic() + delay
            _LOG.error(
                "plugin %s: %s; it is started again %s",
                self._definition.name,
                self.error,
                f"in {delay:g} s ({self._pause.deaths} failures in a row)" if delay else "at once",
            )
            self._changed()
            await asyncio.sleep(delay)
            self.restart_at = 0.0

    async def _live_once(self) -> tuple[float, str]:
        """From a start to the end.

        :returns: seconds of life, and the reason of the end
        """
        self.starting = True
        try:
            process = await PluginProcess.start(self._definition, f"{self._definition.name}#{next(_numbers)}", self._room)
        except PluginStartError as error:
            self.error = str(error)
            self._settle(self.error)
            return 0.0, "start_failed"
        finally:
            self.starting = False
        self.process = process
        self.error = ""
        self._settle("")
        where = f"{process.endpoint.network} {process.endpoint.address}"
        _LOG.info("plugin %s: pid %d listens on %s", process.instance, process.pid, where)
        self._changed()
        watches = [asyncio.create_task(self._watch_memory(process)), asyncio.create_task(self._watch_health(process))]
        try:
            await process.exited.wait()
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
        self.process = None
        self.error = f"process {process.pid} {process.describe_exit()}" + (f" ({process.killed_for})" if process.killed_for else "")
        return process.lifetime, process.killed_for or "died"

    def _settle(self, error: str) -> None:
        if not self.first.done():
            self.first.set_result(error)

    async def _watch_memory(self, process: PluginProcess) -> None:
        limit = self._definition.limits.memory
        while limit:
            await asyncio.sleep(MEMORY_INTERVAL)
            used = resident_bytes(process.pid)
            if used > limit:
                _LOG.error(
                    "plugin %s (pid %d) uses %d bytes of memory, its limit is %d: it is killed", process.instance, process.pid, used, limit
                )
                process.kill("memory")
                return

    async def _watch_health(self, process: PluginProcess) -> None:
        interval = self._definition.health_interval
        failures = 0
        while interval and process.link is not None:
            await asyncio.sleep(interval)
            wrong = await process.link.check(min(HEALTH_TIMEOUT, max(interval, 0.5)))
            failures = failures + 1 if wrong else 0
            if wrong:
                _LOG.warning("plugin %s (pid %d): %s (%d in a row)", process.instance, process.pid, wrong, failures)
            if failures >= HEALTH_FAILURES:
                _LOG.error("plugin %s (pid %d) is not healthy: it is replaced", process.instance, process.pid)
                process.killed_for = "unhealthy"
                # What hangs is not asked; what does not answer to SIGTERM is killed.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.shield(process.stop())
                return
