"""The article's check: a request goes through only if it carries ``User: admin``."""

from __future__ import annotations

from headgate.api import Status, Stream, StreamFilter, stream_filter


@stream_filter("bench_auth", config=dict[str, str])
class AuthFilter(StreamFilter[dict[str, str]]):
    """Lets a request through if it carries every configured header with its value."""

    def on_receive(self, stream: Stream) -> Status:
        """Answer 403 unless all configured headers are there."""
        headers = stream.request.headers
        for name, value in self.config.items():
            if headers.get(name) != value:
                stream.reply(403, body="forbidden")
                return Status.STOP
        return Status.CONTINUE
