"""Tells how long a worker's event loop was not turning.

From the first request on, a timer fires each millisecond and remembers how late it was at worst, and how much CPU time the process used
at most from one firing to the next: the first includes the time in which other programs had the core, the second is the worker's own
doing. A request to ``/loop-lag`` reads and resets both.
"""

from __future__ import annotations

import asyncio
import time

from headgate.api import Status, Stream, StreamFilter, stream_filter

INTERVAL = 0.001


class LagMeter:
    """The worst delay of a periodic timer since it was last asked.

    :ivar running: the timer has been started
    """

    def __init__(self) -> None:
        self.running = False
        self._late = 0.0
        self._busy = 0.0
        self._due = 0.0
        self._used = 0.0

    def start(self) -> None:
        """Begin measuring on the running loop."""
        self.running = True
        self._schedule()

    def take(self) -> tuple[float, float]:
        """The worst delay, and the most CPU time between two firings, in seconds; begins anew."""
        taken = self._late, self._busy
        self._late = self._busy = 0.0
        return taken

    def _schedule(self) -> None:
        self._due = time.monotonic() + INTERVAL
        self._used = time.process_time()
        asyncio.get_running_loop().call_later(INTERVAL, self._fire)

    def _fire(self) -> None:
        self._late = max(self._late, time.monotonic() - self._due)
        self._busy = max(self._busy, time.process_time() - self._used)
        self._schedule()


METER = LagMeter()


@stream_filter("bench_loop_lag")
class LoopLagFilter(StreamFilter[dict[str, object]]):
    """Answers ``/loop-lag`` with the two figures in milliseconds; lets everything else pass."""

    def on_receive(self, stream: Stream) -> Status:
        """Start the meter with the first request, answer the question for its figures."""
        if not METER.running:
            METER.start()
        if stream.request.path != "/loop-lag":
            return Status.CONTINUE
        late, busy = METER.take()
        stream.reply(200, body=f"{late * 1000:.3f} {busy * 1000:.3f}")
        return Status.STOP
