"""What a worker does with its traffic: the configuration in force, its listeners, and the way to the next configuration."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Final, cast

from headgate.observe import log
from headgate.observe.stats import MetricGroup, StatsStore
from headgate.proxy.listener import ListenerRuntime
from headgate.proxy.runtime import Runtime
from headgate.proxy.watchdog import Watchdog
from headgate.proxy.worker_context import WorkerContext
from headgate.runtimes.process.plugin_state import states_from_wire
from headgate.runtimes.process.worker_plugins import Say, WorkerPlugins
from headgate.server.channel import Message
from headgate.server.worker_build import BuildTask, Candidate, build_candidate
from headgate.server.worker_retirement import Retirement, settle
from headgate.server.worker_sockets import ProtocolFactory, WorkerSockets

_LOG: Final = logging.getLogger("headgate.server")

SETTLE_TIME: Final = 0.2
"""Seconds between the end of accepting and the closing of idle connections: a client whose connection was just accepted has its request
still on the way."""

_DRAIN_POLL: Final = 0.02
"""Seconds between two looks at what is still open while draining."""


class WorkerService:
    """The traffic of one worker.

    :ivar sockets: the listening sockets that the supervisor has sent
    """

    def __init__(self, say: Say) -> None:
        """:param say: tells the supervisor something unasked"""
        self.sockets = WorkerSockets()
        self._stats = StatsStore()
        self._context = WorkerContext(self._stats)
        self._plugins = WorkerPlugins(self._stats, self._context.wheel, say)
        self._listeners: dict[str, ListenerRuntime] = {}
        self._retirement = Retirement()
        self._current: Candidate | None = None
        self._prepared: Candidate | None = None
        self._watchdog: Watchdog | None = None
        self._draining = False
        self._set_aside: dict[tuple[str, str], float] = {}

    def start(self) -> None:
        """Bind to the running loop and begin the work of each second."""
        self._context.bind(asyncio.get_running_loop())
        asyncio.get_running_loop().call_later(1.0, self._tick)

    def update_plugins(self, message: Message) -> None:
        """The supervisor has told how the plugins are."""
        self._plugins.update(states_from_wire(message.get("plugins")))

    def set_aside(self, listener: str, name: str, seconds: float) -> None:
        """A stream filter's native code has brought a worker down: put it in quarantine, in what is in force and in what follows."""
        self._set_aside[listener, name] = time.monotonic() + seconds
        if self._current is not None:
            self._apply_quarantines(self._current.runtime)

    def _apply_quarantines(self, runtime: Runtime) -> None:
        now = time.monotonic()
        self._set_aside = {key: until for key, until in self._set_aside.items() if until > now}
        for (listener, name), until in self._set_aside.items():
            snapshot = runtime.listeners.get(listener)
            for entry in snapshot.entries if snapshot is not None else ():
                if entry.name == name and entry.quarantined_until < until:
                    entry.set_aside(until - now, "brought a worker down")

    async def prepare(self, generation: int, config_fd: int, folder: Path, programs: dict[str, str], in_force: bool = False) -> None:
        """Build a candidate beside what is in force.

        :param config_fd: descriptor of the configuration's text; closed here
        :param folder: where the configuration file lies
        :param programs: fingerprints of plugins' programs by name
        :param in_force: the other workers have it already
        :raises ConfigRejected: if it cannot be; nothing has changed then
        """
        self.abort()
        task = BuildTask(generation, config_fd, folder, programs, self._context, self._plugins, in_force, first=self._current is None)
        self._prepared = await build_candidate(task, self._discard)

    def abort(self) -> None:
        """Drop the candidate, if there is one."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            self._discard(prepared)

    def _discard(self, candidate: Candidate) -> None:
        self._retirement.add(candidate.runtime, [], candidate.plugins.release)

    async def commit(self, generation: int, serve: list[tuple[int, str]]) -> None:
        """Put the candidate in force and accept on the given sockets.

        :param serve: pairs of socket number and listener name
        :raises ValueError: if that generation was not prepared
        """
        candidate = self._prepared
        if candidate is None or candidate.generation != generation:
            raise ValueError(f"generation {generation} was not prepared")
        self._prepared = None
        previous, self._current = self._current, candidate
        self._apply_process_settings(previous, candidate)
        self._apply_quarantines(candidate.runtime)
        for name, snapshot in candidate.runtime.listeners.items():
            if name not in self._listeners:
                self._listeners[name] = ListenerRuntime(name)
            self._listeners[name].apply(snapshot)
        removed = [self._listeners.pop(name) for name in list(self._listeners) if name not in candidate.runtime.listeners]
        candidate.plugins.commit()
        settle(first=previous is None)
        await self.serve(serve)
        for listener in removed:
            asyncio.get_running_loop().call_later(SETTLE_TIME, listener.drain)
        if previous is not None:
            self._retirement.add(previous.runtime, removed, previous.plugins.release)
            names = candidate.names
            self._stats.retain(names.listeners, names.clusters, names.hosts)

    async def serve(self, wanted: list[tuple[int, str]]) -> None:
        """Accept on exactly these sockets."""
        await self.sockets.serve(wanted, self._factory_of)

    async def drain(self, timeout: float) -> int:
        """Stop accepting, let what is under way finish, and close the rest.

        :param timeout: seconds to wait
        :returns: number of requests that were cut off
        """
        self._draining = True
        self.abort()
        await self.sockets.close()
        listeners = self._all_listeners()
        end = time.monotonic() + timeout
        await self._without_connections(min(end, time.monotonic() + SETTLE_TIME))
        for listener in listeners:
            listener.drain()
        await self._without_connections(end)
        cut = sum(listener.active_requests for listener in listeners)
        for listener in listeners:
            listener.close()
        if cut:
            _LOG.warning("%d requests were still under way after %g s and were cut off", cut, timeout)
        # The closed transports tell their streams in the next turns of the loop: access logs and statistics are complete after that.
        for _ in range(3):
            await asyncio.sleep(0)
        self.flush()
        return cut

    async def _without_connections(self, end: float) -> None:
        """Wait until no connection is open, or until a time on the monotonic clock.

        The first look is not at once: the event loop tells of a connection only some turns after it has accepted it.
        """
        await asyncio.sleep(_DRAIN_POLL)
        while self.counts()["connections"] and time.monotonic() < end:
            await asyncio.sleep(_DRAIN_POLL)

    def snapshot(self) -> list[MetricGroup]:
        """The present statistics."""
        return self._stats.snapshot()

    def counts(self) -> dict[str, int]:
        """Open connections and requests under way."""
        listeners = self._all_listeners()
        return {
            "connections": sum(listener.active_connections for listener in listeners),
            "requests": sum(listener.active_requests for listener in listeners),
        }

    def flush(self) -> None:
        """Write out the access logs."""
        for runtime in self._runtimes():
            for access_log in runtime.access_logs:
                access_log.flush()

    def set_log_enabled(self, path: str, enabled: bool) -> None:
        """Switch a log file or access log off or on."""
        log.set_enabled(path, enabled)
        for runtime in self._runtimes():
            for access_log in runtime.access_logs:
                if access_log.path == path:
                    access_log.enabled = enabled

    def reopen_access_logs(self) -> None:
        """Open the access logs again, after a rotation."""
        for runtime in self._runtimes():
            for access_log in runtime.access_logs:
                access_log.reopen()

    def _runtimes(self) -> list[Runtime]:
        return [*self._retirement.runtimes, *([self._current.runtime] if self._current else [])]

    def _all_listeners(self) -> list[ListenerRuntime]:
        return [*self._listeners.values(), *self._retirement.listeners]

    def _factory_of(self, name: str) -> ProtocolFactory:
        # Compiled by mypyc, a protocol cannot derive from asyncio's classes; it has their methods.
        return cast(ProtocolFactory, self._listeners[name].protocol_factory)

    def _tick(self) -> None:
        asyncio.get_running_loop().call_later(1.0, self._tick)
        self.flush()
        self._retirement.tick(idle=self.counts()["requests"] == 0)

    def _apply_process_settings(self, previous: Candidate | None, candidate: Candidate) -> None:
        """What is not a listener's but the whole process's: log and watchdog."""
        if previous is not None and candidate.logging != previous.logging:
            log.configure_logging(*candidate.logging)
        if self._watchdog is None:
            self._watchdog = Watchdog(self._context.watch, candidate.warn_after)
            self._watchdog.start()
        else:
            self._watchdog.set_warn_after(candidate.warn_after)
