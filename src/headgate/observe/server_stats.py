"""Statistics of the supervisor: what happened to workers and configurations."""

from __future__ import annotations

from headgate.observe.metric_group import MetricGroup


class ServerStats:
    """What the supervisor has seen. The attributes are named as the metric keys, without their ``_total``.

    :ivar workers: worker processes that serve
    :ivar state: life-cycle state by MOSN's number (6: running)
    :ivar worker_starts: worker processes started, the first ones included
    :ivar worker_deaths: worker processes that ended without being told to
    :ivar worker_kills: worker processes that the watchdog killed because they did not answer
    :ivar reloads: configurations put in force after the first
    :ivar reload_failures: reloads that changed nothing because the candidate was refused
    """

    def __init__(self) -> None:
        self.workers: int = 0
        self.state: int = 0
        self.worker_starts: int = 0
        self.worker_deaths: int = 0
        self.worker_kills: int = 0
        self.reloads: int = 0
        self.reload_failures: int = 0

    def snapshot(self) -> MetricGroup:
        """The present values."""
        return {
            "type": "server",
            "labels": {},
            "counters": {
                "worker_starts_total": self.worker_starts,
                "worker_deaths_total": self.worker_deaths,
                "worker_kills_total": self.worker_kills,
                "reloads_total": self.reloads,
                "reload_failures_total": self.reload_failures,
            },
            "gauges": {"workers": self.workers, "state": self.state},
            "histograms": {},
        }
