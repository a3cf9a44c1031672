"""An asyncio transport that goes nowhere: what is written is kept, and whoever wants to hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory.

    :param on_write: called with what is written
    :param on_close: called once when this end is closed or aborted
    """

    def __init__(self, on_write: Callable[[bytes], None], on_close: Callable[[], None]) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.ended = False
        self.reading = True
        self._on_write = on_write
        self._on_close = on_close

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.closed:
            self.written += bytes(data)
            self._on_write(bytes(data))

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._on_close()

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": ("192.0.2.1", 40000), "sockname": ("192.0.2.2", 80)}.get(name, default)
