"""A worker's calls to one plugin: which process takes a call, what waits for one, what fails at once.

On the way of a call nothing is made but the call itself: no task, no future, no timer. Only one that waits for a process has a timer.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import Protocol

from headgate.api.plugin import PluginCall, PluginDefinition, PluginError, PluginReceiver
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.observe.plugin_stats import PluginStats


class CallConnection(Protocol):
    """What calls need of a connection to a process (:class:`.instance_calls.InstanceTransport`)."""

    @property
    def in_flight(self) -> int:
        """Calls under way on it."""

    @property
    def usable(self) -> bool:
        """It takes calls."""

    def call(self, request: PluginRequest, deadline: float, receiver: PluginReceiver) -> PluginCall:
        """Begin a call."""


class Availability:
    """How a plugin is at present, as far as the worker knows.

    :ivar enabled: the operator has not switched it off
    :ivar error: why there is no process
    :ivar restart_at: when the next start is tried (monotonic seconds); 0.0: it is not known, or being tried
    """

    def __init__(self) -> None:
        self.enabled: bool = True
        self.error: str = ""
        self.restart_at: float = 0.0


class PluginCalls:
    """The calls to one plugin, that is to one definition, in one worker. Its methods belong into the loop.

    :ivar connections: to the processes that take new calls
    :ivar availability: how the plugin is
    :ivar successor: the calls of the definition that has taken this one's place; new calls go there
    :ivar in_flight: calls whose outcome is open
    """

    def __init__(self, definition: PluginDefinition, stats: PluginStats) -> None:
        self.connections: list[CallConnection] = []
        self.availability = Availability()
        self.successor: PluginCalls | None = None
        self.in_flight: int = 0
        self._name: str = definition.name
        self._call_timeout: float = definition.call_timeout
        self._most: int = definition.max_concurrent_calls
        self._stats = stats
        self._waiting: deque[_Call] = deque()

    def start(self, request: PluginRequest, timeout: float, receiver: PluginReceiver) -> PluginCall:
        """Begin a call; see :meth:`headgate.api.plugin.PluginClient.start`."""
        successor = self.successor
        if successor is not None:
            return successor.start(request, timeout, receiver)
        now = monotonic()
        call = _Call(self, request, receiver, now, now + (timeout or self._call_timeout))
        self._stats.calls += 1
        availability = self.availability
        if not availability.enabled:
            return self._refuse(call, "disabled", f"plugin {self._name} is disabled")
        if self.in_flight >= self._most:
            return self._refuse(call, "overflow", f"plugin {self._name}: {self.in_flight} calls are in flight")
        connection = self._idlest()
        if connection is None and availability.restart_at > call.deadline:
            return self._refuse(call, "unavailable", f"plugin {self._name}: {availability.error}")
        self.in_flight += 1
        self._stats.in_flight += 1
        if connection is None:
            self._waiting.append(call)
            call.wait(call.deadline - now)
        else:
            call.begin(connection)
        return call

    def serve_waiting(self) -> None:
        """There is a connection, or no hope: begin or end the calls that wait."""
        waiting, self._waiting = self._waiting, deque()
        availability = self.availability
        for call in waiting:
            if call.over:
                continue
            connection = self._idlest()
            if connection is not None:
                call.begin(connection)
            elif not availability.enabled:
                call.end(PluginError("disabled", f"plugin {self._name} is disabled"))
            elif availability.restart_at > call.deadline:
                call.end(PluginError("unavailable", f"plugin {self._name}: {availability.error}"))
            else:
                self._waiting.append(call)

    def finished(self, started: float, error: PluginError | None) -> None:
        """A call has come to its end."""
        self._count_end()
        self._stats.time.observe((monotonic() - started) * 1000.0)
        if error is not None:
            self._stats.count_error(error.kind)

    def cancelled(self) -> None:
        """A call's caller does not wait any more."""
        self._count_end()

    def named(self, error: PluginError) -> PluginError:
        """A failure, with the plugin's name in front."""
        return PluginError(error.kind, f"plugin {self._name}: {error}")

    def waiting_failure(self) -> PluginError:
        """Why a call that waited for a process has failed."""
        return PluginError("unavailable", f"plugin {self._name}: {self.availability.error or 'no process has come up in time'}")

    # --- inner

    def _count_end(self) -> None:
        self.in_flight -= 1
        self._stats.in_flight -= 1

    def _idlest(self) -> CallConnection | None:
        connections = self.connections
        if len(connections) == 1:
            only = connections[0]
            return only if only.usable else None
        chosen: CallConnection | None = None
        least = 0
        for connection in connections:
            if connection.usable and (chosen is None or connection.in_flight < least):
                chosen = connection
                least = connection.in_flight
        return chosen

    def _refuse(self, call: _Call, kind: str, message: str) -> PluginCall:
        self._stats.count_error(kind)
        call.over = True
        call.receiver.on_plugin_failure(PluginError(kind, message))
        return call


class _Call:
    """One call: the caller's handle on it (:class:`PluginCall`), and the connection's :class:`PluginReceiver`."""

    def __init__(self, calls: PluginCalls, request: PluginRequest, receiver: PluginReceiver, started: float, deadline: float) -> None:
        self.receiver = receiver
        self.started: float = started
        self.deadline: float = deadline
        self.over: bool = False
        self._calls = calls
        self._request = request
        self._inner: PluginCall | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, seconds: float) -> None:
        """No process takes it yet."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._waited_in_vain)

    def begin(self, connection: CallConnection) -> None:
        """A process takes it."""
        self._stop_timer()
        inner = connection.call(self._request, self.deadline, self)
        if not self.over:
            self._inner = inner

    def on_plugin_response(self, response: PluginResponse) -> None:
        """From the connection."""
        if not self.over:
            self.over = True
            self._inner = None
            self._calls.finished(self.started, None)
            self.receiver.on_plugin_response(response)

    def on_plugin_failure(self, error: PluginError) -> None:
        """From the connection, which does not know whose it is."""
        self.end(self._calls.named(error))

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _waited_in_vain(self) -> None:
        self.end(self._calls.waiting_failure())

    def end(self, error: PluginError) -> None:
        """It has failed."""
        if not self.over:
            self.over = True
            self._inner = None
            self._stop_timer()
            self._calls.finished(self.started, error)
            self.receiver.on_plugin_failure(error)

    def cancel(self) -> None:
        """Nobody waits any more."""
        if not self.over:
            self.over = True
            self._stop_timer()
            inner, self._inner = self._inner, None
            if inner is not None:
                inner.cancel()
            self._calls.cancelled()
