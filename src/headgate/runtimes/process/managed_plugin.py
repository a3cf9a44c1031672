"""One plugin, that is one definition, with all its processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from headgate.api.plugin import PluginDefinition
from headgate.observe.plugin_stats import PluginProcessStats
from headgate.runtimes.process.definition_build import plugin_key
from headgate.runtimes.process.plugin_place import PluginPlace
from headgate.runtimes.process.plugin_room import PluginRoom
from headgate.runtimes.process.plugin_state import InstanceState, PluginState


class ManagedPlugin:
    """Begins to start its processes at once, if it is enabled.

    :ivar key: of the definition
    :ivar path: where the definition stands, for messages; empty: a filter has registered it
    :ivar leaving: a newer configuration does not need it
    :ivar enabled: the operator has not switched it off
    """

    def __init__(
        self,
        definition: PluginDefinition,
        path: str,
        enabled: bool,
        room: PluginRoom,
        stats: PluginProcessStats,
        changed: Callable[[], None],
    ) -> None:
        self.definition = definition
        self.key = plugin_key(definition)
        self.path = path
        self.leaving = False
        self.enabled = enabled
        self._room = room
        self._stats = stats
        self._changed = changed
        self._places: list[PluginPlace] = []
        self._ending: list[PluginPlace] = []
        if enabled:
            self.fill()

    def fill(self) -> None:
        """Begin to start its processes."""
        self.enabled = True
        if not self._places:
            self._places = [PluginPlace(self.definition, self._room, self._stats, self._changed) for _ in range(self.definition.processes)]

    async def first_start(self) -> str:
        """Wait until the first start of each process has succeeded or failed.

        :returns: the first error, or an empty string
        """
        errors = await asyncio.gather(*(asyncio.shield(place.first) for place in self._places))
        return next((error for error in errors if error), "")

    async def stop(self, drained: Callable[[str], bool], grace: float) -> None:
        """End its processes in order, as :meth:`PluginPlace.stop` says."""
        places = self._take_places()
        await asyncio.gather(*(place.stop(drained, grace) for place in places))
        self._forget(places)

    async def kill(self) -> None:
        """End its processes at once."""
        places = list({*self._take_places(), *self._ending})
        await asyncio.gather(*(place.kill() for place in places))
        self._forget(places)

    def _take_places(self) -> list[PluginPlace]:
        places, self._places = self._places, []
        self._ending.extend(places)
        return places

    def _forget(self, places: list[PluginPlace]) -> None:
        self._ending = [place for place in self._ending if place not in places]
        self._changed()

    @property
    def up(self) -> int:
        """Processes that take calls."""
        return sum(place.up for place in self._places)

    def state(self) -> PluginState:
        """How it is, for the workers."""
        now = time.monotonic()
        instances = [
            InstanceState(process.instance, process.endpoint.network, process.endpoint.address, place.draining)
            for place in [*self._places, *self._ending]
            if (process := place.process) is not None and process.running
        ]
        waits = [max(0.001, place.restart_at - now) if place.restart_at else 0.0 for place in self._places if not place.up]
        error = next((place.error for place in self._places if place.error and not place.up), "")
        return PluginState(
            self.key,
            self.definition.name,
            self.enabled,
            "" if self.up else error,
            min(waits, default=0.0),
            self.leaving,
            tuple(instances),
        )

    def describe(self) -> dict[str, object]:
        """How it is, as JSON can carry it, for the admin API and ``headgate status``. It tells nothing of its environment."""
        places = [*self._places, *self._ending]
        instances = [_described(place) for place in places if place.process is not None]
        errors = [place.error for place in places if place.error]
        return {
            "name": self.definition.name,
            "state": self._word(),
            "enabled": self.enabled,
            "up": self.up,
            "processes": self.definition.processes,
            "restarts": sum(place.restarts for place in places),
            "last_error": errors[-1] if errors else "",
            "command": self.definition.command[0] if self.definition.command else "",
            "instances": instances,
        }

    def _word(self) -> str:
        if not self.enabled:
            return "disabled"
        if self.leaving:
            return "leaving"
        if self.up:
            return "up"
        return "starting" if any(place.starting for place in self._places) else "waiting"


def _described(place: PluginPlace) -> dict[str, object]:
    process = place.process
    assert process is not None
    return {
        "instance": process.instance,
        "pid": process.pid,
        "network": process.endpoint.network,
        "address": process.endpoint.address,
        "uptime": round(process.lifetime, 1),
        "draining": place.draining,
    }
