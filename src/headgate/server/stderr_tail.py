"""The standard error of a worker: passed on, and its last lines kept, so that a death can be explained."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Final

from headgate.observe.log_file import STDERR, LogFile

_LINES: Final = 40
_LINE_LENGTH: Final = 500
_CHUNK: Final = 64 << 10


class StderrTail:
    """Reads the pipe until its end."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._partial = b""

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Pass on everything until the end of the pipe; what our own standard error does not take at once is lost, and nobody waits."""
        ours = LogFile(STDERR)
        try:
            while data := await stream.read(_CHUNK):
                self.feed(data)
                with contextlib.suppress(OSError):
                    ours.write(data)
        finally:
            ours.close()

    def feed(self, data: bytes) -> None:
        """Note what was written."""
        *complete, rest = (self._partial + data).split(b"\n")
        self._lines.extend(line[:_LINE_LENGTH].decode("utf-8", "replace").rstrip() for line in complete)
        self._partial = rest[-_LINE_LENGTH:]

    def reason(self) -> str:
        """The line that says most about a death: the interpreter's verdict if there is one, else the last; empty if nothing was written."""
        lines = [line for line in [*self._lines, self._partial.decode("utf-8", "replace")] if line.strip()]
        for line in lines:
            if line.startswith("Fatal Python error"):
                return line
        return lines[-1] if lines else ""
