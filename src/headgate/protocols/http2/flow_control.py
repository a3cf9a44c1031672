"""The two windows of a stream or of a connection (RFC 9113 section 5.2 and 6.9).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.protocols.http2.settings import MAX_WINDOW_SIZE


class SendWindow:
    """What this side may still send.

    :ivar available: bytes; below 0 after the peer has made its initial window smaller
    """

    def __init__(self, available: int) -> None:
        self.available: int = available

    def grow(self, increment: int) -> bool:
        """The peer allows more; False if that is more than a window can hold."""
        self.available += increment
        return self.available <= MAX_WINDOW_SIZE


class ReceiveWindow:
    """What the peer may still send.

    :param size: bytes that it may send before any of it was taken
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._available: int = size
        self._taken: int = 0

    def receive(self, count: int) -> bool:
        """The peer has sent; False if it was not allowed to."""
        self._available -= count
        return self._available >= 0

    def take(self, count: int) -> int:
        """What was received has been dealt with.

        :returns: the increment of a WINDOW_UPDATE that is due; 0 while it is not worth one
        """
        self._taken += count
        if self._taken * 2 < self._size:
            return 0
        increment = self._taken
        self._taken = 0
        self._available += increment
        return increment
