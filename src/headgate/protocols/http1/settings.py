"""What can be set for HTTP/1.1 on the downstream side: limits, time limits, header fields that the proxy adds.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations


class Http1Settings:
    """Limits and switches of one listener. Sizes in bytes, times in seconds; 0 means no limit unless said otherwise."""

    def __init__(self) -> None:
        self.max_header_size: int = 60 * 1024
        """Sum of the sizes of a message's header fields; past it 431."""
        self.max_header_count: int = 100
        """Past it 431."""
        self.max_target_length: int = 8192
        """Past it 414."""
        self.max_request_body_size: int = 0
        """Past it 413."""
        self.header_timeout: float = 10.0
        """From the first byte of a request's head, or from accept, to its end."""
        self.body_idle_timeout: float = 60.0
        """Between two parts of a body."""
        self.idle_timeout: float = 90.0
        """On a connection without a request."""
        self.max_requests_per_connection: int = 0
        """The response to the last one closes the connection."""
        self.high_watermark: int = 64 * 1024
        """Bytes waiting to be written at which the other side's reading pauses; it goes on at a quarter of that."""
        self.linger_timeout: float = 2.0
        """How long a closed connection whose request was not read to its end is still drained, so that the client sees the answer."""
