"""A child's end is noticed whatever it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from headgate.runtimes.process.process_exit import process_exit

LEAVES_A_CHILD = "import os, subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True); os._exit(3)"


async def _start(source: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", source, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def _leaves_a_child() -> None:
    process = await _start(LEAVES_A_CHILD)
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    try:
        assert await asyncio.wait_for(process_exit(process), 20) == 3
    finally:
        os.kill(child, signal.SIGKILL)
        await process.communicate()  # the pipes have ended, too


async def _is_killed() -> None:
    process = await _start("import time; time.sleep(600)")
    waiting = asyncio.create_task(process_exit(process))
    await asyncio.sleep(0)
    process.kill()
    assert await asyncio.wait_for(waiting, 20) == -signal.SIGKILL
    assert await process_exit(process) == -signal.SIGKILL
    await process.communicate()


def test_a_child_of_the_child_holds_its_pipes_open() -> None:
    asyncio.run(_leaves_a_child())


def test_a_signal_is_told() -> None:
    asyncio.run(_is_killed())


def test_without_the_kernels_help(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int) -> int:
        raise OSError("not known here")

    monkeypatch.setattr(os, "pidfd_open", missing)
    asyncio.run(_leaves_a_child())
    asyncio.run(_is_killed())
