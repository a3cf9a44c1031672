"""The proxy's own log: loggers ``headgate.<room>`` and those of extensions, written to one file as text or JSON.

Levels have MOSN's names. A record is one record whatever its message holds: in JSON by nature; on the console control characters are
escaped, and the lines of a traceback begin with a bar that no record begins with. Values of the headers ``Authorization``,
``Proxy-Authorization``, ``Cookie`` and ``Set-Cookie`` are redacted wherever a message or traceback shows them. Writing never raises
and never blocks.
"""

from __future__ import annotations

import logging
import os
from typing import Final

from headgate.api.errors import ConfigError
from headgate.observe.log_file import STDERR, LogFile, open_log
from headgate.observe.log_formatter import ConsoleFormatter, JsonFormatter

TRACE: Final = 5
"""MOSN's level below DEBUG."""

OFF: Final = 100
"""Above every level."""

LEVELS: Final[dict[str, int]] = {
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": TRACE,
}
"""MOSN's level names, from the most important on."""

_OTHER_NAMES: Final[dict[str, int]] = {"WARNING": logging.WARNING, "CRITICAL": logging.CRITICAL, "OFF": OFF}
FORMATS: Final = ("console", "json")


def level_number(name: str) -> int | None:
    """The number of a level by name, in any case: MOSN's six, and ``warning``, ``critical``, ``off`` of its command line. None: unknown."""
    upper = name.upper()
    return LEVELS.get(upper, _OTHER_NAMES.get(upper))


def level_name(number: int) -> str:
    """MOSN's name of a level."""
    for name, value in LEVELS.items():
        if number >= value:
            return "OFF" if number >= OFF else name
    return "TRACE"


class LogHandler(logging.Handler):
    """Writes records to a log file.

    :ivar file: where to
    :ivar dropped: records lost because the file could not be written
    :ivar enabled: whether anything is written; the admin API switches it
    """

    def __init__(self, file: LogFile, formatter: logging.Formatter) -> None:
        super().__init__()
        self.file = file
        self.dropped = 0
        self.enabled = True
        self.setFormatter(formatter)
        self._failing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; what cannot be written is counted, and said once on the standard error."""
        if not self.enabled:
            return
        try:
            data = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        except Exception as error:  # arguments that do not fit the message, or whose __str__ raises
            what = repr(record.msg) if isinstance(record.msg, str) else type(record.msg).__name__
            text = f"{record.name}: a log record could not be formatted ({type(error).__name__}): {what}\n"
            data = text.encode("utf-8", "backslashreplace")
        try:
            written = self.file.write(data)
        except OSError as error:
            self._drop(error.strerror or str(error))
            return
        if written < len(data):
            self._drop("its reader is too slow, or the disk is full")
        else:
            self._failing = False

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        if self._failing:
            return
        self._failing = True
        try:
            os.write(2, f"headgate: log {self.file.path}: {reason}; records are dropped\n".encode())
        except OSError:
            return  # there is nowhere left to say it; the count stays

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()


_handlers: dict[str, LogHandler] = {}


def configure_logging(path: str, level: str, format: str, config_path: str = "servers[0]") -> None:
    """Send the log of this process to a file. Called again, it replaces what was; if it fails, nothing changes.

    :param path: a file, ``stdout`` or ``stderr``; empty is ``stderr``
    :param level: a name that :func:`level_number` knows
    :param format: ``console`` or ``json``
    :param config_path: where ``default_log_path``, ``default_log_level`` and ``log_format`` stand, for messages
    :raises ConfigError: for an unknown level or format, or a file that cannot be opened
    """
    number = level_number(level)
    if number is None:
        raise ConfigError(f"{config_path}.default_log_level", f"unknown log level {level!r}", "known: " + ", ".join(LEVELS))
    if format not in FORMATS:
        raise ConfigError(f"{config_path}.log_format", f"unknown log format {format!r}", "known: " + ", ".join(FORMATS))
    name = path or STDERR
    handler = LogHandler(open_log(name, f"{config_path}.default_log_path"), JsonFormatter() if format == "json" else ConsoleFormatter())
    for logger_level, text in ((TRACE, "TRACE"), (logging.WARNING, "WARN"), (logging.CRITICAL, "FATAL")):
        logging.addLevelName(logger_level, text)
    root = logging.getLogger()
    for old in _handlers.values():
        root.removeHandler(old)
        old.close()
    _handlers.clear()
    _handlers[name] = handler
    root.addHandler(handler)
    root.setLevel(number)
    # asyncio's own debug records say nothing to an operator.
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def levels() -> dict[str, str]:
    """Path of the log file -> its level by MOSN's name."""
    return {path: level_name(logging.getLogger().level) for path in _handlers}


def set_level(path: str, level: str) -> bool:
    """Change the level of a log file.

    :returns: False for a file or level that is not known
    """
    number = level_number(level)
    if number is None or path not in _handlers:
        return False
    logging.getLogger().setLevel(number)
    return True


def set_enabled(path: str, enabled: bool) -> bool:
    """Switch a log file off or on again.

    :returns: False if there is no such log file
    """
    handler = _handlers.get(path)
    if handler is None:
        return False
    handler.enabled = enabled
    return True


def reopen() -> None:
    """Open the log file anew: it has been rotated. A failure keeps the present file and is logged there."""
    for path, handler in _handlers.items():
        try:
            handler.file.reopen()
        except OSError as error:
            logging.getLogger("headgate.observe").error("log %s: cannot reopen: %s; still writing to the old file", path, error.strerror)


def dropped_records() -> int:
    """How many records were lost because the log file could not be written."""
    return sum(handler.dropped for handler in _handlers.values())
