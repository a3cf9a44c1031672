"""The access log: one line for each stream, written when it has ended.

Lines are gathered and handed to the operating system when 64 KiB are there, or when the worker's one-second timer calls
:meth:`AccessLog.flush`. A disk that fails costs lines, never requests: what cannot be written is dropped and counted, and the log
says so once when it begins and once when it is over.
"""

from __future__ import annotations

import logging
from typing import Final

from headgate.api.registry import ExtensionScope
from headgate.api.stream import Stream
from headgate.observe.access_log_stats import AccessLogStats
from headgate.observe.format import Format, compile_format
from headgate.observe.log_file import LogFile, open_log

DEFAULT_FORMAT: Final = (
    "%start_time% %trace_id%  %connection_id% %upstream_connection_id% %request_received_duration% %response_received_duration% "
    "%bytes_sent% %bytes_received% %protocol% %response_code% %duration% %response_flag% %response_code% %upstream_local_address% "
    "%downstream_local_address% %downstream_remote_address% %upstream_host%"
)
"""MOSN's default format (two spaces after the trace id, as there)."""

FLUSH_BYTES: Final = 65536
"""Lines are written when they come to this many bytes."""

_LINE_END: Final = 10

KEEP_BYTES: Final = 1048576
"""At most this many bytes wait for a slow reader of a pipe; what comes on top is dropped."""

_logger: Final = logging.getLogger("headgate.observe")


class AccessLog:
    """One access log of a listener.

    :ivar path: the file; ``stdout`` is the process's own standard output
    :ivar enabled: whether lines are written; the admin API switches it
    """

    def __init__(
        self,
        path: str,
        format_text: str,
        config_path: str,
        stats: AccessLogStats | None = None,
        scope: ExtensionScope | None = None,
    ) -> None:
        """Compile the format and open the file.

        :param path: the file, or ``stdout``
        :param format_text: empty: :data:`DEFAULT_FORMAT`
        :param config_path: where the entry stands in the configuration, e.g. ``servers[0].listeners[0].access_logs[0]``
        :param stats: where lines are counted
        :param scope: the extensions of the configuration at hand
        :raises ConfigError: for a bad format or a file that cannot be opened
        """
        self.path: str = path
        self.enabled: bool = True
        self._format: Format = compile_format(format_text or DEFAULT_FORMAT, f"{config_path}.log_format", scope)
        self._file: LogFile = open_log(path, f"{config_path}.log_path")
        self._stats: AccessLogStats = stats if stats is not None else AccessLogStats(path)
        self._lines: list[str] = []
        self._size: int = 0
        self._rest: bytes = b""
        self._failing: bool = False
        # The last byte that the system took was within a line: so the rest of that line must come next ...
        self._unfinished: bool = False
        # ... or, if that had to be dropped, a line end, lest the next line is glued to the half one.
        self._torn: bool = False

    def log(self, stream: Stream) -> None:
        """Add the line of a stream that has ended. Never raises for reasons of the disk."""
        if not self.enabled:
            return
        line = self._format.render_log(stream) + "\n"
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what has gathered to the operating system. Never raises for reasons of the disk."""
        if not self._lines and not self._rest:
            return
        data = self._rest + "".join(self._lines).encode("utf-8", "backslashreplace")
        self._lines.clear()
        self._size = 0
        self._rest = b""
        try:
            self._hand_over(data)
        except OSError as error:
            self._stats.errors += 1
            self._drop(data, error.strerror or str(error))

    def _hand_over(self, data: bytes) -> None:
        if self._torn and self._file.write(b"\n") == 1:
            self._torn = False
        written = 0 if self._torn else self._file.write(data)
        self._stats.lines += data.count(b"\n", 0, written)
        self._unfinished = data[written - 1] != _LINE_END if written else self._unfinished
        if written == len(data):
            self._recovered()
        else:
            self._keep(data[written:])

    def _keep(self, rest: bytes) -> None:
        # A full disk takes less than it is given before it fails; a pipe takes what its reader has made room for.
        if len(rest) <= KEEP_BYTES:
            self._rest = rest
            return
        end = rest.find(b"\n", KEEP_BYTES // 2) + 1
        self._rest = rest[:end]
        self._drop(rest[end:], "its reader is too slow")

    def _drop(self, data: bytes, reason: str) -> None:
        self._stats.dropped += data.count(b"\n")
        if self._unfinished and not self._rest:
            self._torn = True
            self._unfinished = False
        if not self._failing:
            self._failing = True
            _logger.error("access log %s: %s; lines are dropped until it can be written again", self.path, reason)

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            _logger.warning("access log %s: writing again", self.path)

    def reopen(self) -> None:
        """Write what has gathered, then open the file anew: it has been rotated. A failure keeps the present file."""
        self.flush()
        try:
            self._file.reopen()
        except OSError as error:
            self._stats.errors += 1
            _logger.error("access log %s: cannot reopen: %s; still writing to the old file", self.path, error.strerror)

    def close(self) -> None:
        """Write what has gathered and close the file. What a pipe's reader has not taken by then is dropped and counted."""
        self.flush()
        if self._rest:
            self._stats.dropped += self._rest.count(b"\n")
            self._rest = b""
        self._file.close()
