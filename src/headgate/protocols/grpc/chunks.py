"""The parts of a message that has not arrived as a whole.

An object for each part costs some 40 bytes more than what is in it; of a large message sent byte by byte this side would have to keep
forty times the size. So small parts are put together as they come.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

_SMALL: Final = 1024
"""Bytes below which a part is worth copying."""


class Chunks:
    """Bytes in the order in which they came.

    :ivar size: how many there are
    """

    def __init__(self) -> None:
        self.size: int = 0
        self._parts: list[bytes] = []
        self._small: bytearray | None = None

    def add(self, data: bytes) -> None:
        """Add a part. The first one is never copied: most messages come in one."""
        self.size += len(data)
        small = self._small
        if small is not None:
            if len(data) < _SMALL:
                small += data
                return
            self._parts.append(bytes(small))
            self._small = None
        elif len(data) < _SMALL and self._parts:
            self._small = bytearray(data)
            return
        self._parts.append(data)

    def join(self) -> bytes:
        """Everything, in one piece, which is kept."""
        if self._small is not None:
            self._parts.append(bytes(self._small))
            self._small = None
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def take(self) -> bytes:
        """Everything, in one piece; nothing is left here."""
        data = self.join()
        self.clear()
        return data

    def clear(self) -> None:
        """Forget everything."""
        self.size = 0
        self._parts = []
        self._small = None
