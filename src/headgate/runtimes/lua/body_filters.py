"""The stream filters that join a chain where a script asks for a body: in them its run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.api.deferred import DeferredChunk
from headgate.api.status import BodyNeed, Phase
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter, Verdict

if TYPE_CHECKING:
    from headgate.runtimes.lua.run import LuaRun


class LateFilter(StreamFilter[object]):
    """One that joins. The stream's end is the run's end, whether the script came to its own or not."""

    def __init__(self, run: LuaRun) -> None:
        self.run = run

    def on_destroy(self) -> None:
        self.run.destroyed()


class WholeRequest(LateFilter):
    """The run goes on once the request's body is complete."""

    phase = Phase.AFTER_ROUTE
    request_body = BodyNeed.BUFFER

    def on_receive(self, stream: Stream) -> Verdict:
        run = self.run
        if run.done:
            stream.request.body = run.body_then  # the engine has put the original in its place
            return None
        return run.go_on()


class WholeResponse(LateFilter):
    """The run goes on once the response's body is complete."""

    response_body = BodyNeed.BUFFER

    def on_send(self, stream: Stream) -> Verdict:
        return self.run.go_on()


class RequestChunks(LateFilter):
    """The run goes on with each chunk of the request's body."""

    phase = Phase.AFTER_ROUTE
    request_body = BodyNeed.CHUNKS

    def on_receive_data(self, stream: Stream, data: bytes) -> bytes | None:
        return self.run.chunk_arrived(data)

    def on_receive_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        return self.run.chunks_ended()


class ResponseChunks(LateFilter):
    """The run goes on with each chunk of the response's body."""

    response_body = BodyNeed.CHUNKS

    def on_send_data(self, stream: Stream, data: bytes) -> bytes | None:
        return self.run.chunk_arrived(data)

    def on_send_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        return self.run.chunks_ended()
