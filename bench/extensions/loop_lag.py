"""Tells how long a worker's event loop was not turning.

From the first request on, a timer fires each millisecond and remembers how late it was at worst; a request to ``/loop-lag`` reads and
resets that.
"""

from __future__ import annotations

import asyncio
import time

from headgate.api import Status, Stream, StreamFilter, stream_filter

INTERVAL = 0.001


class LagMeter:
    """The worst delay of a periodic timer since it was last asked."""

    def __init__(self) -> None:
        self.running = False
        self.worst = 0.0
        self._due = 0.0

    def start(self) -> None:
        """Begin measuring on the running loop."""
        self.running = True
        self._schedule()

    def take(self) -> float:
        """The worst delay in seconds; begins anew."""
        worst, self.worst = self.worst, 0.0
        return worst

    def _schedule(self) -> None:
        self._due = time.monotonic() + INTERVAL
        asyncio.get_running_loop().call_later(INTERVAL, self._fire)

    def _fire(self) -> None:
        self.worst = max(self.worst, time.monotonic() - self._due)
        self._schedule()


METER = LagMeter()


@stream_filter("bench_loop_lag")
class LoopLagFilter(StreamFilter[dict[str, object]]):
    """Answers ``/loop-lag`` with the worst lag in milliseconds; lets everything else pass."""

    def on_receive(self, stream: Stream) -> Status:
        """Start the meter with the first request, answer the question for its figure."""
        if not METER.running:
            METER.start()
        if stream.request.path != "/loop-lag":
            return Status.CONTINUE
        stream.reply(200, body=f"{METER.take() * 1000:.3f}")
        return Status.STOP
