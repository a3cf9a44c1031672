"""Variables: named values of a stream, for access logs, header values and matches.

A variable is a function from a stream to a text, registered under a name. A name that ends in ``_`` is a prefix: it answers for every
name that begins with it, and is told the rest (``request_header_`` answers for ``request_header_user-agent``). A name without a
registration, or whose function has nothing to say, is looked up in ``stream.variables``, where filters leave values.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from functools import lru_cache

from headgate.api.registry import ExtensionScope, Registration, Registry
from headgate.api.stream import Stream
from headgate.observe.stream_info import StreamInfo

VariableRead = Callable[[Stream, StreamInfo, str], str | None]
"""Reads a variable: the stream, what the engine noted about it, and what followed the prefix (empty for a plain name). None: no value."""


class Variable:
    """One registered variable.

    :ivar read: the function behind it
    :ivar protocol: the only downstream protocol for which it has a value; an empty string: any
    """

    def __init__(self, read: VariableRead, protocol: str) -> None:
        self.read: VariableRead = read
        self.protocol: str = protocol


class VariableRegistry(Registry[Variable]):
    """All variables by name; entry-point group ``headgate.variables``."""

    def __init__(self) -> None:
        super().__init__("variables")

    def lookup(self, name: str, scope: ExtensionScope | None = None) -> tuple[Variable, str] | None:
        """The variable that answers for a name, and what of the name follows its prefix; None if there is none.

        :param scope: the extensions of the configuration at hand
        :raises ExtensionLoadError: if an installed package announces the name and cannot be loaded
        """
        found = self._registration(name, scope)
        if found is not None:
            return found.create(None), ""
        mark = name.rfind("_", 0, len(name) - 1)
        while mark >= 0:
            found = self._registration(name[: mark + 1], scope)
            if found is not None:
                return found.create(None), name[mark + 1 :]
            mark = name.rfind("_", 0, mark)
        return None

    def _registration(self, name: str, scope: ExtensionScope | None) -> Registration[Variable] | None:
        if scope is not None:
            scoped = scope.registrations.get((self.kind, name))
            if scoped is not None:
                return self.find(name, "", scope)
        found = self._registrations.get(name)
        if found is None and name in _installed_names():
            found = self.find(name, "")
        return found


@lru_cache(maxsize=1)
def _installed_names() -> frozenset[str]:
    # Read once: looking through the installed packages takes milliseconds, and a configuration may name variables in 10,000 routes.
    return frozenset(entry.name for entry in importlib.metadata.entry_points(group="headgate.variables"))


VARIABLES: VariableRegistry = VariableRegistry()
"""The registry of variables."""


def variable(name: str, *, protocol: str = "") -> Callable[[VariableRead], VariableRead]:
    """Register the decorated function as a variable.

    :param name: the name between percent signs; with a ``_`` at its end it is a prefix
    :param protocol: the only downstream protocol for which it has a value; default any
    :raises RegistrationError: if the name is taken
    """

    def register(read: VariableRead) -> VariableRead:
        registered = Variable(read, protocol)
        VARIABLES.register(name, lambda config: registered, origin=read.__module__)
        return read

    return register
