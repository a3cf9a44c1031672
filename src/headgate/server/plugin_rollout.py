"""Plugins and workers together: what the one must know of the other while configurations come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigRejected
from headgate.api.plugin import PluginDefinition
from headgate.observe.metric_group import MetricGroup
from headgate.runtimes.process.definition_build import PluginPlace, configured_plugins, definition_from_wire
from headgate.runtimes.process.plugin_state import PluginState, states_to_wire
from headgate.runtimes.process.plugin_supervisor import PluginSupervisor
from headgate.server import protocol
from headgate.server.channel import Message
from headgate.server.deployment import Deployment
from headgate.server.worker_pool import WorkerPool
from headgate.server.worker_process import WorkerProcess

SWITCH_TIMEOUT: Final = 8.0
"""Seconds that an operator waits for a plugin to be switched on or off; it goes on by itself after that."""

_LOG: Final = logging.getLogger("headgate.server")


class PluginRollout:
    """The plugins of one supervisor, tied to its workers.

    :param directory: gives the one for the plugins' sockets; only this user may enter it
    """

    def __init__(self, pool: WorkerPool, directory: Callable[[], Path]) -> None:
        self._pool = pool
        self._plugins = PluginSupervisor(directory, self._publish, self._workers)
        self._coming: Deployment | None = None
        self._switching: set[asyncio.Task[bool]] = set()
        self._told: list[WorkerProcess] = []  # also those that are being launched, which have no place in the pool yet
        pool.on_started.append(self._on_worker_started)
        pool.on_event = self._on_worker_event
        pool.before_commit = self._ready

    def prepare(self, deployment: Deployment) -> None:
        """Begin to start what a configuration declares.

        :raises ConfigRejected: for programs that cannot be executed; nothing has been started then
        """
        place = PluginPlace(deployment.folder, deployment.config, programs=deployment.programs)
        declared, errors = configured_plugins(deployment.config, place)
        if errors:
            raise ConfigRejected(errors)
        self._coming = deployment
        self._plugins.prepare(deployment.generation, declared)

    def commit(self, deployment: Deployment) -> None:
        """A configuration is in force."""
        self._coming = None
        self._plugins.commit(deployment.generation, deployment.graceful_timeout)

    async def abort(self, deployment: Deployment) -> None:
        """A configuration does not come into force."""
        self._coming = None
        await self._plugins.abort(deployment.generation)

    async def stop(self) -> None:
        """End all plugins in order."""
        await self._plugins.stop()

    async def kill(self) -> None:
        """End all plugins at once; also after :meth:`stop`."""
        for task in self._switching:
            task.cancel()
        await self._plugins.kill()

    # --- the operator

    def names(self) -> list[str]:
        """The plugins by name."""
        return self._plugins.names()

    def status(self, name: str) -> tuple[bool, bool] | None:
        """Whether a plugin is switched on, and whether it runs; None: there is no such plugin."""
        return self._plugins.status(name)

    async def set_enabled(self, name: str, enabled: bool) -> bool:
        """Switch a plugin on or off; what takes long goes on after the return.

        :returns: False if there is no such plugin
        """
        if self._plugins.status(name) is None:
            return False
        task = asyncio.create_task(self._plugins.enable(name) if enabled else self._plugins.disable(name))
        self._switching.add(task)
        task.add_done_callback(self._switching.discard)
        await asyncio.wait({task}, timeout=SWITCH_TIMEOUT)
        return True

    def describe(self) -> list[dict[str, object]]:
        """Every plugin, as JSON can carry it."""
        return self._plugins.describe()

    def snapshot(self) -> list[MetricGroup]:
        """The statistics of the plugins' processes."""
        return self._plugins.snapshot()

    # --- the workers

    async def _ready(self, deployment: Deployment) -> None:
        await self._plugins.ready(deployment.generation)

    def _workers(self) -> set[int]:
        self._told = [worker for worker in self._told if not worker.exited.is_set()]
        return {worker.pid for worker in self._told}

    def _publish(self, states: list[PluginState]) -> None:
        message: Message = {"plugins": states_to_wire(states)}
        for worker in self._told:
            if not worker.exited.is_set():
                worker.post(protocol.PLUGINS, message)

    def _on_worker_started(self, worker: WorkerProcess) -> None:
        self._told = [*(other for other in self._told if not other.exited.is_set()), worker]
        worker.post(protocol.PLUGINS, {"plugins": states_to_wire(self._plugins.states())})

    def _on_worker_event(self, worker: WorkerProcess, message: Message) -> None:
        event = message.get("event")
        try:
            if event == protocol.NEED_PLUGIN:
                self._need(protocol.number(message, "generation"), definition_from_wire(message.get("definition")))
            elif event == protocol.PLUGIN_IDLE:
                self._plugins.worker_idle(worker.pid, protocol.text(message, "instance"))
        except ValueError as error:
            _LOG.error("worker %d (pid %d) said what makes no sense: %s", worker.slot, worker.pid, error)

    def _need(self, generation: int, definition: PluginDefinition) -> None:
        for deployment in (self._coming, self._pool.deployment):
            if deployment is not None and deployment.generation == generation:
                deployment.programs.setdefault(definition.name, definition.program)
        self._plugins.need(generation, definition)
