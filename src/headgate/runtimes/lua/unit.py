"""An entry's Lua state in one worker, and the scripts that its requests are configured with.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from headgate.api.upstream_call import UpstreamCaller
from headgate.runtimes.lua.config import LuaConfig, LuaScript
from headgate.runtimes.lua.host import LuaHost
from headgate.runtimes.lua.state import LuaState

_LOG: Final = logging.getLogger("headgate.lua")


class LuaEntry:
    """One ``lua`` entry in one worker: its Lua state, which is replaced when its memory has run out.

    :ivar name: the entry's name
    :ivar caller: for ``httpCall``
    :ivar clear_route: a changed request has its route matched again
    :ivar max_response: bytes of an answer to ``httpCall``
    :ivar max_body: bytes of a body that may be kept
    """

    def __init__(self, name: str, config: LuaConfig, caller: UpstreamCaller, max_body: int) -> None:
        self.name: str = name
        self.caller: UpstreamCaller = caller
        self.clear_route: bool = config.clear_route_cache
        self.max_response: int = config.max_response
        self.max_body: int = max_body
        self._config: LuaConfig = config
        self._state: LuaState = self._new_state()

    def state(self) -> LuaState:
        """The state for a new run."""
        state = self._state
        if state.broken:
            _LOG.warning("lua %s: out of memory, its Lua state is replaced", self.name)
            state = self._state = self._new_state()
        return state

    def _new_state(self) -> LuaState:
        config = self._config
        host = LuaHost(self.name, config.filter_context)
        return LuaState(host, config.memory_limit, config.instruction_budget, config.cpu_time)


class LuaUnit:
    """A script as a request's filter is configured with it: the entry's, a route's, or none.

    :ivar requests: it has a handler for requests; likewise ``responses``
    :ivar context: the route's ``filter_context``
    """

    requests: bool = False
    responses: bool = False

    def __init__(self, entry: LuaEntry, script: LuaScript | None, context: Mapping[str, object]) -> None:
        self.entry: LuaEntry = entry
        self.script: LuaScript | None = script
        self.name: str = entry.name if script is None else script.name
        self.context: Mapping[str, object] = context
        self._known: int = -1  # the state's serial that ``_number`` holds for
        self._number: int = -1
        if script is not None:
            state = entry.state()
            self.number(state)
            self.requests, self.responses = state.handlers(script)

    def number(self, state: LuaState) -> int:
        """The script's number in a state, which may be newer than the unit."""
        if state.serial != self._known:
            assert self.script is not None
            self._number = state.number(self.script)
            self._known = state.serial
        return self._number
