"""What a plugin writes to its standard output and standard error, on the way to the log.

A plugin that writes more than the log can bear must neither be held up for long, nor fill the memory, nor drown what others have to say:
each second only so many lines are logged, and how many were left out is told. Lines in the form of hashicorp's hclog (one JSON object with
``@level`` and ``@message``) are taken apart, as go-plugin's client does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Final

from headgate.observe.log import level_number

LINES_PER_SECOND: Final = 200
"""Lines of one stream that are logged each second."""
MAX_LINE: Final = 8192
"""Bytes; the rest of a longer line is left out."""

BREATH: Final = 0.002
"""Seconds between two reads while lines are being left out: a flood then costs the supervisor little."""

_CHUNK: Final = 64 << 10
_TOLD_APART: Final = ("@level", "@message", "@timestamp", "@module", "@caller")


class OutputLog:
    """Logs the lines of one stream.

    :param logger: ``headgate.plugin.<name>``
    :param level: for lines that name none of their own; None: nothing is logged
    """

    def __init__(self, logger: logging.Logger, level: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._level = level
        self._clock = clock
        self._partial = b""
        self._overlong = False
        self._second = 0
        self._logged = 0
        self._dropped = 0
        self._last = ""

    @property
    def last_line(self) -> str:
        """The last line that was not empty: what most likely explains an end."""
        return self._last

    @property
    def flooded(self) -> bool:
        """Lines are being left out at present."""
        return self._dropped > 0

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Read until the end of the stream."""
        while data := await stream.read(_CHUNK):
            self.feed(data)
            if self.flooded:
                await asyncio.sleep(BREATH)
        self.finish()

    def feed(self, data: bytes) -> None:
        """Take what was written."""
        *complete, rest = (self._partial + data).split(b"\n")
        for line in complete:
            if self._overlong:
                self._overlong = False  # its beginning has been logged
            else:
                self._line(line)
        self._partial = rest
        if len(rest) > MAX_LINE:
            if not self._overlong:
                self._line(rest)
            self._overlong = True
            self._partial = b""

    def finish(self) -> None:
        """The stream has ended: log what has no line end, and what was left out."""
        if self._partial and not self._overlong:
            self._line(self._partial)
        self._partial = b""
        self._tell_dropped()

    def _line(self, line: bytes) -> None:
        if not line.strip():
            return
        second = int(self._clock())
        if second != self._second:
            self._tell_dropped()
            self._second, self._logged = second, 0
        if self._logged >= LINES_PER_SECOND:
            self._dropped += 1
            return
        self._logged += 1
        text = line[:MAX_LINE].decode("utf-8", "replace").rstrip()
        self._last = text
        if self._level is None:
            return
        level, text = _hclog(text) if text.startswith("{") else (None, text)
        self._logger.log(self._level if level is None else level, "%s", text)

    def _tell_dropped(self) -> None:
        if self._dropped and self._level is not None:
            self._logger.log(max(self._level, logging.WARNING), "... %d lines dropped", self._dropped)
        self._dropped = 0


def _hclog(text: str) -> tuple[int | None, str]:
    """Level and text of a line of hclog's JSON; the line as it is if it is something else."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None, text
    if not isinstance(record, dict) or not isinstance(record.get("@message"), str):
        return None, text
    level = level_number(str(record.get("@level", "")))
    pairs = [f"{key}={value}" for key, value in record.items() if key not in _TOLD_APART]
    return level, " ".join([record["@message"], *pairs])
