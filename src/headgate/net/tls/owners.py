"""TLS of a listener and of a cluster, from their configuration."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.registry import ExtensionScope
from headgate.config.models import TlsContextConfig
from headgate.net.tls.build import create_provider
from headgate.net.tls.context import ContextChoice
from headgate.net.tls.listener_tls import ListenerTls
from headgate.net.tls.managed import ManagedContext
from headgate.observe.stats_store import StatsStore
from headgate.observe.tls_stats import TlsStats

_LOG: Final = logging.getLogger("headgate.net")


class TlsBuilder:
    """Builds the TLS contexts of one configuration and keeps them for starting and closing.

    :param store: the worker's statistics
    :param scope: the extensions of the configuration
    :ivar contexts: what was built
    """

    def __init__(self, store: StatsStore, scope: ExtensionScope | None) -> None:
        self._store = store
        self._scope = scope
        self.contexts: list[ManagedContext] = []

    def listener(self, name: str, contexts: Sequence[tuple[str, TlsContextConfig]], inspector: bool) -> ListenerTls | None:
        """TLS of a listener.

        :param contexts: its contexts, each with its path; those that are off do not count
        :param inspector: plain text is taken, too
        :returns: None if the listener speaks plain text: none is on, or none of those with ``fall_back`` can ever be used. Those whose
            extension has failed and is asked again have no context so far
        :raises ConfigRejected: with everything that is wrong
        """
        managed: list[ManagedContext] = []
        errors: list[ConfigError] = []
        timeout = 0.0
        for path, config in contexts:
            if not config.status:
                continue
            timeout = max(timeout, config.handshake_timeout)
            try:
                entry = self._managed(config, path, "listener", name)
                managed.append(entry)
                self._build(entry, config, path)
            except (ConfigError, ConfigRejected) as error:
                found = error.errors if isinstance(error, ConfigRejected) else (error,)
                if not config.fall_back:
                    errors.extend(found)
                for finding in found if config.fall_back else ():
                    _LOG.warning("listener %s: TLS is OFF, plain text is spoken because of 'fall_back': %s", name, finding.render())
        if errors:
            raise ConfigRejected(errors)
        if not managed:
            return None
        return ListenerTls(self._choice(managed), inspector, timeout, self._store.tls("listener", name))

    def cluster(self, name: str, config: TlsContextConfig, path: str) -> ManagedContext:
        """TLS of a cluster.

        :raises ConfigError: if it cannot be built
        :raises ConfigRejected: likewise
        """
        managed = self._managed(config, path, "cluster", name)
        managed.on_change = self._publish
        self._build(managed, config, path)
        return managed

    def _managed(self, config: TlsContextConfig, path: str, owner: str, name: str) -> ManagedContext:
        provider = create_provider(config, path, owner == "listener", self._scope)
        managed = ManagedContext(config, provider, path, self._store.tls(owner, name))
        self.contexts.append(managed)
        return managed

    def _build(self, managed: ManagedContext, config: TlsContextConfig, path: str) -> None:
        try:
            managed.build()
        except (ConfigError, ConfigRejected):
            raise
        except Exception as error:
            raise ConfigError(path, f"certificate extension {config.type!r} failed: {type(error).__name__}: {error}") from error

    def _choice(self, managed: list[ManagedContext]) -> ContextChoice:
        choice = ContextChoice([])

        def update() -> None:
            choice.update([entry.context for entry in managed if entry.context is not None])

        def changed() -> None:
            update()
            self._publish()

        for entry in managed:
            entry.on_change = changed
        update()
        return choice

    def _publish(self) -> None:
        """Have the metrics show the certificates of this configuration."""
        found = [context.certificate() for context in self.contexts]
        self._store.publish_certificates([certificate for certificate in found if certificate is not None])

    def stats(self, owner: str, name: str) -> TlsStats:
        """TLS statistics of a listener or cluster."""
        return self._store.tls(owner, name)

    def start(self) -> None:
        """The configuration is in force. May be called again."""
        self._publish()
        for context in self.contexts:
            context.start()

    def stop(self) -> None:
        """Another configuration is in force."""
        for context in self.contexts:
            context.stop()

    def close(self) -> None:
        """Nothing uses the configuration any more."""
        for context in self.contexts:
            context.close()
