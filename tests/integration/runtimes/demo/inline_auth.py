"""The demo as a class that its file registers."""

from __future__ import annotations

import asyncio

from headgate.api import Phase, Status, Stream, StreamFilter, stream_filter
from headgate.api.stream_filter import Verdict


@stream_filter("inline_auth", config=dict[str, str])
class InlineAuth(StreamFilter[dict[str, str]]):
    """Lets a request through only if it carries ``User`` as configured; ``X-Do`` makes it fail, or never come to a verdict."""

    phase = Phase.AFTER_ROUTE

    async def _never(self) -> Status:
        await asyncio.Event().wait()
        return Status.CONTINUE

    def on_receive(self, stream: Stream) -> Verdict:
        """A request's head has arrived and its route is known."""
        headers = stream.request.headers
        do = headers.get("x-do")
        if do == "fail":
            raise RuntimeError("told to fail")
        if do == "never":
            return self._never()
        if headers.get("user") != self.config["user"]:
            stream.reply(403, body="forbidden\n")
            return Status.STOP
        return Status.CONTINUE
