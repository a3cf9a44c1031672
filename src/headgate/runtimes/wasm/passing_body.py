"""A body in passing: chunk by chunk through the guest, which may keep them back.

A chunk that the guest pauses on is kept, and seen again with the next one in front of it, as in Envoy (StopIterationAndBuffer). The last
chunk is told from the others by the announced length; without one the guest hears of the end by a call of its own, of no new bytes. A guest
that pauses at the end holds it. Behind a body come its trailers, which then are the end, and may be paused on as well.
What the guest lets go while no chunk is there goes on with the next one, or with the end.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import Final

from headgate.api.deferred import DeferredChunk
from headgate.api.headers import Headers
from headgate.api.status import Status
from headgate.observe.stream_info import REQUEST_ENTITY_TOO_LARGE
from headgate.proxy.stream_state import StreamState
from headgate.runtimes.wasm.abi import CONTINUE
from headgate.runtimes.wasm.contexts import HttpContext
from headgate.runtimes.wasm.errors import WasmError
from headgate.runtimes.wasm.host.streams import close_stream, send_reply
from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")


class PassingBody:
    """One body of one stream.

    :param sending: the response's
    :param length: as announced; -1 if it was not
    :param max_body: bytes that may be kept
    """

    seen: int = 0
    kept: bytes = b""
    holds: bool = False  # the guest has paused on what is kept
    over: bool = False  # it has been answered otherwise
    ended: bool = False  # the guest has been told that it is the end

    def __init__(self, vm: Vm, context: HttpContext, stream: StreamState, sending: bool, length: int, max_body: int) -> None:
        self.vm = vm
        self.context = context
        self.stream = stream
        self.sending = sending
        self.max_body = max_body
        self.length = length
        self._callback: object | None = vm.callbacks.response_body if sending else vm.callbacks.request_body

    def chunk(self, data: bytes) -> bytes:
        """What goes on in place of a chunk.

        :raises WasmError: if the guest fails
        """
        if self.over:
            return b""
        freed = self._freed()
        self.seen += len(data)
        self.kept += data
        try:
            paused = self._paused(self.length >= 0 and self.seen >= self.length)
        except WasmError:
            self.kept = freed + self.kept
            raise
        return freed if paused else freed + self.take_kept()

    def end(self, trailers: Headers | None) -> bytes | DeferredChunk:
        """What goes on behind the last chunk, or what holds the end.

        :raises WasmError: if the guest fails
        """
        if self.over:
            return b""
        freed = self._freed()
        try:
            if trailers is not None:
                paused = self._paused_on_trailers(trailers)
            elif self.ended:
                paused = self.holds  # on the last chunk; if it has gone on since, ``freed`` has it
            else:
                paused = self._paused(True)
        except WasmError:
            self.kept = freed + self.kept
            raise
        if not paused:
            return freed + self.take_kept()
        held = HeldEnd(self, freed)
        if self.sending:
            self.context.response_waiting = held
            self.context.response_body = self.kept
        else:
            self.context.request_waiting = held
            self.context.request_body = self.kept
        return held

    def take_kept(self) -> bytes:
        """What was kept (with the chunk that the guest failed on, if it did), which is the caller's then."""
        kept, self.kept = self.kept, b""
        return kept

    def _freed(self) -> bytes:
        """What was kept, if the guest has let it go meanwhile."""
        context = self.context
        if self.holds and (context.response_continued if self.sending else context.request_continued):
            self.holds = False
            return self.take_kept()
        return b""

    def _paused(self, end: bool) -> bool:
        """Show what is there to the guest; whether it keeps it."""
        callback = self._callback
        if callback is None:
            return False
        context = self.context
        self.ended = end
        self.show(self.kept)
        self._enter()
        action = self.vm.call(context, callback, context.id, len(self.kept), end)
        context.entered = False
        self.kept = self.shown()
        self.show(None)
        return self._judge(action)

    def _paused_on_trailers(self, trailers: Headers) -> bool:
        context = self.context
        callback = self.vm.callbacks.response_trailers if self.sending else self.vm.callbacks.request_trailers
        if self.sending:
            context.response_trailers = trailers
        else:
            context.request_trailers = trailers
        if callback is None:
            return False
        self.show(self.kept)
        self._enter()
        action = self.vm.call(context, callback, context.id, len(trailers))
        context.entered = False
        self.kept = self.shown()
        self.show(None)
        return self._judge(action)

    def _enter(self) -> None:
        context = self.context
        if self.sending:
            context.response_continued = False
        else:
            context.request_continued = False
        context.entered = True

    def _judge(self, action: int) -> bool:
        context = self.context
        self.holds = False
        if context.reply is not None:
            self.kept = b""
            send_reply(context)
            return False
        if context.closing:
            self.kept = b""
            close_stream(context)
            return False
        if action == CONTINUE or (context.response_continued if self.sending else context.request_continued):
            return False
        if len(self.kept) > self.max_body:
            self._too_large()
            return False
        self.holds = True
        return True

    def _too_large(self) -> None:
        """Answered as a filter's buffer that is too small: it is not the module's fault."""
        context = self.context
        stream = self.stream
        self.kept = b""
        self.over = True
        _LOG.warning("wasm %s: paused on more of a body than max_body (%d bytes)", context.plugin.name, self.max_body)
        if stream.head_sent:
            stream.local_reply(502, 0, b"")
        elif self.sending:
            stream.reply(502)
        else:
            stream.info.response_flags |= REQUEST_ENTITY_TOO_LARGE
            stream.reply(413)

    def show(self, data: bytes | None) -> None:
        """What the buffer calls see."""
        if self.sending:
            self.context.response_body = data
        else:
            self.context.request_body = data

    def shown(self) -> bytes:
        """The same as the guest has left it."""
        data = self.context.response_body if self.sending else self.context.request_body
        return b"" if data is None else data


class HeldEnd(DeferredChunk):
    """The guest has paused at the end of a body; meanwhile it may still change it.

    :param freed: what it has let go before
    """

    def __init__(self, body: PassingBody, freed: bytes) -> None:
        super().__init__(freed + body.kept)
        self._body = body
        self._freed = freed

    def resolve(self, verdict: Status | None = None) -> None:
        """Go on with what the guest has made of it."""
        if not self.done:
            self.data = self._freed + self._body.shown()
            self._body.take_kept()
            self._body.show(None)
        super().resolve(verdict)

    def on_abandoned(self) -> None:
        if self._body.sending:
            self._body.context.response_waiting = None
        else:
            self._body.context.request_waiting = None
