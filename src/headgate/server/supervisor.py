"""The supervisor: ``headgate start``.

It reads and checks the configuration, owns the listening sockets, starts and replaces workers and plugins, adds up statistics, and answers
on the admin server and the control socket. It never touches traffic. It runs on the standard event loop: its subprocesses can be given
a process group of their own, which uvloop's cannot, and there is nothing here to be fast at.

Life: *starting* -> *running* -> *stopping* -> *stopped*. A start that fails leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigRejected, ServerError
from headgate.control.admin.server import AdminServer
from headgate.observe import log
from headgate.observe.server_stats import ServerStats
from headgate.server import protocol, run_directory
from headgate.server.admin_view import SupervisorView
from headgate.server.channel import Message
from headgate.server.crash_quarantine import CrashQuarantine
from headgate.server.deployment import Deployment, StartSettings, admin_address
from headgate.server.file_watch import FileWatch, watched_files
from headgate.server.health import HealthWatch
from headgate.server.plugin_rollout import PluginRollout
from headgate.server.reload import Candidate, Reloader
from headgate.server.sockets import address_text
from headgate.server.stopping import StopRequest
from headgate.server.worker_pool import WorkerPool
from headgate.server.worker_process import WorkerProcess
from headgate.server.worker_statistics import WorkerStatistics

STATE_STARTING: Final = 4
STATE_RUNNING: Final = 6
STATE_GRACEFUL_STOPPING: Final = 8
STATE_STOPPING: Final = 9
"""MOSN's numbers for the states of a life."""

_LOG: Final = logging.getLogger("headgate.server")


class Supervisor:
    """One running proxy. Use :func:`run`.

    :ivar stats: what happened to workers and configurations
    :ivar statistics: the workers' statistics
    :ivar pool: the workers
    """

    def __init__(self, settings: StartSettings, first: Candidate, control_path: Path, stop_request: StopRequest) -> None:
        self.settings = settings
        self.stats = ServerStats()
        self.statistics = WorkerStatistics()
        self.pool = WorkerPool(first.deployment, self.stats, self.statistics)
        self.pool.on_serving = self._tell_log_changes
        self.plugins = PluginRollout(self.pool, run_directory.run_directory)
        quarantine = CrashQuarantine(self.pool)
        self.pool.on_started.append(quarantine.tell)
        self.pool.on_death = quarantine.worker_died
        self.control_path = control_path
        self.pid_path = Path(first.deployment.config.pid or run_directory.pid_file_beside(control_path))
        self.admin_bound = ""
        self.started_at = time.time()
        self.stop_request = stop_request
        self.last_reload: Message = {}
        self._first = first
        self._started = asyncio.Event()
        self._reloader = Reloader(settings, self.pool, self.plugins, self._on_new_configuration)
        self._admin: AdminServer | None = None
        self._log_changes: dict[tuple[str, str], Message] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life

    async def start(self) -> None:
        """Start the workers and everything around them.

        :raises ConfigRejected: if a worker refuses the configuration
        :raises ServerError: if something cannot be started
        """
        self.stats.state = STATE_STARTING
        self._report_warnings(self._first)
        # Before the workers read the files: what changes from here on is noticed.
        watch = FileWatch(self._watched_files, self._reload_quietly) if self.settings.watch else None
        self.plugins.prepare(self._first.deployment)
        await self.pool.start()
        self.plugins.commit(self._first.deployment)
        await self._start_admin(self._first)
        run_directory.write_pid_file(self.pid_path, os.getpid())
        self._run(HealthWatch(self.pool, self.stats, self.statistics).run())
        if watch is not None:
            self._run(watch.run())
        self.stats.state = STATE_RUNNING
        self._started.set()
        if self.settings.ready_file is not None:
            run_directory.write_ready_file(self.settings.ready_file, self.facts())
        listeners = ", ".join(f"{name} on {address}" for name, address in self.pool.deployment.sockets.addresses().items())
        _LOG.info("headgate runs: pid %d, %d workers, %s", os.getpid(), self.pool.deployment.slots, listeners or "no listeners")

    async def stop(self, at_once: bool) -> None:
        """End the workers and everything around them.

        :param at_once: cut off what is under way
        """
        deployment = self.pool.deployment
        if at_once:
            self.stats.state = STATE_STOPPING
            _LOG.warning("stopping at once: what is under way is cut off")
            deployment.sockets.close()
            await self.pool.kill()
            await self.plugins.kill()
        else:
            self.stats.state = STATE_GRACEFUL_STOPPING
            _LOG.info("stopping: requests under way get up to %g s", deployment.graceful_timeout)
            # The workers take up what waits in their copies, so closing ours first means that nothing more can come.
            deployment.sockets.close()
            stopping = asyncio.create_task(self.pool.stop(deployment.graceful_timeout))
            hurry = asyncio.create_task(self.stop_request.at_once.wait())
            await asyncio.wait({stopping, hurry}, return_when=asyncio.FIRST_COMPLETED)
            hurry.cancel()
            if not stopping.done():
                _LOG.warning("asked again: what is under way is cut off")
                await self.pool.kill()
            await stopping
            await self.plugins.stop()
        await self.clean_up()
        _LOG.info("headgate has stopped")

    async def clean_up(self) -> None:
        """Let go of everything but the control socket; also after a start that failed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pool.kill()
        await self.plugins.kill()
        if self._admin is not None:
            await self._admin.stop()
        self.pool.deployment.sockets.close()
        self.pool.deployment.close()
        run_directory.remove_own_pid_file(self.pid_path, os.getpid())
        if self.settings.ready_file is not None:
            self.settings.ready_file.unlink(missing_ok=True)

    # --- reload

    async def reload(self) -> Candidate:
        """Read the configuration file again and put it in force, or leave everything as it is.

        :raises ConfigRejected: with every finding; nothing has changed then
        :raises ServerError: if the workers could not do it; nothing has changed then
        """
        await self._started.wait()
        if self.stop_request.stopping:
            raise ServerError("the proxy is stopping")
        try:
            candidate = await self._reloader.reload()
        except (ConfigRejected, ServerError) as error:
            self.stats.reload_failures += 1
            self.last_reload = {"ok": False, "errors": str(error).splitlines()}
            for line in str(error).splitlines():
                _LOG.error("reload refused, nothing has changed: %s", line)
            raise
        self.stats.reloads += 1
        self.last_reload = {"ok": True, "warnings": [warning.render() for warning in candidate.warnings]}
        self._report_warnings(candidate)
        _LOG.info("reloaded: configuration %d is in force", candidate.deployment.generation)
        return candidate

    def reload_on_signal(self) -> None:
        """SIGHUP: the outcome goes to the log."""
        self._run(self._reload_quietly())

    def _watched_files(self) -> set[Path]:
        return watched_files(self.pool.deployment.config, self.settings.config_path)

    async def _reload_quietly(self) -> None:
        try:
            await self.reload()
        except (ConfigRejected, ServerError):
            return  # has been logged

    async def _on_new_configuration(self, candidate: Candidate, former: Deployment) -> None:
        before, now = former.config.servers[0], candidate.deployment.config.servers[0]
        if (before.default_log_path, before.default_log_level, before.log_format) != (
            now.default_log_path,
            now.default_log_level,
            now.log_format,
        ):
            self._log_changes.clear()
            log.configure_logging(now.default_log_path, now.default_log_level, now.log_format)
        self.statistics.retain(candidate.deployment.config, set(self.plugins.names()))
        for worker in self.pool.serving():
            self._tell_log_changes(worker)
        if candidate.admin_socket is not None or candidate.deployment.config.admin is None:
            if self._admin is not None:
                await self._admin.stop()
                self._admin = None
                self.admin_bound = ""
            await self._start_admin(candidate)

    async def _start_admin(self, candidate: Candidate) -> None:
        admin = candidate.deployment.config.admin
        address = admin_address(admin)
        sock = candidate.admin_socket
        if admin is None or address is None or sock is None:
            return
        self.admin_bound = address_text(address, sock.getsockname()[1])
        self._admin = AdminServer(admin, SupervisorView(self))
        await self._admin.start(sock)

    # --- logs

    def reopen_logs(self) -> None:
        """SIGUSR1: after a rotation, also in every worker."""
        log.reopen()
        self._tell_all(protocol.REOPEN, {})
        _LOG.info("log files reopened")

    def change_log(self, command: str, path: str, fields: Message) -> None:
        """Change something about a log in every worker, also in those that are started later.

        :param command: ``log_level`` or ``log_on``
        """
        message: Message = {"path": path, **fields}
        self._log_changes[(command, path)] = message
        self._tell_all(command, message)

    def access_log_paths(self) -> set[str]:
        """The paths of all access logs."""
        listeners = self.pool.deployment.config.servers[0].listeners
        return {entry.log_path for listener in listeners for entry in listener.access_logs}

    def _tell_all(self, command: str, fields: Message) -> None:
        for worker in self.pool.processes():
            worker.post(command, fields)

    def _tell_log_changes(self, worker: WorkerProcess) -> None:
        for (command, _), message in self._log_changes.items():
            worker.post(command, message)

    def _report_warnings(self, candidate: Candidate) -> None:
        for warning in candidate.warnings:
            _LOG.warning("configuration: %s", warning.render())

    # --- what others want to know

    def ready(self) -> bool:
        """At least one worker serves the configuration in force, and no stop is under way."""
        return self.stats.state == STATE_RUNNING and self.stats.workers > 0

    def facts(self) -> Message:
        """Where the proxy is to be found."""
        return {
            "pid": os.getpid(),
            "config": str(self.settings.config_path),
            "control_socket": str(self.control_path),
            "admin": self.admin_bound or None,
            "listeners": dict(self.pool.deployment.sockets.addresses()),
            "workers": [worker.pid for worker in self.pool.serving()],
        }

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
