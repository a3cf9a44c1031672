"""The plugins of one worker: it gives filters their clients, and keeps a connection to every process that the supervisor tells it of.

A client belongs to one definition. When a newer configuration is put in force, the clients of the former one hand their new calls on to
those of the same name in the newer; a process that is to go is told to be idle once nothing in this worker uses it any more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from headgate.api.errors import ConfigError
from headgate.api.plugin import PluginDefinition, PluginError, PluginHost
from headgate.net.deadlines import DeadlineWheel
from headgate.observe.stats_store import StatsStore
from headgate.runtimes.process.definition_build import PluginPlace, definition_to_wire, plugin_key
from headgate.runtimes.process.instance_connection import InstanceConnection
from headgate.runtimes.process.plugin_state import InstanceState, PluginState
from headgate.runtimes.process.worker_client import WorkerPluginClient

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for a connection to a process that the supervisor has seen listening."""
_PAUSE: Final = 0.2
"""Seconds between two attempts to connect."""

_LOG: Final = logging.getLogger("headgate.plugin")

Say = Callable[[str, Mapping[str, object]], None]
"""Tells the supervisor something: ``need_plugin`` or ``plugin_idle``, and what belongs to it."""


class InstanceLink:
    """The connection to one process, made again if it ends while the process lives on."""

    def __init__(self, client: WorkerPluginClient, state: InstanceState, wheel: DeadlineWheel) -> None:
        self.state = state
        self.connection: InstanceConnection | None = None
        self._client = client
        self._wheel = wheel
        self._closed = False
        self._down = False
        self._task = asyncio.get_running_loop().create_task(self._connect())

    def drain(self, state: InstanceState) -> None:
        """It takes no new calls any more."""
        self.state = state
        self._remove()

    def close(self) -> None:
        """The process is gone, or nothing needs it: calls under way fail."""
        self._closed = True
        self._task.cancel()
        self._remove()
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    async def _connect(self) -> None:
        while not self._closed:
            connection = InstanceConnection(self.state.network, self.state.address, self._wheel, self._on_gone)
            try:
                await connection.connect(CONNECT_TIMEOUT)
            except PluginError as error:
                self._note_down(error)
                await asyncio.sleep(_PAUSE)
                continue
            self.connection = connection
            if self._down:
                self._down = False
                _LOG.warning("plugin %s: it is connected again", self.state.instance)
            if not self.state.draining:
                self._client.calls.connections.append(connection.transport)
                self._client.calls.serve_waiting()
            return

    def _note_down(self, error: PluginError) -> None:
        """Once for each outage, however often it is tried."""
        if not self._down:
            self._down = True
            _LOG.warning("plugin %s: no connection, it is tried again every %g s: %s", self.state.instance, _PAUSE, error)

    def _remove(self) -> None:
        connections = self._client.calls.connections
        if self.connection is not None and self.connection.transport in connections:
            connections.remove(self.connection.transport)

    def _on_gone(self, connection: InstanceConnection) -> None:
        if self._closed or connection is not self.connection:
            return
        self._remove()
        self.connection = None
        # The supervisor will say that the process is gone; if it does not, only the connection was.
        self._task = asyncio.get_running_loop().create_task(self._connect_later())

    async def _connect_later(self) -> None:
        await asyncio.sleep(_PAUSE)
        await self._connect()


class WorkerPlugins:
    """All plugins of one worker.

    :param say: tells the supervisor something; called in the loop
    """

    def __init__(self, stats: StatsStore, wheel: DeadlineWheel, say: Say) -> None:
        self.stats = stats
        self._wheel = wheel
        self._say = say
        self._lock = threading.Lock()
        self._clients: dict[str, WorkerPluginClient] = {}
        self._users: dict[str, int] = {}
        self._links: dict[str, InstanceLink] = {}
        self._states: dict[str, PluginState] = {}
        self._told_idle: set[str] = set()
        self._poll: asyncio.TimerHandle | None = None
        self._observers: dict[str, list[Callable[[PluginState], None]]] = {}

    def update(self, states: list[PluginState]) -> None:
        """The supervisor has told how all plugins are."""
        self._states = {state.key: state for state in states}
        for key in list(self._clients):
            self._apply(key)
        self._close_gone()
        self._poll_idle()
        for state in states:
            for observer in self._observers.get(state.key, []):
                observer(state)

    def observe(self, key: str, observer: Callable[[PluginState], None]) -> None:
        """Call a function in the loop with each new state of a plugin, and with the present one. For what speaks to it by itself."""
        self._observers.setdefault(key, []).append(observer)
        if key in self._states:
            observer(self._states[key])

    def unobserve(self, key: str, observer: Callable[[PluginState], None]) -> None:
        """Do not call it any more."""
        observers = self._observers.get(key, [])
        if observer in observers:
            observers.remove(observer)
            if not observers:
                del self._observers[key]

    # --- from a configuration's build and life

    def client(self, definition: PluginDefinition, loop: asyncio.AbstractEventLoop) -> WorkerPluginClient:
        """The client of a definition; may be called in any thread."""
        key = plugin_key(definition)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                client = WorkerPluginClient(definition, key, self.stats.plugin(definition.name), loop)
                self._clients[key] = client
            return client

    def acquire(self, client: WorkerPluginClient, generation: int) -> None:
        """A configuration that is being built uses a client. In the loop."""
        self._users[client.key] = self._users.get(client.key, 0) + 1
        with self._lock:
            self._clients[client.key] = client
        self._apply(client.key)
        # Also what runs already: the supervisor has to know that this configuration wants it, too.
        self._say("need_plugin", {"generation": generation, "definition": definition_to_wire(client.definition)})

    def commit(self, clients: Mapping[str, WorkerPluginClient]) -> None:
        """A configuration is in force: new calls to plugins of these names go to these clients."""
        for client in list(self._clients.values()):
            newer = clients.get(client.name)
            client.calls.successor = newer.calls if newer is not None and newer is not client else None
        self._tell_idle()

    def release(self, client: WorkerPluginClient) -> None:
        """A configuration that used it is over."""
        users = self._users.get(client.key, 0) - 1
        self._users[client.key] = users
        if users <= 0:
            self._users.pop(client.key, None)
            self._tell_idle()
            self._forget(client)

    def _forget(self, client: WorkerPluginClient) -> None:
        if client.calls.in_flight or client.key in self._states:
            return
        with self._lock:
            if self._users.get(client.key, 0) == 0:
                self._clients.pop(client.key, None)
        if not any(other.name == client.name for other in list(self._clients.values())):
            self.stats.forget_plugin(client.name)

    # --- what the supervisor said

    def _apply(self, key: str) -> None:
        client, state = self._clients[key], self._states.get(key)
        if state is None:
            if self._users.get(key, 0) == 0:
                self._forget(client)
            return
        availability = client.calls.availability
        availability.enabled = state.enabled
        availability.error = state.error
        availability.restart_at = time.monotonic() + state.restart_in if state.restart_in else 0.0
        for instance in state.instances:
            if client.definition.protocol != "grpc":
                continue  # whoever speaks to it observes it
            link = self._links.get(instance.instance)
            if link is None and not instance.draining and instance.instance not in self._told_idle:
                self._links[instance.instance] = InstanceLink(client, instance, self._wheel)
            elif link is not None and instance.draining and not link.state.draining:
                link.drain(instance)
        client.calls.serve_waiting()

    def _close_gone(self) -> None:
        states = self._states.values()
        known = {instance.instance for state in states for instance in state.instances}
        for name in [name for name in self._links if name not in known]:
            self._links.pop(name).close()
        leaving = {instance.instance for state in states for instance in state.instances if state.leaving or instance.draining}
        self._told_idle &= leaving

    def _tell_idle(self) -> None:
        """Say of every process that is to go whether this worker has done with it."""
        for state in self._states.values():
            client = self._clients.get(state.key)
            for instance in state.instances:
                if instance.instance in self._told_idle or not (instance.draining or state.leaving):
                    continue
                if client is None or self._done_with(client, instance):
                    self._told_idle.add(instance.instance)
                    link = self._links.pop(instance.instance, None)
                    if link is not None:
                        link.close()
                    self._say("plugin_idle", {"instance": instance.instance})

    def _done_with(self, client: WorkerPluginClient, instance: InstanceState) -> bool:
        link = self._links.get(instance.instance)
        connection = link.connection if link is not None else None
        if connection is not None and connection.in_flight:
            return False
        if instance.draining or self._users.get(client.key, 0) == 0:
            return True
        return client.calls.successor is not None and client.definition.protocol == "grpc"

    def _poll_idle(self) -> None:
        """Look again and again while something is to go: that costs nothing while nothing is, as a note on each call would."""
        self._tell_idle()
        pending = any(
            instance.instance not in self._told_idle and (state.leaving or instance.draining)
            for state in self._states.values()
            for instance in state.instances
        )
        if pending and self._poll is None:
            self._poll = asyncio.get_running_loop().call_later(_PAUSE / 4, self._poll_again)

    def _poll_again(self) -> None:
        self._poll = None
        self._poll_idle()


class GenerationPlugins(PluginHost):
    """The plugins of one configuration: active while it is built, and kept as long as it lives."""

    online = True

    def __init__(
        self,
        plugins: WorkerPlugins,
        number: int,
        declared: Mapping[str, PluginDefinition],
        place: PluginPlace,
        loop: asyncio.AbstractEventLoop,
        in_force: bool = False,
    ) -> None:
        """
        :param number: of the configuration
        :param declared: what its ``plugins`` says, by name
        :param loop: the worker's
        :param in_force: the other workers have the configuration already
        """
        self.plugins = plugins
        self.in_force = in_force
        self._number = number
        self._declared = declared
        self._place = place
        self._loop = loop
        self._clients: dict[str, WorkerPluginClient] = {}
        self._acquired: list[WorkerPluginClient] = []
        self._released = False

    def register(self, definition: PluginDefinition) -> WorkerPluginClient:
        """The client of a plugin; called in the thread that builds."""
        known = self._declared.get(definition.name)
        if known is None:
            known = self._place.resolved(definition, f"plugin {definition.name!r}")
        client = self._clients.get(definition.name)
        if client is None:
            client = self._clients[definition.name] = self.plugins.client(known, self._loop)
            self._loop.call_soon_threadsafe(self._acquire, client)
        elif client.definition != known:
            raise ConfigError("", f"plugin {definition.name!r} is defined twice, and differently", "declare it once, in 'plugins'")
        return client

    def observe(self, client: WorkerPluginClient, observer: Callable[[PluginState], None]) -> None:
        """Have a function called in the loop with the present and each later state of a plugin; may be called in any thread."""
        self._loop.call_soon_threadsafe(self.plugins.observe, client.key, observer)

    def commit(self) -> None:
        """The configuration is in force. In the loop."""
        self.plugins.commit(self._clients)

    def release(self) -> None:
        """The configuration is over, or does not come into force. In the loop; counts once."""
        if not self._released:
            self._released = True
            acquired, self._acquired = self._acquired, []
            for client in acquired:
                self.plugins.release(client)

    def _acquire(self, client: WorkerPluginClient) -> None:
        self.plugins.acquire(client, self._number)
        if self._released:
            self.plugins.release(client)
        else:
            self._acquired.append(client)
