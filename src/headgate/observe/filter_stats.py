"""The ledger of one filter: calls, time, errors, by the name that its entry has in the configuration.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.observe.histogram import MICROSECOND_BOUNDS, Histogram
from headgate.observe.metric_group import MetricGroup


class FilterStats:
    """What has been seen of one stream filter of one listener. The attributes are named as the metric keys, without their ``_total``.

    :ivar calls: hooks called, of every phase and direction
    :ivar errors: hooks that raised or returned nonsense
    :ivar timeouts: asynchronous hooks that exceeded the entry's ``timeout``
    :ivar replies: requests that the filter answered itself
    :ivar quarantined: 1 while the filter is set aside, else 0
    :ivar quarantines: how often it was set aside
    :ivar blocked: how often the watchdog found it blocking the event loop
    :ivar time: time in hooks, microseconds; sampled, so its count is not the number of calls
    """

    def __init__(self, listener: str, filter_name: str) -> None:
        self.listener: str = listener
        self.filter_name: str = filter_name
        self.calls: int = 0
        self.errors: int = 0
        self.timeouts: int = 0
        self.replies: int = 0
        self.quarantined: int = 0
        self.quarantines: int = 0
        self.blocked: int = 0
        self.time: Histogram = Histogram(MICROSECOND_BOUNDS)

    def snapshot(self) -> MetricGroup:
        """The present values."""
        return {
            "type": "filter",
            "labels": {"listener": self.listener, "filter": self.filter_name},
            "counters": {
                "calls_total": self.calls,
                "errors_total": self.errors,
                "timeouts_total": self.timeouts,
                "replies_total": self.replies,
                "quarantines_total": self.quarantines,
                "blocked_total": self.blocked,
            },
            "gauges": {"quarantined": self.quarantined},
            "histograms": {"time": self.time.snapshot()},
        }
