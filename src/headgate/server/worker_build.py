"""Building a configuration in a worker, beside the traffic.

The build runs in a thread, so that the event loop keeps turning; for its time the interpreter switches threads more often than usual and
does not collect garbage: a full collection over a configuration of ten thousand routes would be a pause that clients notice.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import headgate.runtimes.builtin  # noqa: F401  # registers what ships
from headgate.api.errors import ConfigError, ConfigRejected, HeadgateError
from headgate.api.plugin import PluginHost, plugins_from
from headgate.config.models import HeadgateConfig
from headgate.config.wire import from_wire
from headgate.observe import log
from headgate.proxy.runtime import Runtime
from headgate.proxy.worker_context import WorkerContext
from headgate.runtimes.module.loader import load_extensions
from headgate.runtimes.process.definition_build import PluginPlace, configured_plugins
from headgate.runtimes.process.worker_plugins import GenerationPlugins, WorkerPlugins
from headgate.server.config_handover import read_config

BUILD_SWITCH_INTERVAL: Final = 0.0005
"""Seconds after which the building thread lets the loop's thread run (the interpreter's usual value is 0.005)."""

_LOG: Final = logging.getLogger("headgate.server")


@dataclass(frozen=True)
class ConfiguredNames:
    """What a configuration has, by name: the statistics that are to be kept.

    :ivar hosts: (cluster, address)
    """

    listeners: set[str]
    clusters: set[str]
    hosts: set[tuple[str, str]]


@dataclass(frozen=True)
class Candidate:
    """A configuration that was built and may be put in force. The models are not kept: the runtime has what it needs of them.

    :ivar logging: path, level and format of the log
    :ivar warn_after: seconds after which the watchdog reports a filter
    :ivar plugins: what it asked for its plugins; to be released when the runtime is over
    """

    generation: int
    runtime: Runtime
    logging: tuple[str, str, str]
    warn_after: float
    names: ConfiguredNames
    plugins: GenerationPlugins


@dataclass(frozen=True)
class BuildTask:
    """What is to be built, and with what.

    :ivar config_fd: descriptor of the configuration's text; closed by the build
    :ivar folder: where the configuration file lies
    :ivar programs: fingerprints of plugins' programs by name, as the supervisor knows them
    :ivar in_force: the other workers have the configuration already: a plugin that is down at present is no reason to refuse it
    :ivar first: this worker has none yet: its log begins as the configuration says, so that what extensions say while they are made is seen
    """

    generation: int
    config_fd: int
    folder: Path
    programs: dict[str, str]
    context: WorkerContext
    plugins: WorkerPlugins
    in_force: bool = False
    first: bool = False


def build_runtime(config: HeadgateConfig, context: WorkerContext, plugins: PluginHost) -> Runtime:
    """Load the extensions of a configuration and build everything from it.

    :param plugins: gives filters their plugins
    :raises ConfigRejected: with every finding; never anything else, whatever an extension raises
    """
    try:
        with plugins_from(plugins):
            scope = load_extensions(config.extensions)
            try:
                runtime = Runtime.build(config, scope, context)
            except BaseException:
                scope.close()
                raise
            runtime.own(scope)
            return runtime
    except ConfigRejected:
        raise
    except ConfigError as error:
        raise ConfigRejected([error]) from error
    except HeadgateError as error:
        raise ConfigRejected([ConfigError("extensions", str(error))]) from error
    except (Exception, SystemExit) as error:
        # Also SystemExit: a module that calls sys.exit() is a faulty module, not the end of the process.
        _LOG.exception("building a configuration failed")
        raise ConfigRejected([ConfigError("", f"internal error while building: {type(error).__name__}: {error}")]) from error


def _candidate(task: BuildTask, loop: asyncio.AbstractEventLoop) -> Candidate:
    config = from_wire(read_config(task.config_fd))
    server = config.servers[0]
    logging_settings = (server.default_log_path, server.default_log_level, server.log_format)
    if task.first:
        log.configure_logging(*logging_settings)
    place = PluginPlace(task.folder, config, look=not task.in_force, programs=task.programs)
    declared, errors = configured_plugins(config, place)
    if errors:
        raise ConfigRejected(errors)
    plugins = GenerationPlugins(task.plugins, task.generation, declared, place, loop, task.in_force)
    try:
        runtime = build_runtime(config, task.context, plugins)
    except BaseException:
        loop.call_soon_threadsafe(plugins.release)
        raise
    clusters = config.cluster_manager.clusters
    return Candidate(
        task.generation,
        runtime,
        logging_settings,
        config.watchdog.warn_after,
        ConfiguredNames(
            {listener.name for listener in server.listeners},
            {cluster.name for cluster in clusters},
            {(cluster.name, host.address) for cluster in clusters for host in cluster.hosts},
        ),
        plugins,
    )


async def build_candidate(task: BuildTask, unwanted: Callable[[Candidate], None]) -> Candidate:
    """Read a configuration from the supervisor and build it. If this is cancelled, what the thread makes is thrown away when it is done.

    :param unwanted: given what is to be thrown away, in the loop
    :raises ConfigRejected: with every finding
    """
    build = _Build(task, unwanted)
    with _considerate():
        # A daemon: an extension that hangs while it is loaded must not keep the worker from exiting.
        threading.Thread(target=build.run, name="headgate-build", daemon=True).start()
        return await build.result


@contextmanager
def _considerate() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(BUILD_SWITCH_INTERVAL)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setswitchinterval(interval)


class _Build:
    """One build in a thread of its own, and its outcome for the loop."""

    def __init__(self, task: BuildTask, unwanted: Callable[[Candidate], None]) -> None:
        self._task = task
        self._unwanted = unwanted
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Candidate] = self._loop.create_future()

    def run(self) -> None:
        """In the thread."""
        try:
            candidate = _candidate(self._task, self._loop)
        except ConfigRejected as rejected:
            self._loop.call_soon_threadsafe(self._fail, rejected)
        except ConfigError as error:
            self._loop.call_soon_threadsafe(self._fail, ConfigRejected([error]))
        except BaseException as error:
            # Whatever it is, the loop waits for an outcome.
            self._loop.call_soon_threadsafe(self._fail, ConfigRejected([ConfigError("", f"building failed: {error!r}")]))
        else:
            self._loop.call_soon_threadsafe(self._succeed, candidate)

    def _succeed(self, candidate: Candidate) -> None:
        if self.result.done():
            self._unwanted(candidate)
        else:
            self.result.set_result(candidate)

    def _fail(self, rejected: ConfigRejected) -> None:
        if not self.result.done():
            self.result.set_exception(rejected)
