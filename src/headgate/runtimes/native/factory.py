"""The stream filter type ``native``: an entry whose ``path`` is a shared object.

``{"type": "native", "path": "./auth.so", "config": {...}}``; the configuration goes to the module as JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headgate.api.entry_settings import entry_settings
from headgate.api.errors import ConfigError
from headgate.api.stream_filter import ClassFactory, StreamFilterFactory, stream_filter
from headgate.runtimes.native.crash_note import entry_note
from headgate.runtimes.native.elf import UnloadableError


class NativeFilterFactory(ClassFactory):
    """One entry: one loaded module and its configurations."""

    def __init__(self, path: Path, raw: Mapping[str, object]) -> None:
        from headgate.runtimes.native.filter_class import filter_class
        from headgate.runtimes.native.host_table import HostTable
        from headgate.runtimes.native.module import NativeModule

        settings = entry_settings()
        module = NativeModule(path, settings.name, entry_note(settings.listener, settings.name))
        table = HostTable(module)
        module.provide(table.pointer, table)
        self._module = module
        try:
            first = module.create_factory(raw)
        except ValueError:
            module.close()
            raise
        super().__init__(filter_class(module), first)

    def route_config(self, config: object, raw: Mapping[str, object]) -> object:
        return self._module.create_factory(raw)

    def close(self) -> None:
        self._module.close()


@stream_filter("native")
def create(config: Mapping[str, object]) -> StreamFilterFactory:
    """The factory of an entry.

    :raises ConfigError: if the module cannot be loaded or refuses its configuration
    """
    settings = entry_settings()
    if not settings.file:
        raise ConfigError(f"{settings.path}.path", "missing", "the path of a shared object")
    return load(Path(settings.file), config)


def load(path: Path, config: Mapping[str, object]) -> StreamFilterFactory:
    """Load a shared object for the entry that is being built.

    :raises ConfigError: if it cannot be loaded or refuses its configuration
    """
    settings = entry_settings()
    try:
        return NativeFilterFactory(path, config)
    except UnloadableError as error:
        raise ConfigError(f"{settings.path}.path", str(error), error.hint) from error
    except ValueError as error:
        raise ConfigError(f"{settings.path}.config", str(error)) from error
