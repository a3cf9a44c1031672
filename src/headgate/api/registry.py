"""Registries: one shape for every kind of extension point.

A registration has a name, a create function, a configuration type and an origin. It is made by a decorator or call when a module is
imported: in the process at large, or, for an extension that a configuration loads by path, in that configuration's own
:class:`ExtensionScope`, so that the next reload can load a newer version of the same file beside it.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, Generic, TypeVar

from headgate.api.errors import ConfigError, ConfigRejected, ExtensionLoadError, RegistrationError

ProductT = TypeVar("ProductT")


class Registration(Generic[ProductT]):
    """One registered extension.

    :ivar name: the name that a configuration uses
    :ivar create: parsed configuration in, product out
    :ivar config_type: what the entry's ``config`` is validated against; None: passed as it stands
    :ivar origin: module or file that registered it
    """

    def __init__(self, name: str, create: Callable[..., ProductT], config_type: type | None, origin: str) -> None:
        self.name = name
        self.create = create
        self.config_type = config_type
        self.origin = origin

    def parse(self, raw: object, path: str) -> object:
        """Validate an entry's ``config``.

        :param raw: the mapping as it stands in the configuration; None is an empty one
        :param path: where it stands, for messages
        :raises ConfigRejected: with one error for each thing that does not fit
        """
        value = {} if raw is None else raw
        if self.config_type is None:
            return value
        # Here, as a plugin in Python imports this package and checks no configuration: pydantic is most of its start.
        from pydantic import TypeAdapter, ValidationError

        try:
            adapter: TypeAdapter[object] = TypeAdapter(self.config_type)
            return adapter.validate_python(value)
        except ValidationError as error:
            # Only what names the fault: pydantic's details hold the value, which may be a secret.
            faults = [(item["loc"], item["type"], item["msg"]) for item in error.errors(include_url=False)]
        raise ConfigRejected([ConfigError(_join(path, location), _message(kind, text)) for location, kind, text in faults])


def _message(kind: str, text: str) -> str:
    """A fault in the words that the rest of the configuration has for it.

    :param kind: pydantic's name of the fault
    :param text: pydantic's message
    """
    if kind == "extra_forbidden":
        return "unknown key"
    return "missing" if kind == "missing" else text.removeprefix("Value error, ")


def _join(path: str, location: tuple[int | str, ...]) -> str:
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


class ExtensionScope:
    """The extensions that one configuration loaded by path: registrations that live and die with it.

    :ivar registrations: kind and name -> what was registered
    """

    def __init__(self) -> None:
        self.registrations: dict[tuple[str, str], Registration[object]] = {}
        self._at_close: list[Callable[[], None]] = []

    def at_close(self, action: Callable[[], None]) -> None:
        """Have something done when what was loaded is no longer needed: the code is to be forgotten."""
        self._at_close.append(action)

    def close(self) -> None:
        """The configuration that loaded it is over: nothing of it will be called again. May be called more than once."""
        actions, self._at_close = self._at_close, []
        self.registrations = {}
        for action in actions:
            action()


_collecting: ContextVar[ExtensionScope | None] = ContextVar("headgate_collecting_scope", default=None)


@contextmanager
def collecting(scope: ExtensionScope) -> Iterator[None]:
    """While active, registrations go into ``scope`` instead of the process at large."""
    token = _collecting.set(scope)
    try:
        yield
    finally:
        _collecting.reset(token)


class Registry(Generic[ProductT]):
    """All extensions of one kind, by name.

    :param kind: the last part of the entry-point group ``headgate.<kind>``
    """

    all: ClassVar[dict[str, Registry[object]]] = {}
    """Every registry by kind, for ``headgate extensions``."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._registrations: dict[str, Registration[ProductT]] = {}
        Registry.all[kind] = self  # type: ignore[assignment]  # a registry of anything is listed as one of objects

    def register(self, name: str, create: Callable[..., ProductT], config_type: type | None = None, *, origin: str) -> None:
        """Register a create function.

        :raises RegistrationError: if the name is taken
        """
        scope = _collecting.get()
        taken = self._registrations.get(name)
        if taken is None and scope is not None:
            taken = scope.registrations.get((self.kind, name))  # type: ignore[assignment]
        if taken is not None:
            raise RegistrationError(f"{self.kind}: {name!r} is registered twice: by {taken.origin} and by {origin}")
        registration = Registration(name, create, config_type, origin)
        if scope is None:
            self._registrations[name] = registration
        else:
            scope.registrations[(self.kind, name)] = registration  # type: ignore[assignment]

    def find(self, name: str, path: str, scope: ExtensionScope | None = None) -> Registration[ProductT]:
        """The registration under a name: of the scope, of the process, or of an installed package's entry point.

        :param path: where the name stands in the configuration, for the message
        :raises ConfigError: if there is none; names the nearest
        """
        if scope is not None:
            scoped = scope.registrations.get((self.kind, name))
            if scoped is not None:
                return scoped  # type: ignore[return-value]
        found = self._registrations.get(name) or self._from_entry_point(name)
        if found is not None:
            return found
        known = self.names(scope)
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else "known: " + (", ".join(known) or "none")
        raise ConfigError(path, f"unknown {self.kind.replace('_', ' ').rstrip('s')} {name!r}", hint)

    def names(self, scope: ExtensionScope | None = None) -> list[str]:
        """All known names, sorted."""
        names = set(self._registrations) | {entry.name for entry in importlib.metadata.entry_points(group=f"headgate.{self.kind}")}
        if scope is not None:
            names.update(name for kind, name in scope.registrations if kind == self.kind)
        return sorted(names)

    def registered(self, scope: ExtensionScope | None = None) -> list[Registration[ProductT]]:
        """All registrations, entry points loaded, sorted by name."""
        return [self.find(name, "", scope) for name in self.names(scope)]

    def _from_entry_point(self, name: str) -> Registration[ProductT] | None:
        for entry in importlib.metadata.entry_points(group=f"headgate.{self.kind}", name=name):
            token = _collecting.set(None)  # a package is the process's, whoever was the first to ask for it
            try:
                loaded = entry.load()
            except Exception as error:
                raise ExtensionLoadError(f"entry point headgate.{self.kind}:{name} ({entry.value}): {error}") from error
            finally:
                _collecting.reset(token)
            registered = self._registrations.get(name)
            if registered is None:
                raise ExtensionLoadError(
                    f"entry point headgate.{self.kind}:{name} loaded {loaded!r}, which registered nothing under {name!r}"
                )
            return registered
        return None
