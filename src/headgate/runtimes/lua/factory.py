"""The stream filter type ``lua``: from an entry's configuration to its Lua state and its scripts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, cast

from headgate.api.entry_settings import entry_settings
from headgate.api.stream_filter import ClassFactory, StreamFilter, StreamFilterFactory, stream_filter
from headgate.api.upstream_call import UpstreamCaller, upstream_caller
from headgate.runtimes.lua.config import LuaConfig, LuaScript, choose_script
from headgate.runtimes.lua.filter import LuaBothWays, LuaFilter
from headgate.runtimes.lua.host import LuaHost
from headgate.runtimes.lua.state import LuaScriptError, LuaState

_LOG: Final = logging.getLogger("headgate.lua")


class LuaEntry:
    """One ``lua`` entry in one worker: its Lua state, which is replaced when its memory has run out.

    :ivar name: the entry's name
    :ivar caller: for ``httpCall``
    :ivar clear_route: a changed request has its route matched again
    """

    def __init__(self, name: str, config: LuaConfig, caller: UpstreamCaller) -> None:
        self.name = name
        self.caller = caller
        self.clear_route = config.clear_route_cache
        self.max_response = config.max_response
        self._config = config
        self._state = self._new_state()

    def state(self) -> LuaState:
        """The state for a new run."""
        if self._state.broken:
            _LOG.warning("lua %s: out of memory, its Lua state is replaced", self.name)
            self._state = self._new_state()
        return self._state

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
        self.entry = entry
        self.script = script
        self.name = entry.name if script is None else script.name
        self.context = context
        if script is not None:
            state = entry.state()
            state.number(script)
            self.requests, self.responses = state.handlers(script)

    def number(self, state: LuaState) -> int:
        """The script's number in a state, which may be newer than the unit."""
        assert self.script is not None
        return state.number(self.script)


class LuaFactory(ClassFactory):
    """Makes the filters of one entry."""

    def __init__(self, entry: LuaEntry, config: LuaConfig) -> None:
        self._entry = entry
        unit = self._unit(config, entry.name)
        super().__init__(cast("type[StreamFilter[object]]", LuaBothWays if unit.responses else LuaFilter), unit)

    def route_config(self, config: object, raw: Mapping[str, object]) -> LuaUnit:
        assert isinstance(config, LuaConfig)
        unit = self._unit(config, f"{self._entry.name} (route)")
        if unit.responses:
            self.filter_class = cast("type[StreamFilter[object]]", LuaBothWays)
        return unit

    def _unit(self, config: LuaConfig, place: str) -> LuaUnit:
        script = choose_script(config, place)
        try:
            return LuaUnit(self._entry, script, config.filter_context)
        except LuaScriptError as error:
            raise ValueError(str(error)) from None


@stream_filter("lua", config=LuaConfig)
def create(config: LuaConfig) -> StreamFilterFactory:
    """The factory of a ``lua`` entry."""
    return LuaFactory(LuaEntry(entry_settings().name, config, upstream_caller()), config)
