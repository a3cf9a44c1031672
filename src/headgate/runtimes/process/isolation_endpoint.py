"""Where a filter host listens, as the worker's plugins know it: told to the building thread, and to the link in the worker's loop."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from headgate.runtimes.process.plugin_state import PluginState
from headgate.runtimes.process.worker_client import WorkerPluginClient
from headgate.runtimes.process.worker_plugins import GenerationPlugins


@dataclass(frozen=True)
class HostAddress:
    """Where a filter host listens at present.

    :ivar network: ``unix`` or ``tcp``; empty: nowhere
    :ivar problem: why nowhere, if that is known
    :ivar enabled: the operator has not switched it off
    """

    network: str = ""
    address: str = ""
    problem: str = ""
    enabled: bool = True


class EndpointSource:
    """Knows where one filter host listens."""

    def watch(self, watcher: Callable[[HostAddress], None]) -> None:
        """Tell a watcher the present address and every later one. Called in any thread; the watcher is called in the loop."""
        raise NotImplementedError

    def unwatch(self, watcher: Callable[[HostAddress], None]) -> None:
        """Do not tell it any more. Called in any thread."""
        raise NotImplementedError


class PluginEndpoint(EndpointSource):
    """A filter host that the supervisor runs as it runs a plugin."""

    def __init__(self, plugins: GenerationPlugins, client: WorkerPluginClient) -> None:
        self._plugins = plugins.plugins
        self._key = client.key
        loop = client.loop
        assert loop is not None  # a worker's client has one from the start
        self._loop = loop
        self._observers: dict[Callable[[HostAddress], None], Callable[[PluginState], None]] = {}

    def watch(self, watcher: Callable[[HostAddress], None]) -> None:
        def observe(state: PluginState) -> None:
            watcher(_address(state))

        self._observers[watcher] = observe
        self._loop.call_soon_threadsafe(self._plugins.observe, self._key, observe)

    def unwatch(self, watcher: Callable[[HostAddress], None]) -> None:
        observe = self._observers.pop(watcher, None)
        if observe is not None:
            self._loop.call_soon_threadsafe(self._plugins.unobserve, self._key, observe)


def _address(state: PluginState) -> HostAddress:
    for instance in state.instances:
        if not instance.draining:
            return HostAddress(instance.network, instance.address, "", state.enabled)
    return HostAddress("", "", state.error, state.enabled)


def wait_for_address(source: EndpointSource, timeout: float, patience: float) -> HostAddress:
    """Wait in the building thread until the process listens, is switched off, or has not come up in time.

    :param timeout: seconds
    :param patience: seconds from the first failed start on: a process that has just died is started again
    """
    news: queue.Queue[HostAddress] = queue.Queue()
    last = HostAddress(problem="it has not been started in time")
    failing = False
    end = monotonic() + timeout
    source.watch(news.put)
    try:
        while True:
            address = news.get(timeout=max(0.0, end - monotonic()))
            if address.network or not address.enabled:
                return address
            if address.problem:
                if not failing:
                    failing = True
                    end = min(end, monotonic() + patience)
                last = address
    except queue.Empty:
        return last
    finally:
        source.unwatch(news.put)
