"""A filter that does nothing but use CPU time: makes the proxy, not the load generator, the limit of a two-core machine."""

from __future__ import annotations

from headgate.api import Status, Stream, StreamFilter, stream_filter


@stream_filter("bench_spin", config=dict[str, int])
class SpinFilter(StreamFilter[dict[str, int]]):
    """Counts up to ``rounds`` on each request."""

    def on_receive(self, stream: Stream) -> Status:
        """Burn time, then go on."""
        total = 0
        for number in range(self.config["rounds"]):
            total += number
        return Status.CONTINUE
