"""What the tests of both sides of a connection share."""

from __future__ import annotations

import asyncio

from headgate.protocols.http2.frame import frame_header


class FakeTransport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.unread = 0

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def take(self) -> bytes:
        written, self.written = self.written, b""
        return written

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return self.unread


def run(test: object) -> None:
    """Run a test in an event loop: connections set timers."""

    async def inside() -> None:
        assert callable(test)
        test()

    asyncio.run(inside())


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return frame_header(len(payload), kind, flags, stream_id) + payload
