"""How a log record looks: as text for people, as JSON for machines."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_NAMED_SECRET: Final = re.compile(
    r"\b(?P<name>proxy-authorization|authorization|set-cookie|cookie)"
    r"(?P<between>['\"]?\s*[:=]\s*(?:b?['\"])?|['\"]\s*,\s*b?['\"])"
    r"(?P<value>[^'\"\r\n]+)",
    re.IGNORECASE,
)
_ROOT: Final = "headgate."
_CONTINUATION: Final = "    | "


def redacted(text: str) -> str:
    """The text with the values of secret headers replaced: ``Authorization: [redacted]``, ``('cookie', '[redacted]')``."""
    return _NAMED_SECRET.sub(r"\g<name>\g<between>[redacted]", text)


def _escape_control(match: re.Match[str]) -> str:
    character = match.group()
    short = {"\n": "\\n", "\r": "\\r"}.get(character)
    if short is not None:
        return short
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _room(record: logging.LogRecord) -> str:
    return record.name.removeprefix(_ROOT)


def _problem(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return redacted("\n".join(parts))


class ConsoleFormatter(logging.Formatter):
    """``2026/11/24 13:05:59.042 WARN  [4711] upstream: message``; a traceback follows in lines that begin with ``    | ``."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; only a traceback makes it longer than one line."""
        stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(record.created))
        message = _CONTROL.sub(_escape_control, redacted(record.getMessage()))
        line = f"{stamp}.{int(record.msecs):03d} {record.levelname:<5} [{record.process}] {_room(record)}: {message}"
        problem = _problem(self, record)
        if not problem:
            return line
        lines = [_CONTINUATION + _CONTROL.sub(_escape_control, part) for part in problem.split("\n")]
        return "\n".join([line, *lines])


class JsonFormatter(logging.Formatter):
    """One JSON object in one line: ``time`` (UTC, RFC 3339), ``level``, ``pid``, ``logger``, ``message`` and, if any, ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "pid": record.process,
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        problem = _problem(self, record)
        if problem:
            fields["error"] = problem
        return json.dumps(fields)
