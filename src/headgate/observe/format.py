"""MOSN's format language: text with ``%name%`` in it.

``%name%`` is replaced by a variable's value, or by ``-`` if it has none; ``\\%`` is a percent sign. An empty name (``%%``) and a name
that is not closed are errors. An unknown name is none, as in MOSN: a filter may set it; it is warned of when the format is compiled.
"""

from __future__ import annotations

import logging
from typing import Final

from headgate.api.errors import ConfigError
from headgate.api.registry import ExtensionScope
from headgate.api.stream import Stream
from headgate.observe.escape import escaped, is_safe
from headgate.observe.variables import VariableReader, info_of

MISSING: Final = "-"
"""What stands for a value that does not exist."""

REDACTED: Final = "[redacted]"
"""What stands in a log for the value of a secret header."""

_logger: Final = logging.getLogger("headgate.observe")


class Format:
    """A compiled format.

    :ivar text: what it was compiled from
    :ivar unknown: names for which no variable is registered
    """

    def __init__(self, text: str, parts: list[str | VariableReader], missing: str) -> None:
        self.text: str = text
        self._readers: list[VariableReader] = [part for part in parts if isinstance(part, VariableReader)]
        self.unknown: list[str] = [reader.name for reader in self._readers if not reader.known]
        self._template: str = "".join([part.replace("%", "%%") if isinstance(part, str) else "%s" for part in parts])
        self._missing: str = missing

    def render(self, stream: Stream) -> str:
        """The text with values as they are; for header values, which the headers themselves check."""
        info = info_of(stream)
        values: list[str] = []
        for reader in self._readers:
            value = reader.read_with(stream, info)
            values.append(self._missing if value is None else value)
        return self._template % tuple(values)

    def render_log(self, stream: Stream) -> str:
        """The text with values made safe for a log line (``headgate.observe.escape``) and secret headers redacted."""
        info = info_of(stream)
        values: list[str] = []
        for reader in self._readers:
            value = reader.read_with(stream, info)
            if value is None:
                values.append(self._missing)
            else:
                values.append(REDACTED if reader.secret else value)
        if not is_safe("".join(values)):
            values = [escaped(value) for value in values]
        return self._template % tuple(values)


def compile_format(text: str, path: str, scope: ExtensionScope | None = None, missing: str = MISSING) -> Format:
    """Compile a format.

    :param text: the format
    :param path: where it stands in the configuration, for messages
    :param scope: the extensions of the configuration at hand
    :param missing: what stands for a value that does not exist
    :raises ConfigError: for an empty or unclosed name, with its position
    """
    parts: list[str | VariableReader] = []
    literal = ""
    position = 0
    while True:
        mark = text.find("%", position)
        if mark < 0:
            literal += text[position:]
            break
        if mark > position and text[mark - 1] == "\\":
            literal += text[position : mark - 1] + "%"
            position = mark + 1
            continue
        literal += text[position:mark]
        end = text.find("%", mark + 1)
        if end < 0:
            raise ConfigError(path, f"'%' at position {mark} opens a name that is not closed", r"write \% for a percent sign")
        if end == mark + 1:
            raise ConfigError(path, f"empty name '%%' at position {mark}", r"write \% for a percent sign")
        if literal:
            parts.append(literal)
            literal = ""
        parts.append(VariableReader(text[mark + 1 : end], scope))
        position = end + 1
    if literal:
        parts.append(literal)
    compiled = Format(text, parts, missing)
    for name in compiled.unknown:
        _logger.warning("%s: unknown variable %r: it has a value only where a filter sets one", path, name)
    return compiled
