"""A TLS context that is kept up to date: built from its provider, built anew when the provider has something new."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from headgate.api.certificates import CertificateProvider
from headgate.api.errors import ConfigError
from headgate.config.certificates import when
from headgate.config.models import TlsContextConfig
from headgate.net.tls.build import build_context
from headgate.net.tls.context import TlsContext
from headgate.observe.tls_stats import CertificateStats, TlsStats

_LOG: Final = logging.getLogger("headgate.net")


class ManagedContext:
    """One ``tls_context`` that is on.

    :param config: its configuration
    :param provider: its certificate extension
    :param path: where it stands, for messages
    :param stats: the TLS statistics of its listener or cluster
    :ivar context: what the next handshake works with; None before :meth:`build`, and where that asked for nothing (``headgate check``)
        or has failed
    :ivar epoch: goes up whenever :attr:`context` becomes another
    :ivar on_change: called then
    """

    def __init__(self, config: TlsContextConfig, provider: CertificateProvider, path: str, stats: TlsStats) -> None:
        self._config = config
        self._provider = provider
        self._path = path
        self._stats = stats
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._hash = ""
        self.on_change: Callable[[], None] | None = None
        self.epoch: int = 0
        self.context: TlsContext | None = None

    def build(self) -> None:
        """Build :attr:`context`. In the thread that builds the configuration.

        :raises ConfigError: if that is impossible
        """
        context = build_context(self._config, self._provider, self._path)
        if context is not None:
            self._hash = self._provider.hash()
            problem = _out_of_date(context)
            if problem and self._config.type:  # of files it has been said where the configuration was checked
                _LOG.warning("%s: %s: peers refuse it", self._path, problem)
        self.context = context

    def certificate(self) -> CertificateStats | None:
        """How long the certificate is good; None if there is none."""
        context = self.context
        if context is None or not context.not_after:
            return None
        return CertificateStats(self._stats.owner, self._stats.name, context.label, context.not_after)

    def start(self) -> None:
        """Its configuration is in force: begin to refresh, if the provider wants to be. In the worker's loop."""
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
        staying = "the certificate stays as it is" if self.context is not None else "TLS stays OFF, plain text is spoken"
        try:
            await self._provider.refresh()
            digest = self._provider.hash()
            if digest == self._hash:
                return
            context = build_context(self._config, self._provider, self._path)
        except ConfigError as error:
            self._stats.refresh_failures += 1
            _LOG.warning("%s: %s", staying, error.render())
            return
        except Exception as error:
            self._stats.refresh_failures += 1
            _LOG.warning("%s: %s: %s: %s", self._path, staying, type(error).__name__, error)
            return
        problem = _out_of_date(context) if context is not None else ""
        if problem and self.context is not None and not _out_of_date(self.context):
            self._stats.refresh_failures += 1
            _LOG.warning("%s: %s: %s", self._path, staying, problem)
            return
        self._hash = digest
        if context is None:
            return
        if problem:
            _LOG.warning("%s: %s: peers refuse it", self._path, problem)
        if self.context is None:
            _LOG.warning("%s: TLS is ON from now on", self._path)
        else:
            _LOG.info("%s: a new certificate is in use", self._path)
        self.context = context
        self.epoch += 1
        self._stats.refreshes += 1
        if self.on_change is not None:
            self.on_change()


def _out_of_date(context: TlsContext) -> str:
    """Why no peer would accept a certificate of this context now; an empty string if it is in its time."""
    now = time.time()
    if context.not_after and now > context.not_after:
        return f"the certificate of {context.label!r} has expired at {when(context.not_after)}"
    if now < context.not_before:
        return f"the certificate of {context.label!r} is not valid before {when(context.not_before)}"
    return ""
