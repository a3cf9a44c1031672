"""Finds modules that keep pointers past their life: ``HEADGATE_NATIVE_DEBUG=1``.

What a hook is given lies on pages of its own, which become unreadable when the hook returns. A module that looks at them later gets a
segfault, at the very place, instead of whatever lies there by then; the worker's last note names the entry.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Final

from headgate.runtimes.native.abi import FFI, Pointer

ENABLED: Final = os.environ.get("HEADGATE_NATIVE_DEBUG") == "1"

_KEPT: Final = 1024
"""Unreadable pieces that are kept, so that their addresses are not given out again soon."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_NONE, _READ, _WRITE = 0, 1, 2
_PRIVATE_ANONYMOUS: Final = 0x22

FFI.cdef("""
void *mmap(void *, size_t, int, int, int, long);
int mprotect(void *, size_t, int);
int munmap(void *, size_t);
""")


class GuardedMemory:
    """Pieces of memory that are readable only while they are lent."""

    def __init__(self) -> None:
        self._libc = FFI.dlopen(None)
        self._revoked: deque[tuple[Pointer, int]] = deque()

    def lend(self, data: bytes) -> tuple[Pointer, int]:
        """A copy on pages of its own.

        :returns: pointer and size, for :meth:`revoke`
        :raises MemoryError: if there are no pages
        """
        size = (len(data) // _PAGE + 1) * _PAGE
        pages = self._libc.mmap(FFI.NULL, size, _READ | _WRITE, _PRIVATE_ANONYMOUS, -1, 0)
        if int(FFI.cast("intptr_t", pages)) == -1:
            raise MemoryError("no pages for a head in debug mode")
        FFI.memmove(pages, data, len(data))
        return pages, size

    def revoke(self, pages: Pointer, size: int) -> None:
        """Make a piece unreadable."""
        self._libc.mprotect(pages, size, _NONE)
        self._revoked.append((pages, size))
        if len(self._revoked) > _KEPT:
            self._libc.munmap(*self._revoked.popleft())
