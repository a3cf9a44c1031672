"""A TLS context that is kept up to date: built from its provider, built anew when the provider has something new."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from headgate.api.certificates import CertificateProvider
from headgate.api.errors import ConfigError
from headgate.config.models import TlsContextConfig
from headgate.net.tls.build import build_context
from headgate.net.tls.context import TlsContext
from headgate.observe.stats_store import StatsStore

_LOG: Final = logging.getLogger("headgate.net")


class ManagedContext:
    """One ``tls_context`` that is on.

    :param config: its configuration
    :param provider: its certificate extension
    :param path: where it stands, for messages
    :param owner: ``listener`` or ``cluster``, for statistics
    :param name: the owner's name
    :ivar context: what the next handshake works with; None where nothing was asked (``headgate check``)
    :ivar epoch: goes up whenever :attr:`context` becomes another
    :raises ConfigError: if it cannot be built
    """

    def __init__(
        self, config: TlsContextConfig, provider: CertificateProvider, path: str, owner: str, name: str, store: StatsStore
    ) -> None:
        self._config = config
        self._provider = provider
        self._path = path
        self._owner = owner
        self._name = name
        self._store = store
        self._stats = store.tls(owner, name)
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._hash = ""
        self.on_change: Callable[[], None] | None = None
        self.epoch: int = 0
        self.context: TlsContext | None = build_context(config, provider, path)
        if self.context is not None:
            self._hash = provider.hash()

    def start(self) -> None:
        """Its configuration is in force: begin to refresh, if the provider wants to be. In the worker's loop."""
        self._publish()
        if self._task is None and not self._stopped and self._provider.refresh_after() > 0.0:
            self._task = asyncio.get_running_loop().create_task(self._keep_fresh())

    def stop(self) -> None:
        """Its configuration is no longer in force: no more refreshing."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """Nothing uses it any more."""
        self.stop()
        try:
            self._provider.close()
        except Exception:
            _LOG.exception("%s: the certificate extension failed in close()", self._path)

    def _publish(self) -> None:
        context = self.context
        if context is not None and context.not_after:
            self._store.certificate(self._owner, self._name, context.label).not_after = context.not_after

    async def _keep_fresh(self) -> None:
        while True:
            delay = self._provider.refresh_after()
            if delay <= 0.0:
                self._task = None
                return
            await asyncio.sleep(delay)
            await self._refresh()

    async def _refresh(self) -> None:
        """Ask the provider; whatever goes wrong, what is in use stays."""
        try:
            await self._provider.refresh()
            digest = self._provider.hash()
            if digest == self._hash:
                return
            context = build_context(self._config, self._provider, self._path)
        except ConfigError as error:
            self._stats.refresh_failures += 1
            _LOG.warning("the certificate stays as it is: %s", error.render())
            return
        except Exception as error:
            self._stats.refresh_failures += 1
            _LOG.warning("%s: the certificate stays as it is: %s: %s", self._path, type(error).__name__, error)
            return
        self._hash = digest
        if context is None:
            return
        self.context = context
        self.epoch += 1
        self._stats.refreshes += 1
        self._publish()
        _LOG.info("%s: a new certificate is in use", self._path)
        if self.on_change is not None:
            self.on_change()
