"""All plugins of a proxy, in the supervisor: started beside a configuration that is to come, changed over with it, looked after, ended.

A configuration comes in steps that mirror those of the workers: :meth:`prepare` starts what is new in it beside what runs;
:meth:`need` adds what the workers find out while they build; :meth:`ready` waits until all of it has come up; then :meth:`commit` has the
rest leave, or :meth:`abort` ends what was started for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.plugin import PluginDefinition
from headgate.observe.metric_group import MetricGroup
from headgate.observe.plugin_stats import PluginProcessStats
from headgate.runtimes.process.definition_build import plugin_key
from headgate.runtimes.process.managed_plugin import ManagedPlugin
from headgate.runtimes.process.plugin_room import PluginRoom
from headgate.runtimes.process.plugin_state import PluginState

DISABLE_GRACE: Final = 10.0
"""Seconds that calls under way get when a plugin is switched off; they end at their own deadlines, mostly within one."""
ENABLE_WAIT: Final = 5.0
"""Seconds for which switching a plugin on waits for its first start."""

_LOG: Final = logging.getLogger("headgate.plugin")


class PluginSupervisor:
    """The plugins of one supervisor.

    :param directory: gives the one for sockets; only this user may enter it
    :param publish: called with the state of all plugins whenever it changes
    :param workers: the workers that are there, each as any number
    """

    def __init__(
        self, directory: Callable[[], Path], publish: Callable[[list[PluginState]], None], workers: Callable[[], set[int]]
    ) -> None:
        self._publish = publish
        self._workers = workers
        self._room = PluginRoom(directory)
        self._plugins: dict[str, ManagedPlugin] = {}
        self._wanted: dict[int, set[str]] = {}
        self._current = 0
        self._disabled: set[str] = set()
        self._stats: dict[str, PluginProcessStats] = {}
        self._idle: dict[str, set[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._publishing = False
        self._stopping = False

    # --- configurations

    def prepare(self, generation: int, declared: Mapping[str, PluginDefinition]) -> None:
        """Begin to start what a configuration declares and what does not run yet.

        :param declared: by name, in the order of ``plugins``
        """
        self._wanted[generation] = set()
        for i, definition in enumerate(declared.values()):
            self._want(generation, definition, f"plugins[{i}]")

    def need(self, generation: int, definition: PluginDefinition) -> None:
        """A worker builds a configuration that needs a plugin, which is not declared."""
        if generation not in self._wanted and generation != self._current:
            return  # that configuration has been given up meanwhile
        self._want(generation, definition, "")

    async def ready(self, generation: int) -> None:
        """Wait until everything that a configuration wants has come up.

        :raises ConfigRejected: naming each plugin that has not
        """
        keys = self._wanted.get(generation, set())
        pending = [plugin for key, plugin in self._plugins.items() if key in keys and plugin.enabled and not plugin.up]
        errors = await asyncio.gather(*(plugin.first_start() for plugin in pending))
        failed = [
            ConfigError(plugin.path, f"plugin {plugin.definition.name!r} cannot be started: {error}")
            for plugin, error in zip(pending, errors, strict=True)
            if error
        ]
        if failed:
            raise ConfigRejected(failed)

    def commit(self, generation: int, grace: float) -> None:
        """A configuration is in force in the workers: what it does not want leaves.

        :param grace: seconds for what still uses it
        """
        self._current = generation
        wanted = self._wanted.setdefault(generation, set())
        self._wanted = {generation: wanted}
        for key, plugin in list(self._plugins.items()):
            if key not in wanted and not plugin.leaving:
                plugin.leaving = True
                self._run(self._leave(plugin, grace))
        self._changed()

    async def abort(self, generation: int) -> None:
        """A configuration does not come into force: what was started for it is ended."""
        unwanted = self._wanted.pop(generation, set()) - set().union(*self._wanted.values())
        await asyncio.gather(*(self._remove_now(self._plugins[key]) for key in unwanted if key in self._plugins))

    def _want(self, generation: int, definition: PluginDefinition, path: str) -> None:
        if self._stopping:
            return
        key = plugin_key(definition)
        self._wanted.setdefault(generation, set()).add(key)
        plugin = self._plugins.get(key)
        if plugin is not None and not plugin.leaving:
            return
        name = definition.name
        stats = self._stats.setdefault(name, PluginProcessStats(name))
        if plugin is not None:
            # The workers have been told already that it goes: it goes, and another of the same definition comes.
            self._plugins[f"{key} {id(plugin)}"] = plugin
        if any(replace(other.definition, program=definition.program) == definition for other in self._named(name)):
            _LOG.info("plugin %s: its program has changed: the new one is started beside it", name)
        self._plugins[key] = ManagedPlugin(definition, path, name not in self._disabled, self._room, stats, self._changed)
        self._changed()

    async def _leave(self, plugin: ManagedPlugin, grace: float) -> None:
        await plugin.stop(self._drained, grace)
        self._drop(plugin)
        _LOG.info("plugin %s: the former processes are gone", plugin.definition.name)

    async def _remove_now(self, plugin: ManagedPlugin) -> None:
        plugin.leaving = True
        await plugin.stop(lambda instance: True, 0.0)
        self._drop(plugin)

    def _drop(self, plugin: ManagedPlugin) -> None:
        self._plugins = {key: other for key, other in self._plugins.items() if other is not plugin}
        self._changed()

    # --- from the workers

    def worker_idle(self, worker: int, instance: str) -> None:
        """A worker has done with a process that is to go."""
        self._idle.setdefault(instance, set()).add(worker)

    def _drained(self, instance: str) -> bool:
        return self._workers() <= self._idle.get(instance, set())

    # --- the operator

    def names(self) -> list[str]:
        """The plugins by name, in order."""
        return list(dict.fromkeys(plugin.definition.name for plugin in self._plugins.values() if not plugin.leaving))

    def status(self, name: str) -> tuple[bool, bool] | None:
        """Whether a plugin is switched on, and whether a process of it takes calls; None: there is no such plugin."""
        found = self._named(name)
        return (found[0].enabled, any(plugin.up for plugin in found)) if found else None

    async def enable(self, name: str) -> bool:
        """Switch a plugin on, and wait a little for its start.

        :returns: False if there is no such plugin
        """
        found = self._named(name)
        self._disabled.discard(name)
        for plugin in found:
            plugin.fill()
        self._changed()
        if found:
            _LOG.info("plugin %s is enabled", name)
            starts = [asyncio.ensure_future(plugin.first_start()) for plugin in found]
            _, late = await asyncio.wait(starts, timeout=ENABLE_WAIT)
            for start in late:
                start.cancel()
        return bool(found)

    async def disable(self, name: str) -> bool:
        """Switch a plugin off: calls fail from now on, those under way end, then its processes are ended.

        :returns: False if there is no such plugin
        """
        found = self._named(name)
        if found:
            self._disabled.add(name)
            _LOG.warning("plugin %s is disabled", name)
        for plugin in found:
            plugin.enabled = False
        self._changed()
        await asyncio.gather(*(plugin.stop(self._drained, DISABLE_GRACE) for plugin in found))
        return bool(found)

    def _named(self, name: str) -> list[ManagedPlugin]:
        return [plugin for plugin in self._plugins.values() if plugin.definition.name == name and not plugin.leaving]

    def describe(self) -> list[dict[str, object]]:
        """Every plugin, as JSON can carry it."""
        return [plugin.describe() for plugin in self._plugins.values()]

    def states(self) -> list[PluginState]:
        """Every plugin, for the workers: one state for each definition."""
        states: dict[str, PluginState] = {}
        for plugin in sorted(self._plugins.values(), key=lambda plugin: plugin.leaving):
            state, newer = plugin.state(), states.get(plugin.key)
            if newer is not None:
                state = replace(newer, instances=newer.instances + tuple(replace(instance, draining=True) for instance in state.instances))
            states[plugin.key] = state
        return list(states.values())

    def snapshot(self) -> list[MetricGroup]:
        """The statistics of all plugins."""
        names = {plugin.definition.name for plugin in self._plugins.values()}
        self._stats = {name: stats for name, stats in self._stats.items() if name in names}
        for stats in self._stats.values():
            stats.up = sum(plugin.up for plugin in self._plugins.values() if plugin.definition.name == stats.name)
        return [group for stats in self._stats.values() for group in stats.snapshot()]

    # --- the end

    async def stop(self) -> None:
        """End all plugins in order; the workers have ended before."""
        self._stopping = True
        await asyncio.gather(*(plugin.stop(lambda instance: True, 0.0) for plugin in self._plugins.values()))
        await self.kill()

    async def kill(self) -> None:
        """End all plugins at once, and let go of everything."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(plugin.kill() for plugin in self._plugins.values()))
        self._plugins.clear()
        await self._room.close()

    # --- inner

    def _changed(self) -> None:
        """Tell the workers; several changes of one turn of the loop at once."""
        if not self._publishing and not self._stopping:
            self._publishing = True
            asyncio.get_running_loop().call_soon(self._publish_now)

    def _publish_now(self) -> None:
        self._publishing = False
        states = self.states()
        present = {instance.instance for state in states for instance in state.instances}
        self._idle = {instance: workers for instance, workers in self._idle.items() if instance in present}
        self._publish(states)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
