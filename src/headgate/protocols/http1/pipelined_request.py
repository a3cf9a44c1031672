"""A request that a client sent before the response to the one before was complete (RFC 9112 section 9.3.2).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead


class PipelinedRequest:
    """It waits, decoded, for its turn."""

    def __init__(self, head: RequestHead, end_stream: bool, http10: bool, keep_alive: bool, expects_continue: bool) -> None:
        self.head = head
        self.end_stream = end_stream
        self.http10 = http10
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.body: list[bytes] = []
        self.ended: bool = False
        self.trailers: Headers | None = None
