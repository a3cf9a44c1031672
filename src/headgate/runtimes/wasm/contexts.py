"""What the host knows of a guest's contexts: one root context for each plugin, one HTTP context for each stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headgate.api.deferred import Deferred
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
        self.calls: set[int] = set()
        """HTTP calls under way that it started."""


class RootContext(GuestContext):
    """A plugin's own context.

    :ivar tick_period: seconds between two ``proxy_on_tick``; 0: none
    """

    def __init__(self, id: int, plugin: PluginSettings) -> None:
        super().__init__(id, plugin)
        self.tick_period = 0.0
        self.properties: dict[bytes, bytes] = {}


class HttpContext(GuestContext):
    """A stream's context.

    :ivar stream: the stream
    :ivar request_body: what the buffer calls see
    :ivar waiting: what the engine waits for while the guest has paused the request or the response
    :ivar replied: the guest has sent a local response
    :ivar reply: that response, until the engine has it
    :ivar entered: a handler of the stream is waiting for the present callback to return
    :ivar closing: the guest has closed the stream
    :ivar continued: the guest asked to go on from within the very callback that then paused
    """

    def __init__(self, id: int, root: RootContext, stream: Stream) -> None:
        super().__init__(id, root.plugin)
        self.root = root
        self.stream = stream
        self.request_body: bytes | None = None
        self.response_body: bytes | None = None
        self.request_trailers: Headers | None = None
        self.response_trailers: Headers | None = None
        self.request_end = False
        self.response_end = False
        self.sending = False
        self.waiting: Deferred | None = None
        self.replied = False
        self.closing = False
        self.continued = False
        self.route_cleared = False
        self.reply: tuple[int, Mapping[str, str], bytes] | None = None
        self.entered = False
        self.done_later = False


@dataclass
class CallResult:
    """The answer to an HTTP call, while the guest may read it."""

    headers: Headers
    status: int
    body: bytes
    trailers: Headers
