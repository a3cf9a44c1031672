"""The filter of ``module_auth.py``."""

from __future__ import annotations

from headgate.api import Phase, Status, Stream, StreamFilter
from headgate.api.deferred import Deferred


class ModuleAuth(StreamFilter[dict[str, str]]):
    """Lets a request through only if it carries ``User`` as configured; ``X-Do`` makes it fail, or never come to a verdict."""

    phase = Phase.AFTER_ROUTE

    def on_receive(self, stream: Stream) -> Status | Deferred:
        """A request's head has arrived and its route is known."""
        headers = stream.request.headers
        do = headers.get("x-do")
        if do == "fail":
            raise RuntimeError("told to fail")
        if do == "never":
            return Deferred()
        if headers.get("user") != self.config["user"]:
            stream.reply(403, body="forbidden\n")
            return Status.STOP
        return Status.CONTINUE
