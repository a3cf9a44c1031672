"""The stream as the rest of the house sees it: born here, for each request.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from headgate.api.messages import RequestHead
from headgate.api.stream import ConnectionInfo
from headgate.observe.stream_info import StreamInfo
from headgate.protocols.exchange import RequestReceiver, ResponseSender, StreamDispatcher
from headgate.proxy.send_path import SendPath
from headgate.proxy.snapshot import ListenerSnapshot


class ActiveStream(SendPath):
    """One request and its response, from the request's head to the end of both."""

    def start(self) -> None:
        """The head is complete: make the filters and begin the walk."""
        snapshot = self.snapshot
        stats = snapshot.stats
        stats.request_total += 1
        stats.request_active += 1
        snapshot.generation.active_streams += 1
        started = monotonic()
        self.info = info = StreamInfo(started, "Http1")
        if self.request_ended:
            info.request_received = started
        if not snapshot.entries or self.build_chain():
            self.advance()


_LOG: Final = logging.getLogger("headgate.proxy")


class _Ids:
    def __init__(self) -> None:
        self.last: int = 0


_IDS: Final = _Ids()


class ListenerDispatcher(StreamDispatcher):
    """Makes the streams of one listener under one configuration."""

    def __init__(self, snapshot: ListenerSnapshot) -> None:
        self.snapshot = snapshot

    def new_stream(self, sender: ResponseSender, request: RequestHead, end_stream: bool, connection: ConnectionInfo) -> RequestReceiver:
        """A request's head is complete."""
        _IDS.last += 1
        stream = ActiveStream(_IDS.last, request, connection, sender, self.snapshot, end_stream)
        try:
            stream.start()
        except Exception:
            # An error of ours, not of a filter: it costs this request, not the connection's parser or the worker.
            _LOG.exception("stream %d failed", stream.id)
            stream.local_reply(500, 0, b"")
        return stream
