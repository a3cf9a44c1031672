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
        snapshot = self.snapshot
        _IDS.last = id = _IDS.last + 1
        stream = ActiveStream(id, request, connection, sender, snapshot, end_stream)
        started = monotonic()
        stream.info = info = StreamInfo(started, "Http1")
        if end_stream:
            info.request_received = started
        stats = snapshot.stats
        stats.request_total += 1
        stats.request_active += 1
        snapshot.generation.active_streams += 1
        try:
            if not snapshot.entries or stream.build_chain():
                stream.begin_walk()
        except Exception:
            # An error of ours, not of a filter: it costs this request, not the connection's parser or the worker.
            _LOG.exception("stream %d failed", id)
            stream.local_reply(500, 0, b"")
        return stream
