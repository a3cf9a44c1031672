"""Statistics of one listener's connections and requests: MOSN's metric type ``downstream``.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.observe.histogram import MILLISECOND_BOUNDS, Histogram
from headgate.observe.metric_group import MetricGroup

COUNTED_STATUSES: Final[list[int]] = [200, 206, 302, 304, 400, 403, 404, 416, 499, 500, 502, 503, 504]
"""Status codes with a counter of their own, as in MOSN; all others share ``request_other_code``."""


class ListenerStats:
    """What one listener has seen. The attributes are named as the metric keys (``headgate.observe.metric_catalog``).

    :ivar connection_total: accepted connections
    :ivar connection_destroy: closed connections
    :ivar connection_active: open connections
    :ivar connection_rejected: connections closed at once because ``max_connections`` was reached
    :ivar bytes_read_total: bytes read from clients
    :ivar bytes_write_total: bytes written to clients
    :ivar request_total: requests whose head was complete
    :ivar request_active: requests under way
    :ivar request_reset: requests whose client left before the response was complete
    :ivar request_failed: requests that the proxy could not serve (section 1.8's "process failed" flags)
    :ivar request_malformed: requests refused by the codec, before a stream was born
    :ivar request_time: from the request's first byte to the stream's end, milliseconds
    :ivar process_time: the part of it that the proxy itself took, milliseconds
    """

    def __init__(self, name: str, proxy_name: str) -> None:
        self.name: str = name
        self.proxy_name: str = proxy_name
        self.connection_total: int = 0
        self.connection_destroy: int = 0
        self.connection_active: int = 0
        self.connection_rejected: int = 0
        self.bytes_read_total: int = 0
        self.bytes_write_total: int = 0
        self.request_total: int = 0
        self.request_active: int = 0
        self.request_reset: int = 0
        self.request_failed: int = 0
        self.request_malformed: int = 0
        self.request_time: Histogram = Histogram(MILLISECOND_BOUNDS)
        self.process_time: Histogram = Histogram(MILLISECOND_BOUNDS)
        self._ok: int = 0
        self._other: int = 0
        self._by_status: dict[int, int] = dict.fromkeys(COUNTED_STATUSES, 0)

    def request_ended(self, status: int, took: float, own: float) -> None:
        """A request is over.

        :param status: of the response; 0: there was none
        :param took: ``request_time``
        :param own: ``process_time``
        """
        self.request_active -= 1
        self.count_status(status)
        self.request_time.observe(took)
        self.process_time.observe(own)

    def count_status(self, code: int) -> None:
        """Count the status code of one response sent to a client."""
        if code == 200:
            self._ok += 1
        elif code in self._by_status:
            self._by_status[code] += 1
        else:
            self._other += 1

    def snapshot(self) -> MetricGroup:
        """The present values."""
        counters = {
            "connection_total": self.connection_total,
            "connection_destroy": self.connection_destroy,
            "connection_rejected_total": self.connection_rejected,
            "bytes_read_total": self.bytes_read_total,
            "bytes_write_total": self.bytes_write_total,
            "request_total": self.request_total,
            "request_reset": self.request_reset,
            "request_failed": self.request_failed,
            "request_malformed_total": self.request_malformed,
            "request_time_total": int(self.request_time.sum),
            "process_time_total": int(self.process_time.sum),
        }
        for code in COUNTED_STATUSES:
            counters[f"request_{code}_total"] = self._ok if code == 200 else self._by_status[code]
        counters["request_other_code"] = self._other
        return {
            "type": "downstream",
            "labels": {"proxy": self.proxy_name, "listener": self.name},
            "counters": counters,
            "gauges": {"connection_active": self.connection_active, "request_active": self.request_active},
            "histograms": {"request_time": self.request_time.snapshot(), "process_time": self.process_time.snapshot()},
        }
