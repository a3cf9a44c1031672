"""Statistics of one access log: what was written and what a failing disk swallowed.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.observe.metric_group import MetricGroup


class AccessLogStats:
    """What has been seen of one access log file. The attributes are named as the metric keys, without their ``_total``.

    :ivar lines: lines handed to the operating system
    :ivar dropped: lines lost because the file could not be opened or written
    :ivar errors: failed attempts to open or write the file
    """

    def __init__(self, path: str) -> None:
        self.path: str = path
        self.lines: int = 0
        self.dropped: int = 0
        self.errors: int = 0

    def snapshot(self) -> MetricGroup:
        """The present values."""
        return {
            "type": "access_log",
            "labels": {"path": self.path},
            "counters": {"lines_total": self.lines, "dropped_total": self.dropped, "errors_total": self.errors},
            "gauges": {},
            "histograms": {},
        }
