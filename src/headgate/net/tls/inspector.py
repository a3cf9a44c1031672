"""One port for TLS and plain text: the first byte tells which it is, and nobody waits for a second.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final, cast

from headgate.net.deadlines import DeadlineWheel
from headgate.net.tls.events import CLOSED, TIMEOUT, PendingConnection, PendingOwner

_TLS_RECORD: Final = 0x16


class TlsInspector(PendingConnection):
    """An accepted connection whose first byte has not come.

    :param owner: gets the connection then
    :param timeout: seconds for the first byte
    """

    def __init__(self, owner: PendingOwner, wheel: DeadlineWheel, timeout: float) -> None:
        super().__init__()
        self._owner = owner
        self._wheel = wheel
        self._timeout = timeout
        self._raw: asyncio.Transport | None = None
        self._over: bool = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client connected."""
        self._raw = transport
        if not self._owner.pending_opened(self):
            self._over = True
            transport.abort()
        elif self._timeout > 0.0:
            self._wheel.arm(self, monotonic() + self._timeout)

    def data_received(self, data: bytes) -> None:
        """The first bytes: hand the connection on."""
        raw = self._raw
        if self._over or raw is None:
            return
        self._over = True
        self._wheel.remove(self)
        owner = self._owner
        protocol = owner.pending_tls(self) if data[0] == _TLS_RECORD else owner.pending_plain(self)
        raw.set_protocol(cast(asyncio.BaseProtocol, protocol))
        protocol.connection_made(raw)
        protocol.data_received(data)

    def eof_received(self) -> bool:
        """The client sends nothing."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._wheel.remove(self)
        if not self._over:
            self._over = True
            self._owner.pending_failed(self, CLOSED, "closed before the first byte")

    def pause_writing(self) -> None:
        """Nothing is written here."""

    def resume_writing(self) -> None:
        """Nothing is written here."""

    def on_deadline(self) -> None:
        """No byte has come."""
        if not self._over and self._raw is not None:
            self._over = True
            self._raw.abort()
            self._owner.pending_failed(self, TIMEOUT, "no first byte in time")

    def abort_pending(self) -> None:
        """Break the connection."""
        if self._raw is not None:
            self._raw.abort()

    def hurry(self, when: float) -> None:
        """The first byte must have come by then."""
        if not self._over and (self.deadline == 0.0 or when < self.deadline):
            self._wheel.arm(self, when)

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the socket's transport knows."""
        raw = self._raw
        return raw.get_extra_info(name, default) if raw is not None else default
