"""The machine of one entry: its module, the VM at work, and the next one when that has trapped.

A trap ends an instance; the next request gets a new one, started and configured as the first was. When new ones keep failing they are
made at most once in a while (:data:`PAUSE`), so that a module that always traps does not cost a start for each request.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from headgate.api.upstream_call import UpstreamCaller
from headgate.observe.custom_metrics import COUNTER, CUSTOM_METRICS
from headgate.runtimes.wasm.errors import GuestError, WasmError
from headgate.runtimes.wasm.module import Module
from headgate.runtimes.wasm.settings import PluginSettings, VmSettings
from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")
PAUSE: Final = 1.0
"""Seconds between two attempts to start, after a first replacement that failed at once."""


class Machine:
    """Keeps one VM running.

    :param plugin: what it is configured with
    :param caller: how clusters are reached
    :raises ModuleError: if the first VM cannot be made
    :raises GuestError: if it traps while it starts
    """

    def __init__(self, module: Module, settings: VmSettings, plugin: PluginSettings, caller: UpstreamCaller | None) -> None:
        self._module = module
        self._settings = settings
        self._plugins = [plugin]
        self._caller = caller
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_start = 0.0
        self._closed = False
        self._vm: Vm = Vm(module, settings, plugin, caller)

    def add_plugin(self, plugin: PluginSettings) -> PluginSettings:
        """One more plugin (a route's).

        :returns: it, or an equal one that is there already: to be used for :meth:`Vm.root_of`
        :raises ModuleError: if the module refuses its configuration
        """
        for known in self._plugins:
            if known == plugin:
                return known
        self._vm.add_root(plugin)
        self._plugins.append(plugin)
        return plugin

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """The configuration is in force: timers and calls begin."""
        self._loop = loop
        self._vm.go(loop)

    def close(self) -> None:
        """The last stream has ended."""
        self._closed = True
        self._vm.close()
        self._module.close()

    def vm(self) -> Vm:
        """The VM for a new stream, made anew if the former one has failed.

        :raises WasmError: if there is none at present
        """
        vm = self._vm
        if not vm.dead:
            return vm
        now = time.monotonic()
        if self._closed or now < self._next_start:
            raise GuestError("the module has failed, and is not started again yet")
        self._next_start = now + PAUSE
        count = CUSTOM_METRICS.define("wasm", "vm_restarts_total", COUNTER)
        if count is not None:
            count.value += 1
        _LOG.warning("wasm %s: the instance has failed; a new one is started", self._plugins[0].name)
        fresh = Vm(self._module, self._settings, self._plugins[0], self._caller)
        try:
            for plugin in self._plugins[1:]:
                fresh.add_root(plugin)
        except WasmError:
            fresh.close()
            raise
        vm.close()
        self._vm = fresh
        if self._loop is not None:
            fresh.go(self._loop)
        return fresh
