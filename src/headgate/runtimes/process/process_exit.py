"""Waiting for the end of a child process, and of nothing else.

``asyncio``'s own ``Process.wait`` (Python 3.11 to 3.13) returns only when the child's pipes have ended, too. What the child has started may
hold these open for as long as it pleases, and the child's place would stay empty for as long.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

_PAUSE: Final = 0.01
"""Seconds between two looks where the kernel cannot tell; it grows up to ten times that."""


async def process_exit(process: asyncio.subprocess.Process) -> int:
    """Wait until a process itself has ended.

    :returns: its exit code; the negative number of a signal if that killed it
    """
    if process.returncode is None:
        await _end_of(process.pid)
    pause = _PAUSE
    # From here on it is only a matter of the event loop's having noted it, or of a kernel without pidfd.
    while process.returncode is None:
        await asyncio.sleep(pause)
        pause = min(2 * pause, 10 * _PAUSE)
    return process.returncode


async def _end_of(pid: int) -> None:
    """Wait for the kernel's word that a process has ended; return at once if it has none to give."""
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return  # it has been reaped already, or this system has no such thing
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        loop.add_reader(descriptor, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
