"""Host functions that belong to no group: logging, clock, ticks, contexts, configuration, foreign functions.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from headgate.runtimes.wasm.abi import BAD_ARGUMENT, INTERNAL_FAILURE, NOT_FOUND, OK
from headgate.runtimes.wasm.contexts import HttpContext, RootContext
from headgate.runtimes.wasm.foreign import FOREIGN_FUNCTIONS

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")
_LEVELS: Final = (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
MAX_LOG_LINE: Final = 8192
"""Bytes of one log line; the rest is cut off."""


class GeneralFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm

    def log(self, level: int, pointer: int, length: int) -> int:
        """Write to the proxy's log."""
        if level >= len(_LEVELS):
            return BAD_ARGUMENT
        self._vm.memory.check(pointer, length)
        if _LOG.isEnabledFor(_LEVELS[level]):
            line = self._vm.memory.read(pointer, min(length, MAX_LOG_LINE)).decode("utf-8", "replace")
            _LOG.log(_LEVELS[level], "wasm %s: %s", self._vm.current.plugin.name, line)
        return OK

    def get_log_level(self, ret: int) -> int:
        """The lowest level that is written."""
        level = _LOG.getEffectiveLevel()
        number = 0
        while number < len(_LEVELS) - 1 and _LEVELS[number] < level:
            number += 1
        self._vm.memory.write_u32(ret, number)
        return OK

    def get_current_time_nanoseconds(self, ret: int) -> int:
        """Time since the epoch."""
        self._vm.memory.write_u64(ret, time.time_ns())
        return OK

    def set_tick_period_milliseconds(self, period: int) -> int:
        """Have ``proxy_on_tick`` called from now on; 0 ends it."""
        context = self._vm.current
        root = context.root if isinstance(context, HttpContext) else context
        if not isinstance(root, RootContext) or root.id == 0:
            return BAD_ARGUMENT
        root.tick_period = period / 1000.0
        self._vm.on_tick_period(root)
        return OK

    def set_effective_context(self, number: int) -> int:
        """The host functions act on another context until this callback returns."""
        context = self._vm.contexts.get(number)
        if context is None:
            return BAD_ARGUMENT
        self._vm.current = context
        return OK

    def done(self) -> int:
        """A context that answered ``proxy_on_done`` with false has come to its end."""
        context = self._vm.current
        if not isinstance(context, HttpContext) or not context.done_later:
            return NOT_FOUND
        context.done_later = False
        self._vm.later(partial(self._finish, context))
        return OK

    def _finish(self, context: HttpContext) -> None:
        self._vm.call_log(context)
        self._vm.forget(context)

    def get_configuration(self, ret_pointer: int, ret_length: int) -> int:
        """ABI 0.1.0: the configuration of the VM or the plugin, whichever is being read."""
        plugin = self._vm.current.plugin
        data = plugin.configuration if self._vm.roots else self._vm.settings.configuration
        self._vm.memory.give(data, ret_pointer, ret_length)
        return OK

    def call_foreign_function(
        self, name: int, name_length: int, argument: int, argument_length: int, ret_pointer: int, ret_length: int
    ) -> int:
        """Call a function that the user registered in Python (:mod:`headgate.runtimes.wasm.foreign`)."""
        memory = self._vm.memory
        function = FOREIGN_FUNCTIONS.get(memory.read(name, name_length).decode("utf-8", "replace"))
        if function is None:
            return NOT_FOUND
        try:
            result = function(memory.read(argument, argument_length))
        except ValueError:
            return BAD_ARGUMENT
        except Exception:
            _LOG.exception("wasm %s: a foreign function failed", self._vm.current.plugin.name)
            return INTERNAL_FAILURE
        memory.give(result, ret_pointer, ret_length)
        return OK
