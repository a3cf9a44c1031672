"""The stream filter type ``lua``: from an entry's configuration to its Lua state and its scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from headgate.api.entry_settings import entry_settings
from headgate.api.stream_filter import ClassFactory, StreamFilter, StreamFilterFactory, stream_filter
from headgate.api.upstream_call import upstream_caller
from headgate.runtimes.lua.config import LuaConfig, choose_script
from headgate.runtimes.lua.filter import LuaBothWays, LuaFilter
from headgate.runtimes.lua.state import LuaScriptError
from headgate.runtimes.lua.unit import LuaEntry, LuaUnit


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
    settings = entry_settings()
    return LuaFactory(LuaEntry(settings.name, config, upstream_caller(), settings.max_body), config)
