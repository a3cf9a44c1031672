"""Hands a configuration to a worker: as the descriptor of a file in memory.

The text of a big configuration is megabytes; through the control channel's frames it would be parsed on the loops of supervisor and
workers. So it is written once, and each worker reads it in the thread in which it builds.
"""

from __future__ import annotations

import os
import tempfile


def store_config(text: str) -> int:
    """Write the text to a file that has no name.

    :returns: a descriptor of it; the caller closes it
    """
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("headgate-config", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(text.encode())
    return fd


def read_config(fd: int) -> str:
    """Read the text and close the descriptor. Every receiver of it has the same file offset, so that is not used."""
    try:
        size = os.fstat(fd).st_size
        parts: list[bytes] = []
        position = 0
        while position < size:
            part = os.pread(fd, size - position, position)
            if not part:
                break
            parts.append(part)
            position += len(part)
        return b"".join(parts).decode()
    finally:
        os.close(fd)
