"""Streams through a guest: from the engine's hooks to ``proxy_on_*`` and back.

One entry adds up to five filters to a stream, as far as the module has the callbacks: the heads of request and response; their bodies, each
behind its head, so that a head is seen (and may be answered) before a body is waited for; and trailers. They share one :class:`WasmStream`.

Pausing: a head handler that pauses waits as a ``Deferred``; the body waits behind it (Envoy: StopAllIterationAndWatermark). A body is
buffered as a whole (``buffer``): the guest sees it once, complete, and may pause again; or passes in chunks (``stream``), where a chunk
that the guest pauses on is kept until the last one. A guest that pauses on trailers which pass by themselves does not hold them.
"""

from __future__ import annotations

import logging
from typing import Final, cast

from headgate.api.deferred import Deferred
from headgate.api.headers import Headers
from headgate.api.status import BodyNeed, Phase, Status
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter, Verdict
from headgate.proxy.stream_state import StreamState
from headgate.runtimes.wasm.abi import CONTINUE
from headgate.runtimes.wasm.contexts import HttpContext
from headgate.runtimes.wasm.errors import GuestError, WasmError
from headgate.runtimes.wasm.host.streams import send_reply
from headgate.runtimes.wasm.machine import Machine
from headgate.runtimes.wasm.settings import PluginSettings
from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")


class RoutePlugin:
    """What a filter's ``config`` is: which plugin of the machine serves the stream.

    :ivar plugin: None where a route switches the filter off
    :ivar max_body: bytes of chunks that may be kept
    """

    def __init__(self, plugin: PluginSettings | None, fail_open: bool, max_body: int) -> None:
        self.plugin = plugin
        self.fail_open = fail_open
        self.max_body = max_body


class WasmStream:
    """What an entry's filters of one stream share: the guest's context."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._vm: Vm | None = None
        self.context: HttpContext | None = None
        self.off = False
        """Nothing more of this stream reaches the guest."""

    def open(self, stream: Stream, config: RoutePlugin) -> HttpContext | None:
        """The context, made at the first call; None if the stream does not reach the guest."""
        if self.context is None and not self.off:
            if config.plugin is None:
                self.off = True
                return None
            vm = self._vm = self._machine.vm()
            self.context = vm.open_stream(self._machine.root(vm, config.plugin), stream)
        return None if self.off else self.context

    def callback(self, context: HttpContext, name: str, count: int, end: bool) -> int:
        """Call a callback that returns an action."""
        vm = self._vm
        assert vm is not None
        context.entered = True
        context.continued = False
        try:
            if name.endswith("headers"):
                return vm.call_headers(context, name, count, end)
            return vm.call(context, name, context.id, count, end)
        finally:
            context.entered = False

    def has(self, name: str) -> bool:
        """The module has a callback."""
        return self._vm is not None and name in self._vm.exports

    def verdict(self, context: HttpContext, action: int) -> Verdict:
        """What an action means for the stream."""
        if context.reply is not None:
            send_reply(context)
            return Status.STOP
        if context.closing:
            return Status.TERMINATE
        if action == CONTINUE or context.continued:
            return None
        context.waiting = _Waiting(context)
        return context.waiting

    def route_cleared(self) -> bool:
        """The guest wants the route matched again."""
        return self.context is not None and self.context.route_cleared

    def log(self) -> None:
        """The stream has ended: ``proxy_on_done`` and ``proxy_on_log``."""
        context, vm = self.context, self._vm
        if context is None or vm is None or vm.dead:
            return
        if vm.call(context, "proxy_on_done", context.id, default=1):
            vm.call(context, "proxy_on_log", context.id)
        else:
            context.done_later = True

    def destroy(self) -> None:
        """``proxy_on_delete``."""
        context, vm = self.context, self._vm
        self.context = None
        self.off = True
        if context is not None and vm is not None and not context.done_later:
            vm.forget(context)


class _Waiting(Deferred):
    """The guest has paused."""

    def __init__(self, context: HttpContext) -> None:
        super().__init__()
        self._context = context

    def on_abandoned(self) -> None:
        self._context.waiting = None


class WasmFilter(StreamFilter[RoutePlugin]):
    """What the filters have in common."""

    def __init__(self, config: RoutePlugin, shared: WasmStream) -> None:
        super().__init__(config)
        self.shared = shared

    def failed(self, error: WasmError) -> None:
        """The guest is at fault: it sees nothing more of this stream.

        :raises WasmError: unless ``fail_open`` lets the request pass
        """
        self.shared.off = True
        if not self.config.fail_open:
            raise error
        _LOG.error("wasm: %s; fail_open lets the request pass", error)


class RequestHead(WasmFilter):
    """A request's head, and the end of the context. Every stream begins here."""

    late: bool = False
    """It runs after the route was matched, and so can have it matched again."""

    def on_receive(self, stream: Stream) -> Verdict:
        shared = self.shared
        try:
            context = shared.open(stream, self.config)
            if context is None:
                return None
            if context.route_cleared:
                return None  # the route was matched again, and this phase begins anew
            context.request_end = cast(StreamState, stream).request_ended
            action = shared.callback(context, "proxy_on_request_headers", len(stream.request.headers) + 3, context.request_end)
            verdict = shared.verdict(context, action)
        except WasmError as error:
            self.failed(error)
            return None
        if verdict is None and self.late and shared.route_cleared():
            return Status.REMATCH_ROUTE
        return verdict

    def on_destroy(self) -> None:
        self.shared.destroy()


class ResponseHead(WasmFilter):
    """A response's head. Nothing of this stream reaches the guest if the request has not."""

    def on_send(self, stream: Stream) -> Verdict:
        shared = self.shared
        context = shared.context
        response = stream.response
        if context is None or shared.off or response is None:
            return None
        context.sending = True
        context.response_end = cast(StreamState, stream).response_ended and not response.content_length > 0
        try:
            action = shared.callback(context, "proxy_on_response_headers", len(response.headers) + 1, context.response_end)
            return shared.verdict(context, action)
        except WasmError as error:
            self.failed(error)
            return None


class StreamEnd(WasmFilter):
    """``proxy_on_done`` and ``proxy_on_log``."""

    def on_log(self, stream: Stream) -> None:
        if not self.shared.off:
            self.shared.log()


def head_class(late: bool, sends: bool, ends: bool) -> type[WasmFilter]:
    """One class for heads and end, with what a module asks for: a hook that nobody needs costs more than some guests.

    :param late: ``phase: after_route``
    :param sends: it sees responses
    :param ends: it hears of the end
    """
    parts: list[type[WasmFilter]] = [RequestHead]
    if sends:
        parts.append(ResponseHead)
    if ends:
        parts.append(StreamEnd)
    phase = Phase.AFTER_ROUTE if late else Phase.BEFORE_ROUTE
    return type("Heads", tuple(parts), {"phase": phase, "late": late})


class RequestBody(WasmFilter):
    """A request's body as a whole, and its trailers."""

    request_body = BodyNeed.BUFFER

    def on_receive(self, stream: Stream) -> Verdict:
        context = self.shared.context
        if context is None or self.shared.off or context.request_end:
            return None
        request = stream.request
        context.request_body = request.body or b""
        context.request_trailers = request.trailers
        try:
            action = self.shared.callback(context, "proxy_on_request_body", len(context.request_body), request.trailers is None)
            if action == CONTINUE and request.trailers is not None and context.reply is None:
                action = self.shared.callback(context, "proxy_on_request_trailers", len(request.trailers), False)
            request.body = context.request_body
            return self.shared.verdict(context, action)
        except WasmError as error:
            self.failed(error)
            return None


class RequestBodyAfterRoute(RequestBody):
    """The same with ``phase: after_route``."""

    phase = Phase.AFTER_ROUTE


class ResponseBody(WasmFilter):
    """A response's body as a whole, and its trailers."""

    response_body = BodyNeed.BUFFER

    def on_send(self, stream: Stream) -> Verdict:
        context = self.shared.context
        response = stream.response
        if context is None or self.shared.off or response is None or context.response_end:
            return None
        context.response_body = response.body or b""
        context.response_trailers = response.trailers
        try:
            action = self.shared.callback(context, "proxy_on_response_body", len(context.response_body), response.trailers is None)
            if action == CONTINUE and response.trailers is not None and context.reply is None:
                action = self.shared.callback(context, "proxy_on_response_trailers", len(response.trailers), False)
            response.body = context.response_body
            return self.shared.verdict(context, action)
        except WasmError as error:
            self.failed(error)
            return None


class RequestChunks(WasmFilter):
    """A request's body in passing."""

    request_body = BodyNeed.CHUNKS

    def __init__(self, config: RoutePlugin, shared: WasmStream) -> None:
        super().__init__(config, shared)
        self._chunks = Chunks(self, "proxy_on_request_body")

    def on_receive(self, stream: Stream) -> Verdict:
        self._chunks.length = stream.request.content_length  # as announced: once chunks may change, the head states none any more
        return None

    def on_receive_data(self, stream: Stream, data: bytes) -> bytes | None:
        return self._chunks.pass_on(data)


class RequestChunksAfterRoute(RequestChunks):
    """The same with ``phase: after_route``."""

    phase = Phase.AFTER_ROUTE


class ResponseChunks(WasmFilter):
    """A response's body in passing."""

    response_body = BodyNeed.CHUNKS

    def __init__(self, config: RoutePlugin, shared: WasmStream) -> None:
        super().__init__(config, shared)
        self._chunks = Chunks(self, "proxy_on_response_body")

    def on_send(self, stream: Stream) -> Verdict:
        if stream.response is not None:
            self._chunks.length = stream.response.content_length
        return None

    def on_send_data(self, stream: Stream, data: bytes) -> bytes | None:
        return self._chunks.pass_on(data)


class Chunks:
    """Chunks of one body through the guest.

    The end of a body is known by its announced length; of one without, the guest never hears that it has ended, and may not pause on it.
    """

    def __init__(self, owner: WasmFilter, name: str) -> None:
        self._owner = owner
        self._name = name
        self._response = name == "proxy_on_response_body"
        self._seen = 0
        self.length = -1
        """As announced; -1 if it was not."""
        self._kept = b""

    def pass_on(self, data: bytes) -> bytes | None:
        """What goes on in place of a chunk."""
        shared = self._owner.shared
        context = shared.context
        if context is None or shared.off or context.replied:
            return None
        self._seen += len(data)
        try:
            return self._call(context, self._kept + data)
        except WasmError as error:
            self._owner.failed(error)
            return self._kept + data

    def _call(self, context: HttpContext, data: bytes) -> bytes:
        shared = self._owner.shared
        self._set(context, data)
        action = shared.callback(context, self._name, len(data), self.length >= 0 and self._seen >= self.length)
        made = (context.response_body if self._response else context.request_body) or b""
        self._set(context, None)
        if context.reply is not None:
            send_reply(context)
            return b""
        if action == CONTINUE or context.continued:
            self._kept = b""
            return made
        if self.length < 0 or self._seen >= self.length:
            key = "response_body" if self._response else "request_body"
            raise GuestError(f"{self._name} paused where a passing body cannot wait: it needs {key}: buffer")
        if len(made) > self._owner.config.max_body:
            raise GuestError(f"{self._name} paused on more than max_body ({self._owner.config.max_body} bytes)")
        self._kept = made
        return b""

    def _set(self, context: HttpContext, data: bytes | None) -> None:
        if self._response:
            context.response_body = data
        else:
            context.request_body = data


class RequestTrailers(WasmFilter):
    """A request's trailers in passing."""

    def on_receive_trailers(self, stream: Stream, trailers: Headers) -> None:
        context = self.shared.context
        if context is not None and not self.shared.off:
            context.request_trailers = trailers
            self.trailers(context, "proxy_on_request_trailers", trailers)

    def trailers(self, context: HttpContext, name: str, trailers: Headers) -> None:
        """Show them to the guest."""
        try:
            if self.shared.callback(context, name, len(trailers), False) != CONTINUE and context.reply is None:
                _LOG.warning("wasm %s: %s cannot hold trailers that pass by", context.plugin.name, name)
            if context.reply is not None:
                send_reply(context)
        except WasmError as error:
            self.failed(error)


class ResponseTrailers(RequestTrailers):
    """A response's trailers in passing."""

    on_receive_trailers = StreamFilter.on_receive_trailers

    def on_send_trailers(self, stream: Stream, trailers: Headers) -> None:
        context = self.shared.context
        if context is not None and not self.shared.off:
            context.response_trailers = trailers
            self.trailers(context, "proxy_on_response_trailers", trailers)
