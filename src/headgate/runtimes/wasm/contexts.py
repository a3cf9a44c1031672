"""What the host knows of a guest's contexts: one root context for each plugin, one HTTP context for each stream.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from headgate.api.deferred import Deferred
from headgate.api.grpc_call import Metadata
from headgate.api.headers import Headers
from headgate.api.stream import Stream
from headgate.runtimes.wasm.settings import PluginSettings


class GuestContext:
    """One context.

    :ivar id: its number in the guest
    :ivar plugin: whose it is
    """

    def __init__(self, id: int, plugin: PluginSettings) -> None:
        self.id = id
        self.plugin = plugin


class RootContext(GuestContext):
    """A plugin's own context.

    :ivar tick_period: seconds between two ``proxy_on_tick``; 0: none
    :ivar grpc_status: of the last gRPC call or stream that ended
    """

    def __init__(self, id: int, plugin: PluginSettings) -> None:
        super().__init__(id, plugin)
        self.tick_period: float = 0.0
        self.grpc_status: int = 0
        self.properties: dict[bytes, bytes] = {}


class HttpContext(GuestContext):
    """A stream's context. First values stand in the class: a stream pays only for those that change.

    :ivar stream: the stream
    :ivar request_body: what the buffer calls see
    :ivar request_end: the request's head was its end
    :ivar request_waiting: what the engine waits for while the guest has paused the request
    :ivar request_continued: the guest asked to go on while nothing waited: from within the very callback that then paused, or between
        chunks
    :ivar replied: the guest has sent a local response
    :ivar reply: that response, until the engine has it
    :ivar entered: a handler of the stream is waiting for the present callback to return
    :ivar closing: the guest has closed the stream
    """

    request_body: bytes | None = None
    response_body: bytes | None = None
    request_trailers: Headers | None = None
    response_trailers: Headers | None = None
    request_end: bool = False
    response_end: bool = False
    request_waiting: Deferred | None = None
    response_waiting: Deferred | None = None
    request_continued: bool = False
    response_continued: bool = False
    replied: bool = False
    closing: bool = False
    route_cleared: bool = False
    reply: tuple[int, Mapping[str, str], bytes] | None = None
    entered: bool = False
    done_later: bool = False

    def __init__(self, id: int, root: RootContext, stream: Stream) -> None:
        self.id = id  # as GuestContext does; a call less
        self.plugin = root.plugin
        self.root = root
        self.stream = stream

    def take_waiting(self) -> list[Deferred]:
        """What the engine waits for, which is then the caller's to settle."""
        taken = [waiting for waiting in (self.request_waiting, self.response_waiting) if waiting is not None]
        self.request_waiting = self.response_waiting = None
        return taken


class CallResult:
    """The answer to an HTTP call, while the guest may read it."""

    def __init__(self, headers: Headers, status: int, body: bytes, trailers: Headers) -> None:
        self.headers = headers
        self.status = status
        self.body = body
        self.trailers = trailers


class GrpcNews:
    """What a guest is told of a gRPC call, while it may read it: a part of the answer, or its end.

    :ivar status: the gRPC status; -1: not the end
    :ivar text: the status message
    """

    def __init__(
        self,
        initial: Metadata | None = None,
        message: bytes | None = None,
        trailing: Metadata | None = None,
        status: int = -1,
        text: str = "",
    ) -> None:
        self.initial: Metadata | None = initial
        self.message: bytes | None = message
        self.trailing: Metadata | None = trailing
        self.status: int = status
        self.text: str = text
