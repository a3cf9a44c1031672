"""What the decoder of requests tells the connection. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

from mypy_extensions import trait

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead


@trait
class RequestEvents:
    """Who hears what a decoder finds."""

    def on_head(self, head: RequestHead, end_stream: bool) -> None:
        """A request's head is complete; ``end_stream``: so is the request."""
        raise NotImplementedError

    def on_usual(self, head: RequestHead) -> None:
        """A request of the usual kind is complete: HTTP/1.1, not HEAD, no body, and the connection stays. The same as ``on_head``."""
        self.on_head(head, True)

    def on_body(self, data: bytes) -> None:
        """A part of its body."""
        raise NotImplementedError

    def on_end(self, trailers: Headers | None) -> None:
        """The request is complete; not called after ``end_stream``."""
        raise NotImplementedError
