"""The stream filter type ``module``: an entry whose ``path`` is a Python file, the article's shared object in Python's terms.

``{"type": "module", "path": "./auth.py", "factory": "create_filter_factory", "config": {...}}``. What the entry's ``factory`` names is
a create function (configuration in, :class:`~headgate.api.stream_filter.StreamFilterFactory` out) or a filter class; the file registers
nothing. The type of a create function's parameter, or of a class attribute ``config_type``, is what ``config`` is validated against.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from headgate.api.entry_settings import EntrySettings, entry_settings
from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.registry import ExtensionScope, Registration
from headgate.api.stream_filter import ClassFactory, FilterCallbacks, StreamFilter, StreamFilterFactory, stream_filter
from headgate.runtimes.module.loader import describe, load_file

DEFAULT_EXPORT: Final = "create_filter_factory"


@stream_filter("module")
def create(config: Mapping[str, object]) -> StreamFilterFactory:
    """The factory of an entry.

    :raises ConfigError: if the file cannot be loaded, exports no such thing, or that raises; with file and line
    :raises ConfigRejected: if the configuration does not fit
    """
    settings = entry_settings()
    if not settings.file:
        raise ConfigError(f"{settings.path}.path", "missing", "the path of a Python file")
    scope = ExtensionScope()
    try:
        return _create(settings, config, scope)
    except BaseException:
        scope.close()
        raise


def _create(settings: EntrySettings, config: Mapping[str, object], scope: ExtensionScope) -> StreamFilterFactory:
    registration = _registration(Path(settings.file), settings.export or DEFAULT_EXPORT, settings.path, scope)
    parsed = registration.parse(config, f"{settings.path}.config")
    try:
        factory = registration.create(parsed)
    except (ConfigError, ConfigRejected):
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{settings.path}.config", f"the filter cannot be created: {describe(error)}") from error
    if isinstance(factory, ClassFactory):
        return ModuleClassFactory(factory, registration, settings.path, scope)
    if isinstance(factory, StreamFilterFactory):
        return ModuleFactory(factory, registration, settings.path, scope)
    raise ConfigError(f"{settings.path}.factory", f"{registration.name} returned {factory!r}, not a StreamFilterFactory")


class ModuleFactory(StreamFilterFactory):
    """A file's factory; routes' configurations are validated as the entry's was.

    :param scope: what the file was loaded in; it ends with the factory
    """

    def __init__(
        self, factory: StreamFilterFactory, registration: Registration[StreamFilterFactory], path: str, scope: ExtensionScope
    ) -> None:
        self._factory = factory
        self._registration = registration
        self._path = path
        self._scope = scope

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        self._factory.create_filter_chain(callbacks)

    def route_config(self, config: object, raw: Mapping[str, object]) -> object:
        return self._factory.route_config(self._registration.parse(raw, f"{self._path}: a route's config"), raw)

    def start(self) -> None:
        self._factory.start()

    def close(self) -> None:
        try:
            self._factory.close()
        finally:
            self._scope.close()


class ModuleClassFactory(ClassFactory):
    """The same for a filter class, whose instances the engine makes itself."""

    def __init__(self, factory: ClassFactory, registration: Registration[StreamFilterFactory], path: str, scope: ExtensionScope) -> None:
        super().__init__(factory.filter_class, factory.config)
        self._factory = factory
        self._registration = registration
        self._path = path
        self._scope = scope

    def route_config(self, config: object, raw: Mapping[str, object]) -> object:
        return self._registration.parse(raw, f"{self._path}: a route's config")

    def start(self) -> None:
        self._factory.start()

    def close(self) -> None:
        try:
            self._factory.close()
        finally:
            self._scope.close()


def _registration(file: Path, export: str, path: str, scope: ExtensionScope) -> Registration[StreamFilterFactory]:
    """What the file exports, in the form of a registration."""
    if not file.is_file():
        raise ConfigError(f"{path}.path", f"no such file: {file}")
    with file.open("rb") as opened:
        if opened.read(4) == b"\x7fELF":
            raise ConfigError(f"{path}.type", f"{file} is a shared object", 'write "type": "native"')
    try:
        module = load_file(file, scope)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{path}.path", f"{file} cannot be loaded: {describe(error)}") from error
    target = _exported(module, export, file, path)
    if isinstance(target, type) and issubclass(target, StreamFilter):
        filter_class: type[StreamFilter[object]] = target

        def create_class(parsed: object) -> StreamFilterFactory:
            return ClassFactory(filter_class, parsed)

        return Registration(export, create_class, getattr(target, "config_type", None), str(file))
    if isinstance(target, type) or not callable(target):
        raise ConfigError(f"{path}.factory", f"{file}: {export} is neither a create function nor a StreamFilter class")
    return Registration(export, target, _parameter_type(target), str(file))


def _exported(module: ModuleType, export: str, file: Path, path: str) -> object:
    target: object = getattr(module, export, None)
    if target is not None:
        return target
    names = [name for name, value in vars(module).items() if callable(value) and getattr(value, "__module__", None) == module.__name__]
    near = difflib.get_close_matches(export, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it defines: {', '.join(names) or 'nothing'}"
    raise ConfigError(f"{path}.factory", f"{file} defines no {export}", hint)


def _parameter_type(function: Callable[..., object]) -> type | None:
    """The annotated type of a create function's parameter."""
    try:
        hints = {name: hint for name, hint in typing.get_type_hints(function).items() if name != "return"}
    except (NameError, TypeError):
        return None
    return next(iter(hints.values()), None)
