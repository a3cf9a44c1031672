"""``headgate start --watch``: reload as soon as a file of the configuration changes.

Looked at twice a second, which costs a ``stat`` for each file and, unlike notifications of the kernel, works on every file system. A change
counts once it has stood still from one look to the next, so that a file half written is not loaded; if it is, the reload refuses it and
the next change comes.
"""

from __future__ import annotations

import asyncio
import logging
import stat
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from headgate.config.models import HeadgateConfig
from headgate.runtimes.process.program_files import program_files

INTERVAL: Final = 0.5
"""Seconds between two looks."""

_LOG: Final = logging.getLogger("headgate.server")

Seen = dict[Path, tuple[int, int, int]]
"""File -> time of its last change in nanoseconds, size in bytes, inode."""


def watched_files(config: HeadgateConfig, config_path: Path) -> set[Path]:
    """The files that a configuration is made of: itself, its extensions, and what filters, TLS contexts and plugins name by path."""
    files = {config_path}
    for entry in config.extensions:
        if "/" in entry:
            files.update(_python_files(Path(entry)))
    for server in config.servers:
        for listener in server.listeners:
            for stream_filter in listener.stream_filters:
                for version in stream_filter.versions:
                    if version.file:
                        files.update(_python_files(Path(version.file)))
                    files.update(_named_files(version.options))
            for chain in listener.filter_chains:
                for context in (chain.tls_context, *chain.tls_context_set):
                    if context is not None:
                        files.update(
                            Path(text) for text in (context.cert_chain, context.private_key, context.ca_cert) if text.startswith("/")
                        )
    for plugin in config.plugins:
        files.update(Path(path) for path in program_files((*plugin.command, *plugin.args), config_path.parent / plugin.cwd))
    return files


def _python_files(path: Path) -> Iterable[Path]:
    """A file, with what it may import from beside it; or what a folder holds."""
    if path.is_dir():
        return path.glob("*.py")
    return {path, *path.parent.glob("*.py")} if path.suffix == ".py" else {path}


def _named_files(value: object) -> Iterable[Path]:
    """Absolute paths anywhere in a filter's own configuration (a script, a module)."""
    if isinstance(value, str):
        return {Path(value)} if value.startswith("/") and "\n" not in value and len(value) < 4096 else set()
    if isinstance(value, dict):
        return {path for item in value.values() for path in _named_files(item)}
    if isinstance(value, list):
        return {path for item in value for path in _named_files(item)}
    return set()


def look(files: Iterable[Path]) -> Seen:
    """What the files are like at present; one that is not there is left out."""
    seen: Seen = {}
    for file in files:
        try:
            state = file.stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(state.st_mode):  # a folder or a device that a filter names is no part of the configuration
            seen[file] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return seen


class FileWatch:
    """Watches the files of the configuration in force. They count as loaded as they are when the object is made.

    :param files: gives the files, asked anew at each look
    :param reload: reads the configuration again; logs by itself what is wrong with it
    """

    def __init__(self, files: Callable[[], set[Path]], reload: Callable[[], Awaitable[None]], interval: float = INTERVAL) -> None:
        self._files = files
        self._reload = reload
        self._interval = interval
        self._loaded = look(files())

    async def run(self) -> None:
        """Watch until cancelled."""
        loaded = before = self._loaded
        while True:
            await asyncio.sleep(self._interval)
            now = look(self._files())
            if now == before and now != loaded:
                _LOG.info("changed on disk, reloading: %s", ", ".join(sorted(str(path) for path in _changed(loaded, now))))
                await self._reload()
                # What changed in the meantime differs from what was seen before the reload, so the next looks notice it. Files that are
                # watched since the reload only are taken as they are.
                loaded = {**look(self._files()), **now}
                loaded = {path: state for path, state in loaded.items() if path in self._files()}
            before = now


def _changed(old: Seen, new: Seen) -> set[Path]:
    return {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
