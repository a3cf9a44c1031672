"""What the supervisor tells the workers about plugins: which there are, how they are, where their processes listen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class InstanceState:
    """One process that takes calls.

    :ivar instance: a name that no other process has
    :ivar network: ``tcp`` or ``unix``
    :ivar address: where it listens
    :ivar draining: it takes no new calls
    """

    instance: str
    network: str
    address: str
    draining: bool = False


@dataclass(frozen=True)
class PluginState:
    """One plugin, that is one definition.

    :ivar key: of the definition
    :ivar name: of the plugin
    :ivar enabled: the operator has not switched it off
    :ivar error: why there is no process; empty if there is one, or one is starting for the first time
    :ivar restart_in: seconds until the next start is tried; 0: it is being tried
    :ivar leaving: a newer configuration does not need it; it goes when nothing uses it any more
    :ivar instances: its processes that take calls
    """

    key: str
    name: str
    enabled: bool
    error: str
    restart_in: float
    leaving: bool
    instances: tuple[InstanceState, ...] = field(default=())


def states_to_wire(states: list[PluginState]) -> list[object]:
    """As JSON can carry them."""
    return [asdict(state) for state in states]


def states_from_wire(items: object) -> list[PluginState]:
    """What :func:`states_to_wire` wrote.

    :raises ValueError: if it is not from there
    """
    if not isinstance(items, list):
        raise ValueError("no list of plugins")
    states: list[PluginState] = []
    for item in items:
        if not isinstance(item, dict):
            raise ValueError("no state of a plugin")
        try:
            instances = tuple(InstanceState(**instance) for instance in item["instances"])
            states.append(PluginState(**{**item, "instances": instances}))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no state of a plugin: {error}") from None
    return states
