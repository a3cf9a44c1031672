"""Which native filter a worker is in, written where it can be read when the worker is dead.

A segfault in a shared object ends the worker. Its last words are a few bytes of memory that it shares with the supervisor: before each
call into a module the worker writes the entry's name there, after it a zero. So the supervisor knows whom to set aside.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import mmap
import os
from typing import Final

SIZE: Final = 1024


class CrashNote:
    """The note of one worker, and the supervisor's view of it."""

    def __init__(self) -> None:
        self._memory: mmap.mmap | bytearray = bytearray(SIZE)
        self._written: bytes = b""  # the name that stands in it, also when no call is under way

    def attach(self, fd: int) -> None:
        """Write to, or read, a shared file in memory of :data:`SIZE` bytes from now on."""
        self._memory = mmap.mmap(fd, SIZE)
        self._written = b""

    def enter(self, entry: bytes) -> None:
        """A call into this entry's module begins.

        :param entry: as :func:`entry_note` made it
        """
        if entry is self._written:
            self._memory[0] = entry[0]
        else:
            self._memory[: len(entry)] = entry
            self._written = entry

    def leave(self) -> None:
        """It is over."""
        self._memory[0] = 0

    def read(self) -> tuple[str, str] | None:
        """Listener and name of the entry whose module is being called; None if none is."""
        if self._memory[0] == 0:
            return None
        length = (self._memory[0] - 1) << 8 | self._memory[1]
        listener, separator, name = bytes(self._memory[2 : 2 + min(length, SIZE - 2)]).partition(b"\0")
        return (listener.decode(errors="replace"), name.decode(errors="replace")) if separator else None


def entry_note(listener: str, name: str) -> bytes:
    """What :meth:`CrashNote.enter` writes for an entry; its first byte is never 0."""
    text = (listener.encode() + b"\0" + name.encode())[: SIZE - 2]
    return bytes([1 + (len(text) >> 8), len(text) & 255]) + text


def create_note() -> int:
    """A file in memory for a note; returns its descriptor, which children do not inherit unless told to."""
    fd = os.memfd_create("headgate-crash-note", os.MFD_CLOEXEC)
    os.ftruncate(fd, SIZE)
    return fd


NOTE: Final = CrashNote()
"""This process's own."""
