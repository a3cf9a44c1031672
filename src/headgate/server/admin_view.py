"""The running proxy as the admin server sees it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import headgate
from headgate.config.models import HeadgateConfig
from headgate.control.admin.view import AdminView
from headgate.observe import log
from headgate.observe.stats import MetricGroup
from headgate.server import protocol

if TYPE_CHECKING:
    from headgate.server.supervisor import Supervisor


class SupervisorView(AdminView):
    """Answers for a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def version(self) -> str:
        """The version of Headgate."""
        return headgate.__version__

    def config_dump(self) -> HeadgateConfig:
        """The configuration in force."""
        return self._supervisor.pool.deployment.config

    async def stats(self) -> list[MetricGroup]:
        """Fresh statistics of all workers, and the supervisor's own."""
        supervisor = self._supervisor
        await supervisor.statistics.collect(supervisor.pool.serving())
        return [*supervisor.statistics.total(), supervisor.stats.snapshot(), *supervisor.plugins.snapshot()]

    def state(self) -> int:
        """The life-cycle state by MOSN's number."""
        return self._supervisor.stats.state

    def pid(self) -> int:
        """Process id of the supervisor."""
        return os.getpid()

    def levels(self) -> dict[str, str]:
        """Log files and their levels."""
        return log.levels()

    async def set_level(self, path: str, level: str) -> bool:
        """Change the level of a log file, here and in every worker."""
        if not log.set_level(path, level):
            return False
        self._supervisor.change_log(protocol.LOG_LEVEL, path, {"level": level})
        return True

    async def set_log_enabled(self, path: str, enabled: bool) -> bool:
        """Switch a log file off or on, here and in every worker."""
        known = log.set_enabled(path, enabled) or path in self._supervisor.access_log_paths()
        if known:
            self._supervisor.change_log(protocol.LOG_ON, path, {"enabled": enabled})
        return known

    def ready(self) -> bool:
        """Whether traffic is accepted."""
        return self._supervisor.ready()

    def plugins(self) -> list[dict[str, object]]:
        """Every plugin."""
        return self._supervisor.plugins.describe()

    def plugin_names(self) -> list[str]:
        """The plugins by name."""
        return self._supervisor.plugins.names()

    def plugin_status(self, name: str) -> tuple[bool, bool] | None:
        """Whether a plugin is switched on, and whether it runs."""
        return self._supervisor.plugins.status(name)

    async def set_plugin_enabled(self, name: str, enabled: bool) -> bool:
        """Switch a plugin on or off."""
        return await self._supervisor.plugins.set_enabled(name, enabled)

    def workers(self) -> list[dict[str, object]]:
        """Every worker slot."""
        return self._supervisor.pool.describe()
