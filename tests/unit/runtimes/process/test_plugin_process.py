"""The start of a plugin's process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from headgate.api.plugin import PluginDefinition
from headgate.runtimes.process.plugin_process import PluginProcess, PluginStartError
from headgate.runtimes.process.plugin_room import PluginRoom


class Room(PluginRoom):
    """Without a keeper."""

    def __init__(self, folder: Path) -> None:
        super().__init__(lambda: folder)
        self._folder = folder

    async def open(self) -> None:
        return

    def make_directory(self) -> Path:
        directory = self._folder / "0"
        directory.mkdir()
        return directory


@pytest.mark.parametrize("ended", ["cancelled", "fails"])
def test_a_start_that_comes_to_nothing_leaves_no_descriptor(ended: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        begun = asyncio.Event()

        async def launching(*arguments: object, **options: object) -> None:
            begun.set()
            if ended == "fails":
                raise OSError("no more processes")
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio, "create_subprocess_exec", launching)
        before = os.listdir("/proc/self/fd")
        start = asyncio.create_task(PluginProcess.start(PluginDefinition("checker", ("/bin/true",)), "checker#1", Room(tmp_path)))
        await begun.wait()
        if ended == "cancelled":
            start.cancel()
        with pytest.raises((asyncio.CancelledError, PluginStartError)):
            await start
        assert os.listdir("/proc/self/fd") == before
        assert not (tmp_path / "0").exists()

    asyncio.run(scenario())
