"""The dynamic table of HPACK (RFC 7541 section 2.3.2 and 4), for either side.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections import deque
from typing import Final

ENTRY_OVERHEAD: Final = 32


class DynamicTable:
    """Fields that one side has sent, newest first, bounded by the sum of their sizes.

    :ivar size: bytes by the rule of RFC 7541 section 4.1
    :ivar generation: changes with every change of the table
    """

    def __init__(self, max_size: int) -> None:
        self.entries: deque[tuple[bytes, bytes]] = deque()
        self.size: int = 0
        self.max_size: int = max_size
        self.generation: int = 0

    def add(self, field: tuple[bytes, bytes]) -> None:
        """Insert a field; one that is larger than the table empties it."""
        self.generation += 1
        self._evict(self.max_size - (len(field[0]) + len(field[1]) + ENTRY_OVERHEAD))
        size = len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
        if size <= self.max_size:
            self.entries.appendleft(field)
            self.size += size

    def resize(self, max_size: int) -> None:
        """Change the bound."""
        self.generation += 1
        self.max_size = max_size
        self._evict(max_size)

    def _evict(self, room: int) -> None:
        entries = self.entries
        while entries and self.size > room:
            name, value = entries.pop()
            self.size -= len(name) + len(value) + ENTRY_OVERHEAD
