"""Plugins that run as processes of their own: their messages, and how a filter in a worker calls one.

The messages are MOSN's (``/proto.Plugin/Call``, proto3): maps of single-valued text headers, a body, a free ``type`` on requests, a free
``status`` on responses. What they mean is between caller and plugin.

A filter's create function asks for its plugin while a configuration is built, with :func:`register_plugin`, and keeps the client::

    @stream_filter("demo_plugin", config=DemoConfig)
    def create(config: DemoConfig) -> StreamFilterFactory:
        return DemoFactory(register_plugin("checker", args=("-c", config.config_path)))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Protocol

from headgate.api.errors import ExtensionError
from headgate.api.plugin_messages import PluginRequest, PluginResponse


class PluginError(ExtensionError):
    """A call that brought no answer.

    :ivar kind: one of :data:`PLUGIN_ERROR_KINDS`; also the label of the metric
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


PLUGIN_ERROR_KINDS: Final = ("disabled", "unavailable", "overflow", "timeout", "died", "rpc", "protocol")
"""``disabled``: switched off by the operator. ``unavailable``: no process could be started in time. ``overflow``: too many calls in flight.
``timeout``: the deadline passed. ``died``: the process ended or cut the connection during the call. ``rpc``: it answered with a gRPC
error. ``protocol``: it answered with something that is no answer."""


@dataclass(frozen=True)
class PluginRestart:
    """How a plugin that ended is started again: at once, then after ``backoff``, doubling up to ``max_backoff``; the count begins anew
    after ``reset_after`` seconds of life. All in seconds."""

    backoff: float = 0.5
    max_backoff: float = 30.0
    reset_after: float = 60.0


@dataclass(frozen=True)
class PluginLimits:
    """What one process of a plugin may use; 0: no limit.

    :ivar memory: bytes of resident memory of the process and its descendants; past it the process is killed and restarted
    :ivar cpus: processors that it may run on
    :ivar open_files: file descriptors
    """

    memory: int = 0
    cpus: int = 0
    open_files: int = 0


@dataclass(frozen=True)
class PluginDefinition:
    """One plugin as it is to be run. Two equal definitions are one plugin; a changed one replaces the former on reload.

    :ivar name: unique in a configuration
    :ivar command: program and first arguments; empty: the executable file ``name`` beside the configuration file (MOSN's way)
    :ivar args: further arguments
    :ivar env: more variables of its environment
    :ivar cwd: its working directory; empty: the configuration file's directory
    :ivar processes: how many processes of it run, each taking a share of the calls
    :ivar max_procs: MOSN's ``MaxProcs``: the value of ``MOSN_PROCS``
    :ivar start_timeout: seconds for the handshake line
    :ivar stop_timeout: seconds from the request to shut down to the kill
    :ivar call_timeout: seconds for a call that names no time of its own
    :ivar max_concurrent_calls: calls in flight in each worker; one more fails at once
    :ivar protocol: what the fifth field of its handshake line must be
    :ivar log_level: level at which its output is logged; ``OFF``: it is not
    :ivar health_interval: seconds between two health checks; 0: none
    :ivar program: stands for the files that the program consists of, as they were found when the configuration was read
    """

    name: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = ""
    processes: int = 1
    max_procs: int = 1
    start_timeout: float = 60.0
    stop_timeout: float = 2.0
    call_timeout: float = 1.0
    max_concurrent_calls: int = 1024
    restart: PluginRestart = field(default_factory=PluginRestart)
    limits: PluginLimits = field(default_factory=PluginLimits)
    protocol: str = "grpc"
    log_level: str = "INFO"
    health_interval: float = 10.0
    program: str = ""


class PluginReceiver(Protocol):
    """Who waits for a call: exactly one of its methods is called, in the worker's loop, unless the call is cancelled.

    Derive from it, or have its methods.
    """

    def on_plugin_response(self, response: PluginResponse) -> None:
        """The answer."""
        raise NotImplementedError

    def on_plugin_failure(self, error: PluginError) -> None:
        """There is none."""
        raise NotImplementedError


class PluginCall(Protocol):
    """A call under way."""

    def cancel(self) -> None:
        """Nobody waits any more: the receiver hears nothing."""
        raise NotImplementedError


class PluginClient:
    """Calls one plugin from one worker.

    :ivar name: the plugin's name
    """

    name: str

    def start(self, request: PluginRequest, timeout: float, receiver: PluginReceiver) -> PluginCall:
        """Call without a coroutine.

        :param timeout: seconds for everything: waiting for a start, queueing, the call; 0: the plugin's ``call_timeout``
        :param receiver: hears of the outcome, possibly before this returns
        """
        raise NotImplementedError

    async def call(self, request: PluginRequest, timeout: float = 0.0) -> PluginResponse:
        """Call and wait.

        :param timeout: as for :meth:`start`
        :raises PluginError: if there is no answer
        """
        raise NotImplementedError

    def call_from_build(self, request: PluginRequest, timeout: float) -> PluginResponse:
        """Call from the thread that builds a configuration, which may wait.

        :raises PluginError: if there is no answer, and always where :attr:`PluginHost.online` is false
        """
        raise NotImplementedError


class PluginHost:
    """Gives out clients while a configuration is built.

    :ivar online: plugins really run; false in ``headgate check``, where nothing is started
    """

    online: bool = False

    def register(self, definition: PluginDefinition) -> PluginClient:
        """The client of a plugin. One that the configuration's ``plugins`` defines is taken from there by its name, whatever else the
        definition says; another one is started.

        :raises ConfigError: if there is no such executable, or another definition under the same name
        """
        raise NotImplementedError


_host: ContextVar[PluginHost | None] = ContextVar("headgate_plugin_host", default=None)


@contextmanager
def plugins_from(host: PluginHost) -> Iterator[None]:
    """While active, :func:`register_plugin` gives out this host's clients."""
    token = _host.set(host)
    try:
        yield
    finally:
        _host.reset(token)


def plugin_host() -> PluginHost:
    """The host of the configuration that is being built.

    :raises ExtensionError: if none is being built
    """
    host = _host.get()
    if host is None:
        raise ExtensionError("plugins can be asked for only while a configuration is built: in a filter's create function")
    return host


def register_plugin(
    name: str, *, command: Sequence[str] = (), args: Sequence[str] = (), env: Mapping[str, str] | None = None, max_procs: int = 1
) -> PluginClient:
    """The client of a plugin, for a filter's create function (MOSN's ``plugin.Register``).

    :param name: a name of the configuration's ``plugins``; else the executable of that name beside the configuration file is run
    :param command: what to run in its place
    :param args: its arguments
    :param env: more variables of its environment
    :param max_procs: MOSN's ``MaxProcs``, 0 to 4
    :raises ConfigError: if there is no such executable
    """
    definition = PluginDefinition(name, tuple(command), tuple(args), tuple((env or {}).items()), max_procs=max_procs)
    return plugin_host().register(definition)
