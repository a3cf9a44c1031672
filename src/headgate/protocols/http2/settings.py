"""What the two sides of a connection tell each other about themselves (RFC 9113 section 6.5), and this side's limits.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.protocols.http2.errors import FLOW_CONTROL_ERROR, PROTOCOL_ERROR, Http2Error
from headgate.protocols.http2.frame import DEFAULT_MAX_FRAME_SIZE

HEADER_TABLE_SIZE: Final = 0x1
ENABLE_PUSH: Final = 0x2
MAX_CONCURRENT_STREAMS: Final = 0x3
INITIAL_WINDOW_SIZE: Final = 0x4
MAX_FRAME_SIZE: Final = 0x5
MAX_HEADER_LIST_SIZE: Final = 0x6

DEFAULT_WINDOW_SIZE: Final = 65535
MAX_WINDOW_SIZE: Final = 0x7FFFFFFF
_LARGEST_FRAME_SIZE: Final = 0xFFFFFF
UNLIMITED: Final = 0xFFFFFFFF


class Http2Settings:
    """This side's limits. Sizes in bytes."""

    def __init__(self) -> None:
        self.max_concurrent_streams: int = 100
        """Streams that the peer may have open at once; one more is refused."""
        self.stream_window: int = 64 * 1024
        """What the peer may send on a stream before this side has taken it."""
        self.connection_window: int = 1024 * 1024
        """The same for all streams together."""
        self.max_frame_size: int = DEFAULT_MAX_FRAME_SIZE
        """Of frames that the peer sends."""
        self.max_header_list_size: int = 60 * 1024
        """Of the decoded fields of one message: names, values, and 32 for each; past it the stream is reset. Encoded blocks are held
        to the same number, and past that the connection ends."""
        self.header_table_size: int = 4096
        """Of the table by which the peer compresses fields."""
        self.max_control_frames: int = 10_000
        """SETTINGS, PING, PRIORITY, empty DATA and unknown frames within a second, past which the connection ends."""
        self.max_resets: int = 1_000
        """RST_STREAM within a second, past which the connection ends (the rapid reset of 2023)."""

    def announce(self, client: bool) -> list[tuple[int, int]]:
        """What the first SETTINGS frame says."""
        return [
            (HEADER_TABLE_SIZE, self.header_table_size),
            (ENABLE_PUSH, 0) if client else (MAX_CONCURRENT_STREAMS, self.max_concurrent_streams),
            (INITIAL_WINDOW_SIZE, self.stream_window),
            (MAX_FRAME_SIZE, self.max_frame_size),
            (MAX_HEADER_LIST_SIZE, self.max_header_list_size),
        ]


class PeerSettings:
    """What the peer has said of itself; before that RFC 9113's defaults."""

    def __init__(self) -> None:
        self.header_table_size: int = 4096
        self.max_concurrent_streams: int = UNLIMITED
        self.initial_window_size: int = DEFAULT_WINDOW_SIZE
        self.max_frame_size: int = DEFAULT_MAX_FRAME_SIZE
        self.max_header_list_size: int = UNLIMITED

    def apply(self, settings: list[tuple[int, int]], peer_is_server: bool) -> None:
        """Take up a SETTINGS frame; unknown identifiers are ignored.

        :raises Http2Error: for a value that the identifier does not allow
        """
        for identifier, value in settings:
            if identifier == HEADER_TABLE_SIZE:
                self.header_table_size = value
            elif identifier == ENABLE_PUSH:
                if value > 1 or (peer_is_server and value != 0):
                    raise Http2Error(PROTOCOL_ERROR, f"SETTINGS_ENABLE_PUSH is {value}")
            elif identifier == MAX_CONCURRENT_STREAMS:
                self.max_concurrent_streams = value
            elif identifier == INITIAL_WINDOW_SIZE:
                if value > MAX_WINDOW_SIZE:
                    raise Http2Error(FLOW_CONTROL_ERROR, f"SETTINGS_INITIAL_WINDOW_SIZE is {value}")
                self.initial_window_size = value
            elif identifier == MAX_FRAME_SIZE:
                if not DEFAULT_MAX_FRAME_SIZE <= value <= _LARGEST_FRAME_SIZE:
                    raise Http2Error(PROTOCOL_ERROR, f"SETTINGS_MAX_FRAME_SIZE is {value}")
                self.max_frame_size = value
            elif identifier == MAX_HEADER_LIST_SIZE:
                self.max_header_list_size = value
