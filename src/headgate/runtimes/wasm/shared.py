"""Shared data and queues: what the guests of one VM id share within a worker.

Envoy's live in its one process, for all its threads. Headgate's workers are processes and share nothing: each worker has its own, and so a
counter in shared data counts what its worker saw. They outlive a reload, as in Envoy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes of names and values under one VM id."""
MAX_QUEUES: Final = 1024
MAX_QUEUED: Final = 10_000
"""Entries that wait in one queue."""


class SharedData:
    """Values by name, each with a number that changes with it (CAS). The number 0 means: whatever is there."""

    def __init__(self) -> None:
        self._values: dict[bytes, tuple[bytes, int]] = {}
        self._last = 0
        self._bytes = 0

    def get(self, key: bytes) -> tuple[bytes, int] | None:
        """Value and number."""
        return self._values.get(key)

    def set(self, key: bytes, value: bytes, cas: int) -> bool | None:
        """Set; False if the number is not the present one, None if there is no room."""
        present = self._values.get(key)
        if cas and present is not None and present[1] != cas:
            return False
        size = self._bytes + len(value) - (len(present[0]) if present is not None else -len(key))
        if size > MAX_BYTES:
            return None
        self._bytes = size
        self._last = self._last % 0xFFFFFFFF + 1
        self._values[key] = (value, self._last)
        return True


class Queue:
    """Messages, first in first out; who registered it is told of each."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.entries: deque[bytes] = deque()
        self.bytes = 0
        self.listener: Callable[[int], None] | None = None

    def put(self, data: bytes) -> bool:
        """Append; False if it is full."""
        if len(self.entries) >= MAX_QUEUED or self.bytes + len(data) > MAX_BYTES:
            return False
        self.entries.append(data)
        self.bytes += len(data)
        return True

    def take(self) -> bytes | None:
        """The oldest entry; None if there is none."""
        if not self.entries:
            return None
        data = self.entries.popleft()
        self.bytes -= len(data)
        return data


class Shared:
    """Everything that one worker's guests share."""

    def __init__(self) -> None:
        self._data: dict[str, SharedData] = {}
        self._names: dict[tuple[bytes, bytes], Queue] = {}
        self._queues: dict[int, Queue] = {}

    def data(self, vm_id: str) -> SharedData:
        """The values of a VM id."""
        return self._data.setdefault(vm_id, SharedData())

    def register(self, vm_id: bytes, name: bytes) -> Queue | None:
        """The queue of that name, made if it is not there; None if there are too many."""
        queue = self._names.get((vm_id, name))
        if queue is None:
            if len(self._names) >= MAX_QUEUES:
                return None
            queue = self._names[vm_id, name] = Queue(len(self._queues) + 1)
            self._queues[queue.number] = queue
        return queue

    def resolve(self, vm_id: bytes, name: bytes) -> Queue | None:
        """The queue of that name."""
        return self._names.get((vm_id, name))

    def queue(self, number: int) -> Queue | None:
        """The queue of that number."""
        return self._queues.get(number)


SHARED: Final = Shared()
"""The worker's."""
