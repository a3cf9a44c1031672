"""From a listener's ``stream_filters`` to its filter entries, and to what routes say about them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from headgate.api.entry_settings import EntrySettings, building_entry
from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.isolation import ISOLATIONS, IsolatedEntry
from headgate.api.registry import ExtensionScope, Registration
from headgate.api.stream_filter import STREAM_FILTERS, StreamFilterFactory
from headgate.config.models import CanaryConfig, ListenerConfig, StreamFilterConfig
from headgate.observe.stats_store import StatsStore
from headgate.proxy.canary import share_requests
from headgate.proxy.entry_match import build_match
from headgate.proxy.filter_entry import FilterEntry, Quarantine
from headgate.router.route import Route
from headgate.router.table import RouterTable

_LOG: Final = logging.getLogger("headgate.proxy")
_entry_ids: Final = itertools.count(1)


class BuiltFilter:
    """An entry with what routes' configurations for it are merged with.

    :ivar keys: under which a route may configure it, the first that it gives counts
    """

    def __init__(
        self, entry: FilterEntry, registration: Registration[StreamFilterFactory], config: Mapping[str, object], keys: Sequence[str]
    ) -> None:
        self.entry = entry
        self.registration = registration
        self.config = config
        self.keys = keys


class FilterBuilder:
    """Builds the filters of one configuration and collects what is wrong on the way.

    :param extensions: what the configuration loads, for filters that run elsewhere
    :ivar factories: every factory that was made
    :ivar errors: what was found
    """

    def __init__(self, scope: ExtensionScope, stats: StatsStore, extensions: Sequence[str]) -> None:
        self._scope = scope
        self._stats = stats
        self._extensions = tuple(extensions)
        self.factories: list[StreamFilterFactory] = []
        self.errors: list[ConfigError] = []

    def listener(self, listener: ListenerConfig, listener_name: str, path: str) -> list[BuiltFilter]:
        """The filters of a listener, in order; an entry's canary right behind it."""
        built: list[BuiltFilter] = []
        names: set[str] = set()
        for position, entry in enumerate(listener.stream_filters):
            at = f"{path}.stream_filters[{position}]"
            name = entry.name or entry.type
            number = 2
            while name in names:
                name = f"{entry.name or entry.type}#{number}"
                number += 1
            names.add(name)
            stable = self._built(entry, entry, name, listener_name, at, (name, entry.type))
            canary = entry.canary
            if canary is not None:
                second = f"{name}@canary"
                other = self._built(entry, canary, second, listener_name, f"{at}.canary", (second, name, entry.type))
                if stable is not None and other is not None:
                    share_requests(stable.entry, other.entry, canary.percent)
                    built.extend((stable, other))
            elif stable is not None:
                built.append(stable)
        return built

    def _built(
        self,
        entry: StreamFilterConfig,
        version: StreamFilterConfig | CanaryConfig,
        name: str,
        listener_name: str,
        at: str,
        keys: Sequence[str],
    ) -> BuiltFilter | None:
        """One version of an entry, with the entry's policy; None if there is something wrong with it."""
        try:
            registration = STREAM_FILTERS.find(version.registered_type, f"{at}.type", self._scope)
            parsed = registration.parse(version.options, f"{at}.config")
            settings = EntrySettings(name, version.type, listener_name, at, entry.timeout, entry.max_body, version.file, version.export)
            factory = self._factory(version, settings, registration, parsed)
            self.factories.append(factory)
            return BuiltFilter(self._entry(entry, settings, factory), registration, version.options, keys)
        except ConfigRejected as rejected:
            self.errors.extend(rejected.errors)
        except ConfigError as error:
            self.errors.append(error)
        return None

    def _entry(self, entry: StreamFilterConfig, settings: EntrySettings, factory: StreamFilterFactory) -> FilterEntry:
        quarantine = entry.quarantine
        try:
            return FilterEntry(
                next(_entry_ids),
                settings.name,
                settings.type,
                factory,
                entry.on_error == "deny",
                entry.timeout,
                entry.max_body,
                build_match(entry.match, f"{settings.path}.match"),
                Quarantine(quarantine.max_failures, quarantine.window, quarantine.backoff),
                self._stats.filter(settings.listener, settings.name),
            )
        except ValueError as error:
            raise ConfigError(f"{settings.path}.type", f"stream filter {settings.type!r}: {error}") from error

    def _factory(
        self,
        version: StreamFilterConfig | CanaryConfig,
        settings: EntrySettings,
        registration: Registration[StreamFilterFactory],
        parsed: object,
    ) -> StreamFilterFactory:
        """Call the create function, or have the version's isolation make a factory in its place."""
        at = settings.path
        try:
            with building_entry(settings):
                if version.isolation == "inline":
                    factory = registration.create(parsed)
                else:
                    isolation = ISOLATIONS.find(str(version.isolation), f"{at}.isolation", self._scope)
                    factory = isolation.create(IsolatedEntry(settings, registration, version.options, parsed, self._extensions))
        except ConfigError:
            raise
        except Exception as error:
            _LOG.debug("stream filter %s", settings.name, exc_info=error)
            raise ConfigError(
                f"{at}.config", f"stream filter {settings.type!r} cannot be created: {type(error).__name__}: {error}", registration.origin
            ) from error
        if not isinstance(factory, StreamFilterFactory):
            raise ConfigError(at, f"the create function of stream filter {settings.type!r} returned {factory!r}, not a StreamFilterFactory")
        return factory

    def route_configs(self, table: RouterTable, filters: Sequence[BuiltFilter]) -> None:
        """Parse what routes say about a listener's filters: route over virtual host over listener, key by key."""
        known = {key for built in filters for key in built.keys}
        for route in table.routes():
            for key in route.per_filter_config:
                if key not in known and key not in STREAM_FILTERS.names(self._scope):
                    self.errors.append(ConfigError(f"{route.config_path}.per_filter_config.{key}", f"unknown stream filter {key!r}"))
            for built in filters:
                for key in built.keys:
                    override = route.per_filter_config.get(key)
                    if override:
                        self._route_config(route, built, key, {**built.config, **override})
                        break

    def _route_config(self, route: Route, built: BuiltFilter, key: str, merged: Mapping[str, object]) -> None:
        entry = built.entry
        at = f"{route.config_path}.per_filter_config.{key}"
        try:
            route.filter_configs[entry.id] = entry.factory.route_config(built.registration.parse(merged, at), merged)
            if entry.simple is not None:  # a route may ask for hooks that the entry's first class has not
                entry.simple_capabilities = entry.capabilities_of(entry.simple.filter_class)
        except ConfigRejected as rejected:
            self.errors.extend(rejected.errors)
        except ConfigError as error:
            self.errors.append(error)
        except Exception as error:
            self.errors.append(ConfigError(at, str(error) or type(error).__name__))
