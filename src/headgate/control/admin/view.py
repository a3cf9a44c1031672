"""What the admin server may know of the running proxy and do to it. The supervisor implements it; the tests do, too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from headgate.config.models import HeadgateConfig
    from headgate.observe.metric_group import MetricGroup

FEATURE_GATES: Final[dict[str, bool]] = {
    "MultiTenantMode": False,
    "PayLoadLimitEnable": False,
    "XdsMtlsEnable": False,
    "auto_config": False,
}
"""MOSN's built-in feature gates. Headgate has none of its own, so all are off."""


class AdminView(ABC):
    """The running proxy as the admin API sees it. Methods that ask the workers are ``async``; none may block the event loop.

    What a method raises becomes a 500 with a JSON error and one line in the log.
    """

    @abstractmethod
    def version(self) -> str:
        """The version of Headgate, e.g. ``0.1.0``."""

    @abstractmethod
    def config_dump(self) -> HeadgateConfig:
        """The configuration in force (after a reload the new one)."""

    @abstractmethod
    async def stats(self) -> list[MetricGroup]:
        """The statistics of all workers added up, those of dead workers included, and the supervisor's own groups.

        Form them with :class:`headgate.observe.aggregate.StatsAggregate`; do not add the sums over clusters and listeners, the admin
        handlers do.
        """

    @abstractmethod
    def state(self) -> int:
        """The life-cycle state by MOSN's number: 4 starting, 6 running, 8 graceful stopping, 9 stopping, ..."""

    @abstractmethod
    def pid(self) -> int:
        """Process id of the supervisor."""

    @abstractmethod
    def levels(self) -> dict[str, str]:
        """Path of each log file -> its level by MOSN's name (``INFO``), as :func:`headgate.observe.log.levels` gives it."""

    @abstractmethod
    async def set_level(self, path: str, level: str) -> bool:
        """Change the level of a log file, in the supervisor and in every worker.

        :param path: the file as :meth:`levels` names it
        :param level: one of FATAL, ERROR, WARN, INFO, DEBUG, TRACE
        :returns: False if there is no such log file
        """

    @abstractmethod
    async def set_log_enabled(self, path: str, enabled: bool) -> bool:
        """Switch a log file off or on again, in the supervisor and in every worker.

        :param path: a log file of :meth:`levels`, or an access log
        :returns: False if there is no such log file
        """

    @abstractmethod
    def ready(self) -> bool:
        """Whether traffic is accepted: at least one worker serves the configuration in force and no stop is under way."""

    @abstractmethod
    def workers(self) -> list[dict[str, object]]:
        """One mapping per worker slot that JSON can carry: ``slot``, ``pid``, ``state``, ``restarts``, ..."""

    def plugins(self) -> list[dict[str, object]]:
        """One mapping per plugin process group that JSON can carry: ``name``, ``state``, ``instances``, ... The default: there are none."""
        return []

    def plugin_names(self) -> list[str]:
        """The plugins by name, in order. The default: there are none."""
        return []

    def plugin_status(self, name: str) -> tuple[bool, bool] | None:
        """Whether a plugin is switched on, and whether a process of it takes calls; None: there is no such plugin, as is the default."""
        return None

    async def set_plugin_enabled(self, name: str, enabled: bool) -> bool:
        """Switch a plugin on (and wait a little for its start) or off (and wait for the end of its calls).

        :returns: False if there is no such plugin, as is the default
        """
        return False

    def features(self) -> dict[str, bool]:
        """Feature gates by name. The default is MOSN's, all off."""
        return dict(FEATURE_GATES)
