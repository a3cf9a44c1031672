"""Statistics of upstream hosts and clusters: MOSN's metric type ``upstream``.

Each event is counted once: where a host is known, at the host; else at the cluster. The sums of a cluster over its hosts are formed
where they are shown (``headgate.observe.aggregate.with_totals``), not here.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.observe.histogram import MILLISECOND_BOUNDS, Histogram
from headgate.observe.metric_group import MetricGroup


class HostStats:
    """What has been seen of one host of a cluster. The attributes are named as the metric keys.

    :ivar connection_total: connections that were established
    :ivar connection_close: connections that were closed, by whomever
    :ivar connection_active: open connections
    :ivar connection_con_fail: connections that could not be established
    :ivar connection_local_close: connections that the proxy closed
    :ivar connection_remote_close: connections that the host closed
    :ivar connection_local_close_with_active_request: the same while a request was under way
    :ivar connection_remote_close_with_active_request: the same while a request was under way
    :ivar connection_bytes_read_total: bytes read from the host
    :ivar connection_bytes_write_total: bytes written to the host
    :ivar request_total: requests sent, retries included
    :ivar request_active: requests under way
    :ivar request_local_reset: requests that the proxy gave up
    :ivar request_remote_reset: requests that ended because the host closed the connection
    :ivar request_timeout: requests that exceeded the route's or the try's timeout
    :ivar request_pending_overflow: requests refused by the circuit breaker after this host was chosen
    :ivar request_retry: retries sent to this host
    :ivar request_retry_overflow: retries not made because of the breaker's ``max_retries``
    :ivar request_duration_time: from the request's sending to the response's end, milliseconds
    :ivar response_success: complete responses with a status below 500
    :ivar response_failed: responses with a status of 500 or more, and those cut short
    """

    def __init__(self, cluster: str, address: str) -> None:
        self.cluster: str = cluster
        self.address: str = address
        self.connection_total: int = 0
        self.connection_close: int = 0
        self.connection_active: int = 0
        self.connection_con_fail: int = 0
        self.connection_local_close: int = 0
        self.connection_remote_close: int = 0
        self.connection_local_close_with_active_request: int = 0
        self.connection_remote_close_with_active_request: int = 0
        self.connection_bytes_read_total: int = 0
        self.connection_bytes_write_total: int = 0
        self.request_total: int = 0
        self.request_active: int = 0
        self.request_local_reset: int = 0
        self.request_remote_reset: int = 0
        self.request_timeout: int = 0
        self.request_pending_overflow: int = 0
        self.request_retry: int = 0
        self.request_retry_overflow: int = 0
        self.request_duration_time: Histogram = Histogram(MILLISECOND_BOUNDS)
        self.response_success: int = 0
        self.response_failed: int = 0

    def snapshot(self) -> MetricGroup:
        """The present values."""
        return {
            "type": "upstream",
            "labels": {"cluster": self.cluster, "host": self.address},
            "counters": {
                "connection_total": self.connection_total,
                "connection_close": self.connection_close,
                "connection_con_fail": self.connection_con_fail,
                "connection_local_close": self.connection_local_close,
                "connection_remote_close": self.connection_remote_close,
                "connection_local_close_with_active_request": self.connection_local_close_with_active_request,
                "connection_remote_close_with_active_request": self.connection_remote_close_with_active_request,
                "connection_bytes_read_total": self.connection_bytes_read_total,
                "connection_bytes_write_total": self.connection_bytes_write_total,
                "request_total": self.request_total,
                "request_local_reset": self.request_local_reset,
                "request_remote_reset": self.request_remote_reset,
                "request_timeout": self.request_timeout,
                "request_pending_overflow": self.request_pending_overflow,
                "request_retry": self.request_retry,
                "request_retry_overflow": self.request_retry_overflow,
                "request_duration_time_total": int(self.request_duration_time.sum),
                "response_success": self.response_success,
                "response_failed": self.response_failed,
            },
            "gauges": {"connection_active": self.connection_active, "request_active": self.request_active},
            "histograms": {"request_duration_time": self.request_duration_time.snapshot()},
        }


class ClusterStats:
    """What concerns a cluster and none of its hosts. The attributes are named as the metric keys.

    :ivar request_pending_overflow: requests refused by the circuit breaker before a host was chosen
    :ivar request_retry: retries whose host was not known when they were counted
    :ivar request_retry_overflow: retries not made because of the breaker's ``max_retries``
    :ivar lb_no_host: requests for which the load balancer found no usable host
    """

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.request_pending_overflow: int = 0
        self.request_retry: int = 0
        self.request_retry_overflow: int = 0
        self.lb_no_host: int = 0

    def snapshot(self) -> MetricGroup:
        """The present values."""
        return {
            "type": "upstream",
            "labels": {"cluster": self.name},
            "counters": {
                "request_pending_overflow": self.request_pending_overflow,
                "request_retry": self.request_retry,
                "request_retry_overflow": self.request_retry_overflow,
                "lb_no_host_total": self.lb_no_host,
            },
            "gauges": {},
            "histograms": {},
        }
