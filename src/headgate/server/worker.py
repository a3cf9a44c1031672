"""A worker: one process, one event loop, the traffic. ``python -m headgate.server.worker``, started by the supervisor only.

It does what the supervisor tells it over the control channel (:mod:`headgate.server.protocol`). If the channel ends, the supervisor is
gone, however it died: the worker then finishes quickly what is under way and exits, so that no orphan keeps a port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import socket
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final

import uvloop

from headgate.api.errors import ConfigRejected
from headgate.observe import log
from headgate.runtimes.native.crash_note import NOTE
from headgate.server import protocol
from headgate.server.channel import Channel, Message
from headgate.server.worker_service import WorkerService

ORPHAN_TIMEOUT: Final = 5.0
"""Seconds that requests under way get when the supervisor is gone."""

LAST_WORD_TIMEOUT: Final = 2.0
"""Seconds that the supervisor gets to take the last answer."""

_LOG: Final = logging.getLogger("headgate.server")


class Worker:
    """The commands of the supervisor, carried out.

    Those that touch listeners and configuration are carried out one after the other; the others at once, also while one of those runs.
    """

    def __init__(self, slot: int, channel: socket.socket) -> None:
        self._slot = slot
        self._service = WorkerService(self._say)
        self._finished = asyncio.Event()
        self._queue: asyncio.Queue[tuple[Message, list[int]]] = asyncio.Queue()
        self._build: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._channel = Channel(channel, self._on_message, self._on_supervisor_gone)

    async def run(self) -> None:
        """Work until told to end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._say, protocol.LEAVING)
        self._service.start()
        self._say(protocol.STARTED)
        in_order = asyncio.create_task(self._work_in_order())
        await self._finished.wait()
        in_order.cancel()
        await self._channel.flush(LAST_WORD_TIMEOUT)

    def _on_message(self, message: Message, fds: list[int]) -> None:
        command = message.get("command")
        if command == protocol.PING:
            self._answer(message, self._service.counts())
        elif command == protocol.STATS:
            self._answer(message, {"groups": self._service.snapshot()})
        elif command == protocol.SET_ASIDE:
            seconds = float(protocol.text(message, "seconds"))
            self._service.set_aside(protocol.text(message, "listener"), protocol.text(message, "filter"), seconds)
        elif command == protocol.PLUGINS:
            self._service.update_plugins(message)
        elif command == protocol.PREPARE:
            self._cancel_build()
            self._build = asyncio.create_task(self._answered(message, self._prepare(message, fds)))
        elif command == protocol.DRAIN:
            self._begin_end(self._answered(message, self._drain(message)))
        else:
            if command in (protocol.ABORT, protocol.COMMIT):
                self._cancel_build()
            self._queue.put_nowait((message, fds))

    async def _work_in_order(self) -> None:
        while True:
            message, fds = await self._queue.get()
            await self._answered(message, self._carry_out(message, fds))

    async def _answered(self, message: Message, work: Coroutine[None, None, Message | None]) -> None:
        """Carry a command out and answer it, whatever comes of it."""
        try:
            fields = await work
        except ConfigRejected as rejected:
            self._answer(message, {"ok": False, "errors": protocol.findings_to_wire(rejected.errors)})
        except Exception as error:
            _LOG.exception("the command %r failed", message.get("command"))
            self._answer(message, {"ok": False, "error": f"{type(error).__name__}: {error}"})
        else:
            self._answer(message, fields or {})

    def _answer(self, message: Message, fields: Mapping[str, object]) -> None:
        self._channel.send({"id": message.get("id"), "ok": True, **fields})

    def _say(self, event: str, fields: Mapping[str, object] | None = None) -> None:
        self._channel.send({"event": event, **(fields or {})})

    async def _carry_out(self, message: Message, fds: list[int]) -> Message | None:
        service = self._service
        match message.get("command"):
            case protocol.SOCKETS:
                service.sockets.receive(protocol.numbers(message, "sockets"), fds)
            case protocol.COMMIT:
                await service.commit(protocol.number(message, "generation"), protocol.serve_pairs(message))
            case protocol.ABORT:
                service.abort()
            case protocol.SERVE:
                await service.serve(protocol.serve_pairs(message))
            case protocol.LOG_LEVEL:
                log.set_level(protocol.text(message, "path"), protocol.text(message, "level"))
            case protocol.LOG_ON:
                service.set_log_enabled(protocol.text(message, "path"), bool(message.get("enabled")))
            case protocol.REOPEN:
                log.reopen()
                service.reopen_access_logs()
            case other:
                raise ValueError(f"unknown command {other!r}")
        return None

    async def _prepare(self, message: Message, fds: list[int]) -> None:
        folder, programs = Path(protocol.text(message, "folder")), protocol.texts(message, "programs")
        await self._service.prepare(protocol.number(message, "generation"), fds[0], folder, programs, message.get("in_force") is True)

    def _cancel_build(self) -> None:
        if self._build is not None:
            self._build.cancel()
            self._build = None

    async def _drain(self, message: Message) -> Message:
        timeout = message.get("timeout")
        cut = await self._service.drain(float(timeout) if isinstance(timeout, int | float) else 0.0)
        return {"cut": cut, "groups": self._service.snapshot()}

    def _on_supervisor_gone(self) -> None:
        _LOG.error("the supervisor is gone: worker %d ends", self._slot)
        self._begin_end(self._end_as_orphan())

    async def _end_as_orphan(self) -> None:
        await self._service.drain(ORPHAN_TIMEOUT)

    def _begin_end(self, work: Coroutine[None, None, None]) -> None:
        if self._ending is not None:
            work.close()
            return
        self._cancel_build()
        self._ending = asyncio.create_task(work)
        self._ending.add_done_callback(lambda _: self._finished.set())


def main(arguments: Sequence[str] | None = None) -> None:
    """The worker's process."""
    parser = argparse.ArgumentParser(prog="headgate.server.worker", description="A worker of Headgate; started by `headgate start`.")
    parser.add_argument("--slot", type=int, required=True, help="its place among the workers")
    parser.add_argument("--channel", type=int, required=True, help="descriptor of the control channel")
    parser.add_argument("--note", type=int, required=True, help="descriptor of its crash note")
    options = parser.parse_args(arguments)
    faulthandler.enable()
    # What an operator sends to the whole process group is the supervisor's to act upon.
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    _set_process_name(f"headgate-w{options.slot}")
    channel = socket.socket(fileno=options.channel)
    os.set_inheritable(options.channel, False)
    NOTE.attach(options.note)
    os.close(options.note)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(options.slot, channel))


async def _run(slot: int, channel: socket.socket) -> None:
    await Worker(slot, channel).run()


def _set_process_name(name: str) -> None:
    """What ``ps -o comm`` and ``top`` show (Linux; at most 15 bytes)."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:
        file.write(name)


if __name__ == "__main__":
    main()
