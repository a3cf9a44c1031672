"""Plugins where nothing is started: ``headgate check``. That their programs are there and may be executed is looked at all the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.plugin import PluginCall, PluginClient, PluginDefinition, PluginError, PluginHost, PluginReceiver
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.config.models import HeadgateConfig
from headgate.runtimes.process.definition_build import PluginPlace, configured_plugins


def offline_plugins(config: HeadgateConfig, config_path: Path) -> OfflinePlugins:
    """The plugins of a configuration that is only looked at.

    :param config_path: its file, absolute
    :raises ConfigRejected: if a program is missing, or may not be executed
    """
    place = PluginPlace(config_path.parent, config)
    declared, errors = configured_plugins(config, place)
    if errors:
        raise ConfigRejected(errors)
    return OfflinePlugins(declared, place)


class OfflinePlugins(PluginHost):
    """Gives out clients whose every call fails."""

    online = False

    def __init__(self, declared: Mapping[str, PluginDefinition], place: PluginPlace) -> None:
        self._declared = declared
        self._place = place
        self._registered: dict[str, PluginDefinition] = {}

    def register(self, definition: PluginDefinition) -> PluginClient:
        """A client that nothing stands behind."""
        name = definition.name
        if name not in self._declared:
            resolved = self._place.resolved(definition, f"plugin {name!r}")
            if self._registered.setdefault(name, resolved) != resolved:
                raise ConfigError("", f"plugin {name!r} is defined twice, and differently", "declare it once, in 'plugins'")
        return _OfflineClient(name)


class _OfflineCall(PluginCall):
    def cancel(self) -> None:
        return  # it has failed already


class _OfflineClient(PluginClient):
    def __init__(self, name: str) -> None:
        self.name = name

    def _error(self) -> PluginError:
        return PluginError("unavailable", f"plugin {self.name} is not started while a configuration is checked")

    def start(self, request: PluginRequest, timeout: float, receiver: PluginReceiver) -> PluginCall:
        receiver.on_plugin_failure(self._error())
        return _OfflineCall()

    async def call(self, request: PluginRequest, timeout: float = 0.0) -> PluginResponse:
        raise self._error()

    def call_from_build(self, request: PluginRequest, timeout: float) -> PluginResponse:
        raise self._error()
