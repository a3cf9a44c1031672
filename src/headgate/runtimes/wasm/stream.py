"""One stream through a guest: what the engine's hooks become there, and what the guest's answers become here.

Pausing: a head handler that pauses waits as a ``Deferred``; the body waits behind it (Envoy: StopAllIterationAndWatermark). Bodies:
:mod:`headgate.runtimes.wasm.passing_body`, or as a whole (:meth:`WasmStream.whole_request`), where the guest may pause again.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import Final, cast

from headgate.api.deferred import Deferred, DeferredChunk
from headgate.api.headers import Headers
from headgate.api.status import Status
from headgate.api.stream import Stream
from headgate.proxy.stream_state import StreamState
from headgate.runtimes.wasm.abi import CONTINUE
from headgate.runtimes.wasm.contexts import HttpContext
from headgate.runtimes.wasm.errors import WasmError
from headgate.runtimes.wasm.host.streams import send_reply
from headgate.runtimes.wasm.machine import Machine
from headgate.runtimes.wasm.passing_body import PassingBody
from headgate.runtimes.wasm.settings import PluginSettings
from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")
_STOP: Final = Status.STOP
_TERMINATE: Final = Status.TERMINATE
_REMATCH: Final = Status.REMATCH_ROUTE


class RoutePlugin:
    """What a filter's ``config`` is: which plugin of which machine serves the stream.

    :ivar plugin: None where a route switches the filter off
    :ivar late: the filter runs after the route was matched, and so can have it matched again
    :ivar max_body: bytes of chunks that may be kept
    """

    def __init__(self, machine: Machine, plugin: PluginSettings | None, fail_open: bool, late: bool, max_body: int) -> None:
        self.machine = machine
        self.plugin = plugin
        self.fail_open = fail_open
        self.late = late
        self.max_body = max_body


class WasmStream:
    """What an entry's filters of one stream share: the guest's context.

    :ivar off: nothing more of this stream reaches the guest
    """

    off: bool = False
    context: HttpContext | None = None
    request: PassingBody | None = None
    response: PassingBody | None = None
    request_length: int = -1  # as announced: once chunks may change, the head states none any more
    response_length: int = -1

    def __init__(self) -> None:
        self.vm: Vm

    # --- heads

    def request_head(self, stream: Stream, config: RoutePlugin) -> Status | Deferred | None:
        """``proxy_on_request_headers``; the guest's context is made first."""
        try:
            context = self.context
            if context is None:
                plugin = config.plugin
                if plugin is None or self.off:
                    self.off = True
                    return None
                vm = self.vm = config.machine.vm()
                context = self.context = vm.open_stream(vm.root_of(plugin), stream)
            elif self.off or context.route_cleared:
                return None  # the route was matched again, and this phase begins anew
            else:
                vm = self.vm
            ended = context.request_end = cast(StreamState, stream).request_ended
            if not ended:
                self.request_length = stream.request.content_length
            callback = vm.callbacks.request_headers
            if callback is None:
                return None
            context.request_continued = False
            context.entered = True
            action = vm.call(context, callback, context.id, len(stream.request.headers) + 3, ended)
            context.entered = False
            if action == CONTINUE and not context.replied and not context.closing:
                return _REMATCH if config.late and context.route_cleared else None
            return self._verdict(context, action, False)
        except WasmError as error:
            self.failed(error, config)
            return None

    def response_head(self, stream: Stream, config: RoutePlugin) -> Status | Deferred | None:
        """``proxy_on_response_headers``. Nothing of this stream reaches the guest if the request has not."""
        context = self.context
        response = stream.response
        if context is None or self.off or response is None:
            return None
        state = cast(StreamState, stream)
        ended = state.response_ended and state.held_response_bytes == 0 and response.trailers is None
        context.response_end = ended
        self.response_length = response.content_length
        callback = self.vm.callbacks.response_headers
        if callback is None:
            return None
        try:
            context.response_continued = False
            context.entered = True
            action = self.vm.call(context, callback, context.id, len(response.headers) + 1, ended)
            context.entered = False
            return self._verdict(context, action, True)
        except WasmError as error:
            self.failed(error, config)
            return None

    def _verdict(self, context: HttpContext, action: int, sending: bool) -> Status | Deferred | None:
        """What an action means for the stream."""
        if context.reply is not None:
            send_reply(context)
            return _STOP
        if context.closing:
            return _TERMINATE
        if action == CONTINUE or (context.response_continued if sending else context.request_continued):
            return None
        waiting = Waiting(context, sending)
        if sending:
            context.response_waiting = waiting
        else:
            context.request_waiting = waiting
        return waiting

    # --- bodies as a whole

    def whole_request(self, stream: Stream, config: RoutePlugin) -> Status | Deferred | None:
        """A request's body as a whole, and its trailers."""
        context = self.context
        if context is None or self.off or context.request_end:
            return None
        request = stream.request
        body = request.body
        context.request_body = b"" if body is None else body
        context.request_trailers = request.trailers
        try:
            action = self._whole(context, self.vm.callbacks.request_body, self.vm.callbacks.request_trailers, request.trailers, False)
            request.body = context.request_body
            return self._verdict(context, action, False)
        except WasmError as error:
            self.failed(error, config)
            return None

    def whole_response(self, stream: Stream, config: RoutePlugin) -> Status | Deferred | None:
        """A response's body as a whole, and its trailers."""
        context = self.context
        response = stream.response
        if context is None or self.off or response is None or context.response_end:
            return None
        body = response.body
        context.response_body = b"" if body is None else body
        context.response_trailers = response.trailers
        try:
            action = self._whole(context, self.vm.callbacks.response_body, self.vm.callbacks.response_trailers, response.trailers, True)
            response.body = context.response_body
            return self._verdict(context, action, True)
        except WasmError as error:
            self.failed(error, config)
            return None

    def _whole(self, context: HttpContext, on_body: object, on_trailers: object | None, trailers: Headers | None, sending: bool) -> int:
        body = context.response_body if sending else context.request_body
        action = self.enter(context, on_body, 0 if body is None else len(body), trailers is None, sending)
        if trailers is not None and on_trailers is not None and action == CONTINUE and context.reply is None:
            action = self.enter(context, on_trailers, len(trailers), False, sending)
        return action

    def enter(self, context: HttpContext, callback: object, count: int, end: bool, sending: bool) -> int:
        """Call a callback of a body or of trailers; its action.

        :raises WasmError: if the guest fails
        """
        if sending:
            context.response_continued = False
        else:
            context.request_continued = False
        context.entered = True
        action = self.vm.call(context, callback, context.id, count, end)
        context.entered = False
        return action

    # --- bodies and trailers in passing

    def request_data(self, stream: Stream, config: RoutePlugin, data: bytes) -> bytes | None:
        """A chunk of the request's body."""
        context = self.context
        if context is None or self.off or context.replied:
            return None
        body = self.request
        if body is None:
            body = self.request = PassingBody(self.vm, context, cast(StreamState, stream), False, self.request_length, config.max_body)
        try:
            return body.chunk(data)
        except WasmError as error:
            self.failed(error, config)
            return body.take_kept()

    def request_end(self, stream: Stream, config: RoutePlugin) -> bytes | DeferredChunk | None:
        """The end of the request's body."""
        context = self.context
        if context is None or self.off or context.request_end or context.replied:
            return None
        body = self.request
        if body is None:
            body = self.request = PassingBody(self.vm, context, cast(StreamState, stream), False, self.request_length, config.max_body)
        try:
            return body.end(stream.request.trailers)
        except WasmError as error:
            self.failed(error, config)
            return body.take_kept()

    def response_data(self, stream: Stream, config: RoutePlugin, data: bytes) -> bytes | None:
        """A chunk of the response's body; a local response has one, too."""
        context = self.context
        if context is None or self.off:
            return None
        body = self.response
        if body is None:
            body = self.response = PassingBody(self.vm, context, cast(StreamState, stream), True, self.response_length, config.max_body)
        try:
            return body.chunk(data)
        except WasmError as error:
            self.failed(error, config)
            return body.take_kept()

    def response_end(self, stream: Stream, config: RoutePlugin) -> bytes | DeferredChunk | None:
        """The end of the response's body."""
        context = self.context
        response = stream.response
        if context is None or self.off or context.response_end or response is None:
            return None
        body = self.response
        if body is None:
            body = self.response = PassingBody(self.vm, context, cast(StreamState, stream), True, self.response_length, config.max_body)
        try:
            return body.end(response.trailers)
        except WasmError as error:
            self.failed(error, config)
            return body.take_kept()

    def trailers(self, trailers: Headers, config: RoutePlugin, sending: bool) -> None:
        """Trailers that pass by themselves, as the guest is not asked about the body before them."""
        context = self.context
        if context is None or self.off:
            return
        if sending:
            context.response_trailers = trailers
            callback = self.vm.callbacks.response_trailers
        else:
            context.request_trailers = trailers
            callback = self.vm.callbacks.request_trailers
        if callback is None:
            return
        try:
            action = self.enter(context, callback, len(trailers), False, sending)
        except WasmError as error:
            self.failed(error, config)
            return
        if context.reply is not None:
            send_reply(context)
        elif action != CONTINUE:
            _LOG.warning("wasm %s: trailers without a body that the guest sees cannot be held", context.plugin.name)

    # --- the end

    def log(self) -> None:
        """The stream has ended: ``proxy_on_done`` and ``proxy_on_log``."""
        context = self.context
        if context is None or self.off or self.vm.dead:
            return
        done = self.vm.callbacks.done
        if done is None or self.vm.call(context, done, context.id):
            self.vm.call_log(context)
        else:
            context.done_later = True

    def destroy(self) -> None:
        """``proxy_on_delete``."""
        context = self.context
        if context is not None:
            self.context = None
            self.off = True
            if not context.done_later:
                self.vm.forget(context)

    def failed(self, error: WasmError, config: RoutePlugin) -> None:
        """The guest is at fault: it sees nothing more of this stream.

        :raises WasmError: unless ``fail_open`` lets the request pass
        """
        self.off = True
        if not config.fail_open:
            raise error
        _LOG.error("wasm: %s; fail_open lets the request pass", error)


class Waiting(Deferred):
    """The guest has paused."""

    def __init__(self, context: HttpContext, sending: bool) -> None:
        super().__init__()
        self._context = context
        self._sending = sending

    def on_abandoned(self) -> None:
        if self._sending:
            self._context.response_waiting = None
        else:
            self._context.request_waiting = None
