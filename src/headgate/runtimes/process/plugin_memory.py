"""How much memory a process and what it has started take."""

from __future__ import annotations

import os
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MOST: Final = 10_000
"""Processes that are looked at; more are a fork bomb, and its memory limit has been reached long before."""


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all its descendants, in bytes; what they share counts for each. 0 if it has ended."""
    total = 0
    found = [pid]
    for process in found:
        if len(found) > _MOST:
            break
        try:
            with open(f"/proc/{process}/statm", "rb") as file:
                total += int(file.read().split()[1]) * _PAGE
            found.extend(_children(process))
        except (OSError, ValueError, IndexError):
            continue  # it has ended meanwhile
    return total


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
            children.extend(int(text) for text in file.read().split())
    return children
