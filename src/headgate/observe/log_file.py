"""The file behind a log: appended to, reopened for rotation, and never a reason for traffic to stop.

Files are opened with ``O_APPEND``, so several workers can share one: each write goes to the end as a whole. ``stdout`` and ``stderr``
are special names; these may be pipes or terminals whose reader has stopped, so there nothing is written that could block: only
what the kernel takes at once, in pieces of at most PIPE_BUF bytes, which are not mixed with those of other workers.
"""

from __future__ import annotations

import os
import select
import stat
from typing import Final

from headgate.api.errors import ConfigError

STDOUT: Final = "stdout"
STDERR: Final = "stderr"
_STANDARD: Final[dict[str, int]] = {STDOUT: 1, "/dev/stdout": 1, STDERR: 2, "/dev/stderr": 2}
_MODE: Final = 0o640


class LogFile:
    """One open log file.

    :ivar path: as configured; ``stdout`` and ``stderr`` are the process's own
    """

    def __init__(self, path: str) -> None:
        """Open the file, creating it if need be, but not its directory.

        :raises OSError: if it cannot be opened
        """
        self.path: str = path
        self._fd: int = -1
        self._blocking_risk: bool = False
        self._open()

    def _open(self) -> None:
        standard = _STANDARD.get(self.path)
        if standard is None:
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK, _MODE)
        else:
            fd = os.dup(standard)
        self._blocking_risk = not stat.S_ISREG(os.fstat(fd).st_mode)
        self._fd = fd

    def write(self, data: bytes) -> int:
        """Append.

        :returns: how many bytes were taken; fewer than given only if the disk is full or a pipe's reader is slow
        :raises OSError: if nothing can be written; the file stays open for another attempt
        """
        if self._fd < 0:
            self._open()
        return self._write_without_blocking(data) if self._blocking_risk else os.write(self._fd, data)

    def _write_without_blocking(self, data: bytes) -> int:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        written = 0
        while written < len(data):
            if not poll.poll(0):
                return written
            end = written + select.PIPE_BUF
            if end < len(data):
                # Break between lines where that is possible, so that no other worker's line comes between.
                end = (data.rfind(b"\n", written, end) + 1) or end
            try:
                written += os.write(self._fd, data[written:end])
            except BlockingIOError:
                return written
        return written

    def reopen(self) -> None:
        """Open the path anew, after a rotation has moved the file away. If that fails, the present file stays in use.

        :raises OSError: if it cannot be opened
        """
        old = self._fd
        self._open()
        if old >= 0:
            os.close(old)

    def close(self) -> None:
        """Close the file. A later write opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def open_log(path: str, config_path: str) -> LogFile:
    """Open a log file that a configuration names.

    :param config_path: where the path stands in the configuration, for the message
    :raises ConfigError: if it cannot be opened
    """
    try:
        return LogFile(path)
    except OSError as error:
        hint = f"create the directory {os.path.dirname(path)}" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError(config_path, f"cannot open log file {path!r}: {error.strerror}", hint) from None
