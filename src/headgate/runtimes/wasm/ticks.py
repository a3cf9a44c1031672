"""``proxy_on_tick``: timers of root contexts. They run while the configuration is in force, in the worker's loop."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from headgate.runtimes.wasm.errors import WasmError

if TYPE_CHECKING:
    from headgate.runtimes.wasm.contexts import RootContext
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")


class Ticks:
    """The timers of one VM. Until :meth:`start` periods are only noted."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """The configuration is in force."""
        if self._loop is not None:
            return
        self._loop = loop
        for root in self._vm.roots:
            self.changed(root)

    def changed(self, root: RootContext) -> None:
        """A root context has set its period."""
        if self._loop is None:
            return
        timer = self._timers.pop(root.id, None)
        if timer is not None:
            timer.cancel()
        if root.tick_period > 0.0:
            self._timers[root.id] = self._loop.call_later(root.tick_period, self._tick, root)

    def stop(self) -> None:
        """No tick after this."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._loop = None

    def _tick(self, root: RootContext) -> None:
        self._timers.pop(root.id, None)
        if self._loop is None or self._vm.dead:
            return
        try:
            self._vm.call_named(root, "proxy_on_tick", root.id)
        except WasmError as error:
            _LOG.error("wasm %s: proxy_on_tick: %s", root.plugin.name, error)
            return
        if root.id not in self._timers:
            self.changed(root)
