"""Every metric that Headgate itself reports: type, key, kind and meaning.

The HELP lines of the Prometheus exposition come from here; a test holds the code's snapshots and ``docs/observability.md`` against it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from headgate.observe.listener_stats import COUNTED_STATUSES


class MetricInfo(NamedTuple):
    """One metric.

    :ivar type: the group's type, e.g. ``downstream``
    :ivar key: the key within the group; the Prometheus name is ``<type>_<key>``
    :ivar kind: ``counter``, ``gauge`` or ``histogram``
    :ivar help: what it counts, with its unit
    """

    type: str
    key: str
    kind: str
    help: str


LABELS: Final[dict[str, str]] = {
    "downstream": "proxy, listener",
    "upstream": "cluster, host",
    "filter": "listener, filter",
    "access_log": "path",
    "plugin": "plugin, kind, reason",
    "tls": "listener, cluster",
    "certificate": "listener, cluster, context",
    "wasm": "",
    "server": "",
}
"""Labels of each metric type. Cluster-level values of ``upstream`` have no ``host`` label; of ``plugin``
only ``errors_total`` has ``kind``, only ``restarts_total`` has ``reason``."""

_DOWNSTREAM: Final[list[tuple[str, str, str]]] = [
    ("connection_total", "counter", "Connections accepted."),
    ("connection_destroy", "counter", "Connections closed."),
    ("connection_active", "gauge", "Connections open."),
    ("connection_rejected_total", "counter", "Connections closed at once because max_connections was reached."),
    ("bytes_read_total", "counter", "Bytes read from clients."),
    ("bytes_write_total", "counter", "Bytes written to clients."),
    ("request_total", "counter", "Requests whose head was complete."),
    ("request_active", "gauge", "Requests under way."),
    ("request_reset", "counter", "Requests whose client left before the response was complete."),
    ("request_failed", "counter", "Requests that the proxy could not serve."),
    ("request_malformed_total", "counter", "Requests refused by the codec before a stream was born."),
    ("request_time", "histogram", "Time from a request's first byte to its stream's end, in milliseconds."),
    ("request_time_total", "counter", "Sum of request_time, in milliseconds."),
    ("process_time", "histogram", "The part of request_time that the proxy itself took, in milliseconds."),
    ("process_time_total", "counter", "Sum of process_time, in milliseconds."),
    *[(f"request_{code}_total", "counter", f"Responses sent with status {code}.") for code in COUNTED_STATUSES],
    ("request_other_code", "counter", "Responses sent with any other status."),
]

_UPSTREAM: Final[list[tuple[str, str, str]]] = [
    ("connection_total", "counter", "Connections established."),
    ("connection_close", "counter", "Connections closed, by whomever."),
    ("connection_active", "gauge", "Connections open."),
    ("connection_con_fail", "counter", "Connections that could not be established."),
    ("connection_local_close", "counter", "Connections closed by the proxy."),
    ("connection_remote_close", "counter", "Connections closed by the host."),
    ("connection_local_close_with_active_request", "counter", "Connections closed by the proxy while a request was under way."),
    ("connection_remote_close_with_active_request", "counter", "Connections closed by the host while a request was under way."),
    ("connection_bytes_read_total", "counter", "Bytes read from the host."),
    ("connection_bytes_write_total", "counter", "Bytes written to the host."),
    ("request_total", "counter", "Requests sent, retries included."),
    ("request_active", "gauge", "Requests under way."),
    ("request_local_reset", "counter", "Requests that the proxy gave up."),
    ("request_remote_reset", "counter", "Requests that ended because the host closed the connection."),
    ("request_timeout", "counter", "Requests that exceeded the timeout of the route or of the try."),
    ("request_pending_overflow", "counter", "Requests refused by the cluster's circuit breaker."),
    ("request_retry", "counter", "Retries."),
    ("request_retry_overflow", "counter", "Retries not made because of the circuit breaker's max_retries."),
    ("request_duration_time", "histogram", "Time from a request's sending to its response's end, in milliseconds."),
    ("request_duration_time_total", "counter", "Sum of request_duration_time, in milliseconds."),
    ("response_success", "counter", "Complete responses with a status below 500."),
    ("response_failed", "counter", "Responses with a status of 500 or more, and those cut short."),
    ("lb_no_host_total", "counter", "Requests for which the load balancer found no usable host (cluster level)."),
]

_FILTER: Final[list[tuple[str, str, str]]] = [
    ("calls_total", "counter", "Hooks called, of every phase and direction."),
    ("errors_total", "counter", "Hooks that raised or returned nonsense."),
    ("timeouts_total", "counter", "Asynchronous hooks that exceeded the entry's timeout."),
    ("replies_total", "counter", "Requests that the filter answered itself."),
    ("quarantines_total", "counter", "Times that the filter was set aside after too many failures."),
    ("quarantined", "gauge", "Workers in which the filter is set aside at present."),
    ("blocked_total", "counter", "Times that the watchdog found the filter blocking the event loop."),
    ("time", "histogram", "Time in hooks, in microseconds; sampled, so its count is not the number of calls."),
]

_ACCESS_LOG: Final[list[tuple[str, str, str]]] = [
    ("lines_total", "counter", "Lines written."),
    ("dropped_total", "counter", "Lines lost because the file could not be opened or written."),
    ("errors_total", "counter", "Failed attempts to open or write the file."),
]

_TLS: Final[list[tuple[str, str, str]]] = [
    ("handshake_total", "counter", "TLS handshakes completed."),
    ("handshake_resumed_total", "counter", "TLS handshakes that resumed a session."),
    ("handshake_failed_not_tls_total", "counter", "Handshakes failed: the peer did not speak TLS."),
    ("handshake_failed_protocol_total", "counter", "Handshakes failed: no common version or cipher, or a message that TLS does not allow."),
    ("handshake_failed_certificate_total", "counter", "Handshakes failed: the peer had no certificate, or one that was not accepted."),
    ("handshake_failed_refused_total", "counter", "Handshakes failed: the peer broke off with an alert."),
    ("handshake_failed_closed_total", "counter", "Handshakes failed: the peer closed the connection in the middle."),
    ("handshake_failed_timeout_total", "counter", "Handshakes failed: they took longer than handshake_timeout."),
    ("handshake_failed_oversized_total", "counter", "Handshakes failed: the peer sent more than a handshake may hold."),
    ("fall_back_total", "counter", "Connections that went on in plain text because of fall_back."),
    ("refresh_total", "counter", "Times that a certificate extension, asked again, gave something new."),
    ("refresh_failed_total", "counter", "Times that a certificate extension, asked again, failed: the old certificate went on."),
    ("connpool_changed_total", "counter", "Connection pools renewed because the TLS context of their cluster changed."),
]

_CERTIFICATE: Final[list[tuple[str, str, str]]] = [
    ("days_to_expiry", "gauge", "Whole days until the first certificate of a TLS context expires; negative: it has expired."),
]

_PLUGIN: Final[list[tuple[str, str, str]]] = [
    ("up", "gauge", "Processes that take calls."),
    ("restarts_total", "counter", "Processes started in place of another, by reason: died, start_failed, unhealthy or memory."),
    ("calls_total", "counter", "Calls started."),
    (
        "errors_total",
        "counter",
        "Calls that brought no answer, by kind: disabled, unavailable, overflow, timeout, died, rpc or protocol.",
    ),
    ("in_flight", "gauge", "Calls whose outcome is open."),
    ("time", "histogram", "Time from a call's start to its outcome, in milliseconds."),
]

_WASM: Final[list[tuple[str, str, str]]] = [
    ("vm_restarts_total", "counter", "Instances of WASM modules started in place of one that failed."),
]

_SERVER: Final[list[tuple[str, str, str]]] = [
    ("workers", "gauge", "Worker processes that serve."),
    ("state", "gauge", "Life-cycle state by MOSN's number; 6 is running."),
    ("worker_starts_total", "counter", "Worker processes started."),
    ("worker_deaths_total", "counter", "Worker processes that ended without being told to."),
    ("worker_kills_total", "counter", "Worker processes killed by the watchdog because they did not answer."),
    ("reloads_total", "counter", "Configurations put in force after the first."),
    ("reload_failures_total", "counter", "Reloads that changed nothing because the candidate was refused."),
]

METRICS: Final[list[MetricInfo]] = [
    MetricInfo(type, key, kind, help)
    for type, rows in (
        ("downstream", _DOWNSTREAM),
        ("upstream", _UPSTREAM),
        ("filter", _FILTER),
        ("access_log", _ACCESS_LOG),
        ("plugin", _PLUGIN),
        ("tls", _TLS),
        ("certificate", _CERTIFICATE),
        ("wasm", _WASM),
        ("server", _SERVER),
    )
    for key, kind, help in rows
]
"""All metrics, in the order in which the documentation lists them."""

HELP: Final[dict[tuple[str, str], str]] = {(metric.type, metric.key): metric.help for metric in METRICS}
"""(type, key) -> meaning."""
