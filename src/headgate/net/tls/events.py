"""Between the TLS layer and whoever owns its connections: a listener, or a connection attempt to a host.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Final

from mypy_extensions import mypyc_attr

from headgate.net.deadlines import Timed

# Why a handshake failed. The texts are the last part of the metric's name.
NOT_TLS: Final = "not_tls"
"""The first bytes are not TLS: plain HTTP, or noise."""
PROTOCOL: Final = "protocol"
"""No common version or cipher, or a message that TLS does not allow."""
CERTIFICATE: Final = "certificate"
"""The peer has no certificate, or one that we do not accept."""
REFUSED: Final = "refused"
"""The peer broke off with an alert, for example because it does not know our CA."""
CLOSED: Final = "closed"
"""The peer closed the connection in the middle."""
TIMEOUT: Final = "timeout"
"""It took too long."""
OVERSIZED: Final = "oversized"
"""The peer sent more than a handshake may hold."""

FAILURES: Final = (NOT_TLS, PROTOCOL, CERTIFICATE, REFUSED, CLOSED, TIMEOUT, OVERSIZED)
"""Every reason."""


class PendingConnection(Timed):
    """A connection that has not come to its protocol yet: its handshake is under way, or its first byte has not come."""

    def abort_pending(self) -> None:
        """Break it."""
        raise NotImplementedError

    def hurry(self, when: float) -> None:
        """It must be done by then.

        :param when: on the clock of ``time.monotonic``, seconds
        """
        raise NotImplementedError

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the socket's transport knows, ``peername`` for example."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class PendingOwner:
    """Who hears how it goes on with a connection."""

    def pending_opened(self, pending: PendingConnection) -> bool:
        """It stands.

        :returns: False to break it at once
        """
        raise NotImplementedError

    def pending_secured(self, pending: PendingConnection) -> asyncio.Protocol | None:
        """The handshake is complete; ``pending`` is the transport of what comes next.

        :returns: who gets the plain text; None to break it
        """
        raise NotImplementedError

    def pending_plain(self, pending: PendingConnection) -> asyncio.Protocol:
        """The first byte is not that of TLS, which may be.

        :returns: who gets the connection
        """
        raise NotImplementedError

    def pending_tls(self, pending: PendingConnection) -> asyncio.Protocol:
        """The first byte is that of TLS.

        :returns: the layer that gets the connection
        """
        raise NotImplementedError

    def pending_failed(self, pending: PendingConnection, reason: str, detail: str) -> None:
        """The handshake has failed; the connection closes.

        :param reason: one of :data:`FAILURES`
        :param detail: for the log; holds nothing secret
        """
        raise NotImplementedError
