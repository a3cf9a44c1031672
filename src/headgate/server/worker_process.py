"""One worker as the supervisor sees it: a child process, the channel to it, and what is known of its health."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from headgate.api.errors import ServerError
from headgate.runtimes.native.crash_note import CrashNote, create_note
from headgate.runtimes.process.process_exit import process_exit
from headgate.server import protocol
from headgate.server.channel import Channel, Message
from headgate.server.stderr_tail import StderrTail

START_TIMEOUT: Final = 60.0
"""Seconds that a worker may take from exec to its first word."""
CALL_TIMEOUT: Final = 30.0
"""Seconds that a worker may take to answer an ordinary call."""


class WorkerGone(ServerError):
    """The worker died before it answered."""


class WorkerSilent(ServerError):
    """The worker did not answer in time."""


class WorkerProcess:
    """A running worker. Made by :meth:`spawn`.

    :ivar slot: its place among the workers, from 0
    :ivar pid: its process id
    :ivar generation: number of the configuration that it serves; 0 while it serves none
    :ivar prepared: number of the configuration that it prepared last
    :ivar serving: what it was last told to accept on
    :ivar connections: open connections when it last told
    :ivar requests: requests under way when it last told
    :ivar draining: it was told to end
    :ivar forgotten: its statistics have been taken over for good
    :ivar started: when it was started (monotonic seconds)
    :ivar pinged: when it was sent the first ping that it has not answered (monotonic seconds); 0.0 if it has answered all
    :ivar killed_for: why the supervisor killed it; empty if it did not
    :ivar on_event: called with whatever else it says unasked
    :ivar known_sockets: numbers of the listening sockets that it has been sent
    """

    def __init__(self, slot: int, process: asyncio.subprocess.Process, note: CrashNote) -> None:
        self.slot = slot
        self.pid = process.pid
        self.generation = 0
        self.prepared = 0
        self.serving: list[list[object]] = []
        self.connections = 0
        self.requests = 0
        self.draining = False
        self.forgotten = False
        self.started = time.monotonic()
        self.pinged = 0.0
        self.killed_for = ""
        self.known_sockets: set[int] = set()
        self.exited = asyncio.Event()
        self.on_leaving: Callable[[], None] | None = None
        self.on_event: Callable[[Message], None] | None = None
        self._process = process
        self._note = note
        self._channel: Channel | None = None
        self._calls: dict[int, asyncio.Future[Message]] = {}
        self._ids = itertools.count(1)
        self._first_word: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._stderr = StderrTail()
        self._exit_watch = asyncio.create_task(self._watch_exit())

    @classmethod
    async def spawn(cls, slot: int) -> WorkerProcess:
        """Start a worker process: exec, never a bare fork, so that it begins clean.

        It gets a process group of its own, so that a Ctrl-C at the terminal reaches the supervisor only.

        :raises ServerError: if the process cannot be started
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        note, note_fd = CrashNote(), create_note()
        note.attach(note_fd)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-P", "-m", "headgate.server.worker", "--slot", str(slot), "--channel", str(theirs.fileno())),
                    *("--note", str(note_fd)),
                    stdin=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    pass_fds=(theirs.fileno(), note_fd),
                    process_group=0,
                )
        except OSError as error:
            ours.close()
            raise ServerError(f"cannot start a worker process ({sys.executable}): {error.strerror}") from None
        finally:
            os.close(note_fd)
        worker = cls(slot, process, note)
        worker._channel = Channel(ours, worker._on_message, worker._on_channel_end)
        return worker

    async def wait_started(self) -> None:
        """Wait until the worker's event loop turns.

        :raises WorkerGone: if it died first
        :raises WorkerSilent: if it takes longer than :data:`START_TIMEOUT`
        """
        await self._in_time(self._first_word, START_TIMEOUT, "did not start")

    async def call(self, command: str, fields: Message | None = None, fds: Sequence[int] = (), timeout: float = CALL_TIMEOUT) -> Message:
        """Send a command and wait for the answer.

        :param timeout: seconds to wait
        :raises WorkerGone: if the worker dies first
        :raises WorkerSilent: if it does not answer in time
        """
        number, answer = self._send(command, fields, fds)
        try:
            return await self._in_time(answer, timeout, f"did not answer to {command!r}")
        finally:
            self._calls.pop(number, None)

    def post(self, command: str, fields: Message | None = None, fds: Sequence[int] = ()) -> None:
        """Send a command whose answer interests nobody, except as a sign of life."""
        number, _ = self._send(command, fields, fds)
        del self._calls[number]

    def ping(self) -> None:
        """Ask for a sign of life."""
        if not self.pinged:
            self.pinged = time.monotonic()
        self.post(protocol.PING)

    def silence(self) -> float:
        """Seconds for which it has not answered although it was asked."""
        return time.monotonic() - self.pinged if self.pinged else 0.0

    def kill(self, reason: str) -> None:
        """End it at once.

        :param reason: for the log
        """
        if not self.exited.is_set():
            self.killed_for = self.killed_for or reason
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def abort(self, reason: str) -> None:
        """End it at once, but with a last word: on SIGABRT its fault handler writes to standard error where it is stuck."""
        if not self.exited.is_set():
            self.killed_for = self.killed_for or reason
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGABRT)
            asyncio.get_running_loop().call_later(1.0, self.kill, reason)

    @property
    def started_up(self) -> bool:
        """Its event loop has begun to turn."""
        return self._first_word.done()

    @property
    def lifetime(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def describe_exit(self) -> str:
        """How it ended, for the log: exit code or signal, why it was killed, and the last it wrote to standard error."""
        code = self._process.returncode
        if code is None:
            return "still running"
        if code < 0:
            try:
                text = f"killed by {signal.Signals(-code).name}"
            except ValueError:
                text = f"killed by signal {-code}"
        else:
            text = f"exited with code {code}"
        if self.killed_for:
            text += f" ({self.killed_for})"
        reason = self._stderr.reason() if code != 0 else ""
        return f"{text}; its last words: {reason}" if reason else text

    @property
    def crashed_in(self) -> tuple[str, str] | None:
        """Listener and name of the stream filter in whose native code it died of itself; None if it did not."""
        code = self._process.returncode
        return self._note.read() if code is not None and code < 0 and not self.killed_for else None

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    def _send(self, command: str, fields: Message | None, fds: Sequence[int]) -> tuple[int, asyncio.Future[Message]]:
        number = next(self._ids)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        if self._channel is not None:
            self._channel.send({"command": command, "id": number, **(fields or {})}, fds)
        return number, answer

    async def _in_time(self, answer: asyncio.Future[Message], timeout: float, failure: str) -> Message:
        try:
            return await asyncio.wait_for(asyncio.shield(answer), timeout)
        except TimeoutError:
            raise WorkerSilent(f"worker {self.slot} (pid {self.pid}) {failure} within {timeout:g} s") from None

    def _on_message(self, message: Message, fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)
        self.pinged = 0.0
        event = message.get("event")
        if event == protocol.STARTED:
            _settle(self._first_word, message)
        elif event == protocol.LEAVING and self.on_leaving is not None:
            self.on_leaving()
        elif event is not None and self.on_event is not None:
            self.on_event(message)
        connections, requests = message.get("connections"), message.get("requests")
        if isinstance(connections, int) and isinstance(requests, int):
            self.connections, self.requests = connections, requests
        number = message.get("id")
        answer = self._calls.get(number) if isinstance(number, int) else None
        if answer is not None:
            _settle(answer, message)

    def _on_channel_end(self) -> None:
        # A worker that closed its end and lives on can no longer be told anything.
        if not self.exited.is_set():
            asyncio.get_running_loop().call_later(5.0, self.kill, "it closed its control channel")

    async def _watch_exit(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        reader = asyncio.create_task(self._stderr.follow(stderr))
        await process_exit(self._process)
        # A grandchild may hold the pipe open: what has been written is read, the end is not waited for.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader, 0.5)
        if self._channel is not None:
            self._channel.close()
        self.exited.set()
        gone = WorkerGone(f"worker {self.slot} (pid {self.pid}) {self.describe_exit()}")
        for answer in [*self._calls.values(), self._first_word]:
            _settle(answer, gone)


def _settle(answer: asyncio.Future[Message], outcome: Message | WorkerGone) -> None:
    if answer.done():
        return
    if isinstance(outcome, WorkerGone):
        answer.set_exception(outcome)
        # Not everybody who asked still waits.
        answer.exception()
    else:
        answer.set_result(outcome)
