"""The ledger of one plugin: in a worker its calls, in the supervisor its processes.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.observe.histogram import MILLISECOND_BOUNDS, Histogram
from headgate.observe.metric_group import MetricGroup

ERROR_KINDS: Final = ("disabled", "unavailable", "overflow", "timeout", "died", "rpc", "protocol")
RESTART_REASONS: Final = ("died", "start_failed", "unhealthy", "memory")


class PluginStats:
    """What one worker has seen of one plugin. The attributes are named as the metric keys, without their ``_total``.

    :ivar calls: calls started
    :ivar errors: calls that brought no answer, by kind
    :ivar in_flight: calls whose outcome is open
    :ivar time: from a call's start to its outcome, milliseconds
    """

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.calls: int = 0
        self.errors: dict[str, int] = dict.fromkeys(ERROR_KINDS, 0)
        self.in_flight: int = 0
        self.time: Histogram = Histogram(MILLISECOND_BOUNDS)

    def count_error(self, kind: str) -> None:
        """A call failed."""
        self.errors[kind] = self.errors.get(kind, 0) + 1

    def snapshot(self) -> list[MetricGroup]:
        """The present values: one group for the plugin, one for each kind of error."""
        groups: list[MetricGroup] = [
            {
                "type": "plugin",
                "labels": {"plugin": self.name},
                "counters": {"calls_total": self.calls},
                "gauges": {"in_flight": self.in_flight},
                "histograms": {"time": self.time.snapshot()},
            }
        ]
        for kind, count in self.errors.items():
            groups.append(_counter(self.name, "kind", kind, "errors_total", count))
        return groups


class PluginProcessStats:
    """What the supervisor has seen of one plugin.

    :ivar up: processes that take calls
    :ivar restarts: processes started in place of another, by why that one was lost
    """

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.up: int = 0
        self.restarts: dict[str, int] = dict.fromkeys(RESTART_REASONS, 0)

    def snapshot(self) -> list[MetricGroup]:
        """The present values: one group for the plugin, one for each reason of restarts."""
        groups: list[MetricGroup] = [
            {"type": "plugin", "labels": {"plugin": self.name}, "counters": {}, "gauges": {"up": self.up}, "histograms": {}}
        ]
        for reason, count in self.restarts.items():
            groups.append(_counter(self.name, "reason", reason, "restarts_total", count))
        return groups


def _counter(plugin: str, label: str, value: str, key: str, count: int) -> MetricGroup:
    return {"type": "plugin", "labels": {"plugin": plugin, label: value}, "counters": {key: count}, "gauges": {}, "histograms": {}}
