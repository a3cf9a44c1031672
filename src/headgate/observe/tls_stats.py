"""Statistics of TLS: handshakes of one listener or cluster, and the certificates in use.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import time
from typing import Final

from headgate.observe.metric_group import MetricGroup

FAILURE_REASONS: Final[list[str]] = ["not_tls", "protocol", "certificate", "refused", "closed", "timeout", "oversized"]
"""Why handshakes fail; each has a counter of its own."""


class TlsStats:
    """What has been seen of one listener's or one cluster's TLS. The attributes are named as the metric keys, without their ``_total``.

    :param owner: ``listener`` or ``cluster``
    :param name: its name

    :ivar handshakes: complete handshakes
    :ivar resumed: those of them that resumed a session
    :ivar fall_backs: connections that went on in plain text because of ``fall_back``
    :ivar refreshes: times that a certificate extension was asked again and gave something new
    :ivar refresh_failures: times that it gave nothing: the old certificate goes on
    :ivar renewals: cluster: pools renewed because the TLS context changed (MOSN's ``connpool_changed``)
    """

    def __init__(self, owner: str, name: str) -> None:
        self.owner: str = owner
        self.name: str = name
        self.handshakes: int = 0
        self.resumed: int = 0
        self.fall_backs: int = 0
        self.refreshes: int = 0
        self.refresh_failures: int = 0
        self.renewals: int = 0
        self._failures: dict[str, int] = dict.fromkeys(FAILURE_REASONS, 0)

    def count_failure(self, reason: str) -> None:
        """Count a handshake that failed.

        :param reason: one of :data:`FAILURE_REASONS`
        """
        self._failures[reason] = self._failures.get(reason, 0) + 1

    def snapshot(self) -> MetricGroup:
        """The present values."""
        counters = {
            "handshake_total": self.handshakes,
            "handshake_resumed_total": self.resumed,
            "fall_back_total": self.fall_backs,
            "refresh_total": self.refreshes,
            "refresh_failed_total": self.refresh_failures,
            "connpool_changed_total": self.renewals,
        }
        for reason in FAILURE_REASONS:
            counters[f"handshake_failed_{reason}_total"] = self._failures[reason]
        return {"type": "tls", "labels": {self.owner: self.name}, "counters": counters, "gauges": {}, "histograms": {}}


class CertificateStats:
    """How long the certificate of one TLS context is still good.

    :param owner: ``listener`` or ``cluster``
    :param name: its name
    :param context: what the context is called
    :ivar not_after: when the first of its certificates expires, seconds since the epoch
    """

    def __init__(self, owner: str, name: str, context: str, not_after: float) -> None:
        self.owner: str = owner
        self.name: str = name
        self.context: str = context
        self.not_after: float = not_after

    def snapshot(self) -> MetricGroup:
        """The present values."""
        days = int((self.not_after - time()) // 86400)
        labels = {self.owner: self.name, "context": self.context}
        return {"type": "certificate", "labels": labels, "counters": {}, "gauges": {"days_to_expiry": days}, "histograms": {}}
