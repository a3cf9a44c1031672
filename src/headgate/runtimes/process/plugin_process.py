"""One process of a plugin: started, its handshake line read, its output logged, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

from headgate.api.errors import HeadgateError, ServerError
from headgate.api.plugin import PluginDefinition
from headgate.observe.log import OFF, level_number
from headgate.runtimes.process.definition_build import plugin_environment
from headgate.runtimes.process.filter_host_link import FilterHostLink
from headgate.runtimes.process.grpc_link import GrpcLink
from headgate.runtimes.process.handshake import MAX_LINE, Endpoint, HandshakeError, parse_handshake, shown
from headgate.runtimes.process.isolation_messages import PROTOCOL
from headgate.runtimes.process.keeper import kill_session
from headgate.runtimes.process.output_log import OutputLog
from headgate.runtimes.process.plugin_link import PluginLink
from headgate.runtimes.process.plugin_room import PluginRoom
from headgate.runtimes.process.process_exit import process_exit

_LAUNCHER: Final = str(Path(__file__).with_name("launcher.py"))
_LAST_OUTPUT: Final = 0.5
"""Seconds that are waited for the rest of a dead process's output; a grandchild may hold the pipe open."""
_SHUTDOWN_SHARE: Final = 0.75
"""The part of ``stop_timeout`` after which a process that was asked to shut down is sent SIGTERM."""

_LOG: Final = logging.getLogger("headgate.plugin")


class PluginStartError(HeadgateError):
    """A process of a plugin could not be started; the message says why in one line."""


class PluginProcess:
    """A process that has been started. Made by :meth:`start`.

    :ivar instance: a name that no other process has
    :ivar pid: its process id, and the number of its session and process group
    :ivar endpoint: where it listens
    :ivar link: the supervisor's connection to it
    :ivar started: when it was started (monotonic seconds)
    :ivar exited: it and everything in its session has ended
    :ivar killed_for: why it was killed: ``memory``, ``unhealthy``, ``stop``; empty if it was not
    """

    def __init__(self, definition: PluginDefinition, instance: str, directory: Path, process: asyncio.subprocess.Process) -> None:
        self.instance = instance
        self.pid = process.pid
        self.endpoint = Endpoint("", "")
        self.link: PluginLink | None = None
        self.started = time.monotonic()
        self.exited = asyncio.Event()
        self.killed_for = ""
        self._definition = definition
        self._directory = directory
        self._process = process
        self._stdout = self._output()
        self._stderr = self._output()
        self._readers: list[asyncio.Task[None]] = []
        self._exit_watch: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, definition: PluginDefinition, instance: str, room: PluginRoom) -> PluginProcess:
        """Start a process and wait until it listens.

        :raises PluginStartError: if it cannot be started, does not say where it listens in time, or does not listen there; it is gone then
        """
        end = time.monotonic() + definition.start_timeout
        try:
            await room.open()
            directory = room.make_directory()
        except (OSError, ServerError) as error:
            raise PluginStartError(f"no directory for its sockets: {error}") from None
        try:
            process = await _launch(definition, directory, room)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        started = cls(definition, instance, directory, process)
        room.add_session(started.pid)
        started._exit_watch = asyncio.create_task(started._watch_exit(room))
        try:
            await started._come_up(end, room)
        except BaseException:
            started.kill("stop")
            await asyncio.shield(started.exited.wait())
            raise
        return started

    async def stop(self) -> None:
        """Have it end: ask, tell, kill, within the definition's ``stop_timeout``."""
        began = time.monotonic()
        timeout = self._definition.stop_timeout
        self.killed_for = self.killed_for or "stop"
        link = self.link
        if link is not None and not self.exited.is_set() and await link.shut_down(timeout * _SHUTDOWN_SHARE):
            await self._exits_by(began + timeout * _SHUTDOWN_SHARE)
        self._signal(signal.SIGTERM)
        if not await self._exits_by(began + timeout):
            _LOG.warning("plugin %s (pid %d) did not end within %g s: it is killed", self.instance, self.pid, timeout)
            self.kill("stop")
            await self.exited.wait()

    def kill(self, reason: str) -> None:
        """End it, and its whole process group, at once.

        :param reason: for :attr:`killed_for`
        """
        self.killed_for = self.killed_for or reason
        self._signal(signal.SIGKILL)

    @property
    def running(self) -> bool:
        """The process itself has not ended."""
        return self._process.returncode is None

    @property
    def lifetime(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.started

    def describe_exit(self, before: str = "") -> str:
        """How it ended, in one line for the log.

        :param before: what it has not done, to stand behind the exit code
        """
        code = self._process.returncode
        if code is None:
            return "still runs"
        try:
            text = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        except ValueError:
            text = f"was killed by signal {-code}"
        text += before
        last = self._stderr.last_line
        return f"{text}; the last it wrote: {shown(last)}" if last and code != 0 else text

    def _signal(self, number: int) -> None:
        if not self.exited.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def _exits_by(self, end: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.exited.wait(), max(0.0, end - time.monotonic()))
        return self.exited.is_set()

    def _output(self) -> OutputLog:
        """The way to the log for one stream of what it writes."""
        level = level_number(self._definition.log_level)
        return OutputLog(logging.getLogger(f"headgate.plugin.{self._definition.name}"), None if level == OFF else level)

    # --- coming up

    async def _come_up(self, end: float, room: PluginRoom) -> None:
        stdout, stderr = self._process.stdout, self._process.stderr
        assert stdout is not None and stderr is not None
        self._readers.append(asyncio.create_task(self._stderr.follow(stderr)))
        timeout = self._definition.start_timeout
        try:
            async with asyncio.timeout_at(_loop_time(end)):
                line = await self._first_line(stdout)
        except TimeoutError:
            message = f"timeout while waiting for plugin to start: no line on its standard output within {timeout:g} s"
            raise PluginStartError(message) from None
        self._readers.append(asyncio.create_task(self._stdout.follow(stdout)))
        try:
            self.endpoint = parse_handshake(line, self._definition.protocol)
        except HandshakeError as error:
            raise PluginStartError(str(error)) from None
        link = self._link_to(self.endpoint, room)
        try:
            await link.open(max(0.1, end - time.monotonic()))
        except OSError as error:
            reason = error.strerror or str(error) or f"no answer within {timeout:g} s"
            raise PluginStartError(f"nobody listens on {self.endpoint.network} {self.endpoint.address}: {reason}") from None
        self.link = link

    def _link_to(self, endpoint: Endpoint, room: PluginRoom) -> PluginLink:
        """The kind of link is the protocol's to say, and with it the kind of health check."""
        if self._definition.protocol == PROTOCOL:
            return FilterHostLink(endpoint)
        return GrpcLink(endpoint, room.wheel, self._output)

    async def _first_line(self, stream: asyncio.StreamReader) -> bytes:
        line = b""
        while b"\n" not in line:
            if len(line) > MAX_LINE:
                raise PluginStartError(f"unrecognized remote plugin message: {shown(line)}: no line end within {MAX_LINE} bytes")
            data = await stream.read(MAX_LINE)
            if not data:
                await self.exited.wait()
                instead = f", but only {shown(line)}" if line else ""
                raise PluginStartError(f"it {self.describe_exit(f' before it said where it listens{instead}')}")
            line += data
        first, _, rest = line.partition(b"\n")
        if len(first) > MAX_LINE:
            raise PluginStartError(f"unrecognized remote plugin message: {shown(first)}: longer than {MAX_LINE} bytes")
        self._stdout.feed(rest)
        return first

    # --- the end

    async def _watch_exit(self, room: PluginRoom) -> None:
        await process_exit(self._process)
        if self.link is not None:
            self.link.close()
        # What it has started goes with it; scanning the processes takes milliseconds, so not in the loop.
        await asyncio.to_thread(kill_session, self.pid)
        room.remove_session(self.pid)
        if self._readers:
            await asyncio.wait(self._readers, timeout=_LAST_OUTPUT)
            for reader in self._readers:
                reader.cancel()
        shutil.rmtree(self._directory, ignore_errors=True)
        self.exited.set()


async def _launch(definition: PluginDefinition, directory: Path, room: PluginRoom) -> asyncio.subprocess.Process:
    """Start the launcher and wait until it has become the plugin.

    :raises PluginStartError: if it cannot
    """
    limits = {"open_files": definition.limits.open_files, "cpus": room.cpus(definition.limits.cpus)}
    error_out, error_in = os.pipe()
    options = {"parent": os.getpid(), "error_fd": error_in, **limits}
    try:
        with os.fdopen(error_in, "wb", 0):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", _LAUNCHER, json.dumps(options), *definition.command, *definition.args),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=definition.cwd,
                env=plugin_environment(definition, str(directory), os.environ),
                pass_fds=(error_in,),
                start_new_session=True,
            )
    except BaseException as error:
        os.close(error_out)
        if isinstance(error, OSError | ValueError):
            raise PluginStartError(f"cannot start: {error}") from None
        raise
    try:
        reason = await _read_to_end(error_out)
    except BaseException:
        process.kill()
        raise
    if reason:
        await process.wait()
        hint = " (a script needs a first line like '#!/bin/sh')" if "exec format" in reason else ""
        raise PluginStartError(f"cannot execute {definition.command[0]}: {reason}{hint}")
    return process


async def _read_to_end(fd: int) -> str:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0))
    try:
        return (await reader.read()).decode("utf-8", "replace")
    finally:
        transport.close()


def _loop_time(end: float) -> float:
    return asyncio.get_running_loop().time() + end - time.monotonic()
