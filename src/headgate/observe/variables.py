"""Variables of a stream by name: the registry with MOSN's names in it, and readers for one name each.

How they are registered: :mod:`headgate.observe.variable_registry`. What there is: :mod:`headgate.observe.stream_variables` and
:mod:`headgate.observe.request_variables`, which this module loads.
"""

from __future__ import annotations

from typing import Final

from headgate.api.registry import ExtensionScope
from headgate.api.stream import Stream
from headgate.observe import request_variables, stream_variables
from headgate.observe.stream_info import StreamInfo
from headgate.observe.variable_registry import VARIABLES, Variable, VariableRead, VariableRegistry, variable

__all__ = [
    "BUILT_IN_MODULES",
    "VARIABLES",
    "Variable",
    "VariableRead",
    "VariableReader",
    "VariableRegistry",
    "info_of",
    "variable",
]

BUILT_IN_MODULES: Final = (stream_variables.__name__, request_variables.__name__)
"""Origins of the variables that ship with Headgate."""

SECRET_HEADERS: Final[frozenset[str]] = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
"""Headers whose values never stand in a log."""

_NO_INFO: Final = StreamInfo(0.0, "")
_HEADER_PREFIXES: Final = ("request_header_", "response_header_", "Http1_request_header_", "Http2_request_header_")


def info_of(stream: Stream) -> StreamInfo:
    """What the engine noted about a stream; an empty one for a stream that no engine runs (``Stream`` itself has no ``info``)."""
    info = getattr(stream, "info", None)
    return info if isinstance(info, StreamInfo) else _NO_INFO


class VariableReader:
    """Reads the variable of one name; found once, when a configuration is loaded.

    :ivar name: the name, as between percent signs
    :ivar known: whether a variable is registered for it; if not, it has a value only where a filter sets one
    :ivar secret: whether the value is that of a header that must not be logged
    """

    def __init__(self, name: str, scope: ExtensionScope | None = None) -> None:
        """
        :param scope: the extensions of the configuration at hand
        :raises ExtensionLoadError: if an installed package announces the name and cannot be loaded
        """
        self.name: str = name
        found = VARIABLES.lookup(name, scope)
        self.known: bool = found is not None
        self._variable: Variable | None = found[0] if found is not None else None
        self._rest: str = found[1] if found is not None else ""
        self.secret: bool = name.startswith(_HEADER_PREFIXES) and self._rest.lower() in SECRET_HEADERS

    def read(self, stream: Stream) -> str | None:
        """The present value as text, not escaped; None if there is none."""
        return self.read_with(stream, info_of(stream))

    def read_with(self, stream: Stream, info: StreamInfo) -> str | None:
        """As :meth:`read`, for a caller that has the stream's ``info`` at hand."""
        variable = self._variable
        if variable is not None and (not variable.protocol or variable.protocol == info.protocol):
            value = variable.read(stream, info, self._rest)
            if value is not None:
                return value
        return _as_text(stream.variables.get(self.name))


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
