"""What all plugins of one supervisor share: the directory of their sockets, and the keeper that ends them if the supervisor is killed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from headgate.net.deadlines import DeadlineWheel

_KEEPER: Final = str(Path(__file__).with_name("keeper.py"))
_LONGEST_ROOT: Final = 60
"""Bytes of a directory's path that leave room for the names that plugins give their sockets (107 bytes in all)."""

_LOG: Final = logging.getLogger("headgate.plugin")


class PluginRoom:
    """Made on the first plugin's start.

    :ivar wheel: the deadlines of calls that the supervisor itself makes
    """

    def __init__(self, parent: Callable[[], Path]) -> None:
        """:param parent: gives a directory that only this user may enter"""
        self.wheel = DeadlineWheel()
        self._parent = parent
        self._root: Path | None = None
        self._keeper: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._sessions: set[int] = set()
        self._numbers = itertools.count()
        self._cpu_turn = 0
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Make the directory and start the keeper, unless that has been done.

        :raises OSError: if it cannot be
        :raises ServerError: if there is no directory for it
        """
        async with self._lock:
            if self._keeper is None:
                if self._root is None:
                    parent = self._parent()
                    # mkdtemp's directories are their owner's only.
                    room = parent if len(os.fsencode(parent)) <= _LONGEST_ROOT else None
                    self._root = Path(tempfile.mkdtemp(prefix="plugins-", dir=room))
                self._keeper = await self._start_keeper(self._root)
                self._watch = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Remove the directory, end the keeper. What it knows of still is killed."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        keeper, self._keeper = self._keeper, None
        if keeper is not None and keeper.stdin is not None:
            keeper.stdin.close()
            await keeper.wait()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None

    def make_directory(self) -> Path:
        """A new directory for the sockets of one process."""
        assert self._root is not None
        directory = self._root / str(next(self._numbers))
        directory.mkdir(mode=0o700)
        return directory

    def cpus(self, count: int) -> list[int]:
        """Processors for a process that may run on so many only: the next ones, so that not all processes get the same.

        :returns: none for all
        """
        usable = sorted(os.sched_getaffinity(0))
        if count == 0 or count >= len(usable):
            return []
        chosen = [usable[(self._cpu_turn + i) % len(usable)] for i in range(count)]
        self._cpu_turn += count
        return chosen

    def add_session(self, session: int) -> None:
        """A process has been started, which leads a session."""
        self._sessions.add(session)
        self._tell(f"+{session}\n")

    def remove_session(self, session: int) -> None:
        """Nothing is left of a session."""
        self._sessions.discard(session)
        self._tell(f"-{session}\n")

    def _tell(self, line: str) -> None:
        keeper = self._keeper
        if keeper is not None and keeper.stdin is not None and keeper.returncode is None:
            keeper.stdin.write(line.encode())

    async def _start_keeper(self, root: Path) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _KEEPER, str(root)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write("".join(f"+{session}\n" for session in self._sessions).encode())
        return process

    async def _keep(self) -> None:
        """The keeper is killed by somebody: start another."""
        while self._keeper is not None and self._root is not None:
            await self._keeper.wait()
            _LOG.warning("the keeper of the plugins (pid %d) is gone; another is started", self._keeper.pid)
            await asyncio.sleep(0.5)
            with contextlib.suppress(OSError):
                self._keeper = await self._start_keeper(self._root)
