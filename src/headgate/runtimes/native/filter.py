"""The stream filter that calls into a shared object: one call for each hook, the head laid out flat.

Its class is made for each module with just those hooks that the module exports, so that the others cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headgate.api.headers import Headers
from headgate.api.status import BodyNeed, Phase, Status
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter, Verdict
from headgate.proxy.stream_state import StreamState
from headgate.runtimes.native import abi, head_layout
from headgate.runtimes.native.abi import FFI, Pointer
from headgate.runtimes.native.crash_note import NOTE
from headgate.runtimes.native.guarded_memory import GuardedMemory
from headgate.runtimes.native.later import Later
from headgate.runtimes.native.module import NULL, NativeFactory, NativeModule

_CONTINUE: Final = Status.CONTINUE
_VERDICTS: Final = (Status.CONTINUE, Status.STOP, Status.TERMINATE, Status.REMATCH_ROUTE, Status.RECHOOSE_HOST)

REQUEST: Final = 1
RESPONSE: Final = 2
BODY: Final = 3
TRAILERS: Final = 4
LOG: Final = 5
"""Kinds of hooks: which host functions they may call."""


class NativeError(RuntimeError):
    """A module said that it failed, or returned what no hook returns."""


class NativeFilter(StreamFilter[NativeFactory]):
    """One request in one module.

    :ivar stream: the request
    :ivar hook: the kind of the hook that is running; 0 outside
    :ivar later: the verdict that the running hook has promised
    :ivar chunk: what takes the place of the chunk at hand; None: nothing does
    :ivar trailers: the trailers at hand
    """

    note: bytes = b""
    _name: Pointer = NULL
    _number: int = 0
    _handle: Pointer = NULL
    _configured: NativeFactory | None = None
    stream: Stream | None = None
    hook: int = 0
    later: Later | None = None
    chunk: bytes | None = None
    trailers: Headers | None = None
    _broken: bool = False  # its module could not make a filter: it has failed once, and its other hooks are not called

    def receive(self, stream: Stream) -> Verdict:
        """``on_request``."""
        module = self.config.module
        request = stream.request
        ended = isinstance(stream, StreamState) and stream.request_ended
        head = head_layout.request_head(request, not ended or bool(request.body))
        verdict = self._call(module, module.on_request, stream, REQUEST, head)
        return _CONTINUE if verdict == 0 and self.later is None else self._judge(verdict)

    def send(self, stream: Stream) -> Verdict:
        """``on_response``."""
        module = self.config.module
        response = stream.response
        assert response is not None
        ended = isinstance(stream, StreamState) and stream.response_ended
        head = head_layout.response_head(response, not ended or bool(response.body))
        return self._judge(self._call(module, module.on_response, stream, RESPONSE, head))

    def receive_data(self, stream: Stream, data: bytes) -> bytes | None:
        """``on_request_body``."""
        return self._data(self.config.module.on_request_body, stream, data)

    def send_data(self, stream: Stream, data: bytes) -> bytes | None:
        """``on_response_body``."""
        return self._data(self.config.module.on_response_body, stream, data)

    def receive_trailers(self, stream: Stream, trailers: Headers) -> None:
        """``on_request_trailers``."""
        self._trailers(self.config.module.on_request_trailers, stream, trailers)

    def send_trailers(self, stream: Stream, trailers: Headers) -> None:
        """``on_response_trailers``."""
        self._trailers(self.config.module.on_response_trailers, stream, trailers)

    def log(self, stream: Stream) -> None:
        """``on_log``."""
        module = self.config.module
        if module.on_log is not None and not self._broken:
            try:
                self._enter(module, stream, LOG)
                module.on_log(self.config.pointer, self._handle, self._name)
            finally:
                self._leave()

    def destroy(self) -> None:
        """The last call."""
        module = self.config.module
        module.streams.pop(self._number, None)
        handle = self._handle
        self.stream = None
        if handle != NULL and module.filter_destroy is not None:
            self._handle = NULL
            NOTE.enter(self.note)
            module.filter_destroy(handle)
            NOTE.leave()

    def from_outside(self, module: NativeModule, call: Callable[[], object]) -> None:
        """A callback of the module, with what a request's hook may do while the stream lives."""
        alive = self.stream is not None and not self.hook
        if alive:
            self.hook = REQUEST if self.stream is not None and self.stream.response is None else RESPONSE
        NOTE.enter(self.note)
        try:
            call()
        finally:
            if alive:
                self._leave()
            elif not self.hook:  # else a hook goes on: the call failed before it returned
                NOTE.leave()

    # --- calling

    def _call(self, module: NativeModule, function: Pointer, stream: Stream, hook: int, data: bytes, *length: int) -> int:
        if self._broken:
            return abi.OK
        if module.guard is not None:
            return self._guarded_call(module, module.guard, function, stream, hook, data, *length)
        config = self.config
        try:
            self._enter(module, stream, hook)
            return function(config.pointer, self._handle, self._name, data, *length, module.error)  # type: ignore[no-any-return]  # an int32_t
        finally:
            NOTE.leave()
            self.hook = 0

    def _guarded_call(
        self, module: NativeModule, guard: GuardedMemory, function: Pointer, stream: Stream, hook: int, data: bytes, *length: int
    ) -> int:
        lent = guard.lend(data)
        try:
            self._enter(module, stream, hook)
            return int(function(self.config.pointer, self._handle, self._name, lent[0], *length, module.error))
        finally:
            self._leave()
            guard.revoke(*lent)

    def _enter(self, module: NativeModule, stream: Stream, hook: int) -> None:
        if not self._number:
            self._begin(module, stream)
        self.hook = hook
        NOTE.enter(self.note)
        if self._configured is not self.config:
            self._configure(module)

    def _leave(self) -> None:
        NOTE.leave()
        self.hook = 0

    def _begin(self, module: NativeModule, stream: Stream) -> None:
        if module.loop is None:
            module.bind()
        number = self._number = module.number()
        self._name = FFI.cast("hg_stream *", number)
        self.stream = stream
        module.streams[number] = self

    def _configure(self, module: NativeModule) -> None:
        """The first hook, or the first under a route's own configuration."""
        first = self._configured is None
        self._configured = self.config
        if first:
            if module.filter_create is not None:
                handle = module.filter_create(self.config.pointer, self._name, module.error)
                if handle == NULL:
                    self._broken = True
                    raise NativeError(module.take_error() or "headgate_filter_create returned NULL without saying why")
                self._handle = handle
        elif module.filter_configure is not None:
            module.filter_configure(self._handle, self.config.pointer)

    def _judge(self, verdict: int) -> Verdict:
        later, self.later = self.later, None
        if 0 <= verdict <= 4:
            if later is not None:
                later.abandon()  # promised, and then decided at once
            return _VERDICTS[verdict]
        if verdict == abi.LATER and later is not None:
            return later
        if later is not None:
            later.abandon()
        raise self._failure(verdict)

    def _failure(self, verdict: int) -> NativeError:
        if verdict == abi.FAILED:
            return NativeError(self.config.module.take_error() or "the module failed without saying why")
        if verdict == abi.LATER:
            return NativeError("the hook returned HG_LATER without later_create")
        return NativeError(f"the hook returned {verdict}, which is no verdict")

    def _data(self, function: Pointer, stream: Stream, data: bytes) -> bytes | None:
        self.chunk = None
        verdict = self._call(self.config.module, function, stream, BODY, data, len(data))
        if verdict not in (0, 1):
            raise self._failure(verdict)
        return self.chunk

    def _trailers(self, function: Pointer, stream: Stream, trailers: Headers) -> None:
        self.trailers = trailers
        verdict = self._call(self.config.module, function, stream, TRAILERS, head_layout.trailer_head(trailers))
        self.trailers = None
        if verdict not in (0, 1):
            raise self._failure(verdict)


_HOOKS: Final[dict[str, Callable[..., object]]] = {
    "on_receive": NativeFilter.receive,
    "on_receive_data": NativeFilter.receive_data,
    "on_receive_trailers": NativeFilter.receive_trailers,
    "on_send": NativeFilter.send,
    "on_send_data": NativeFilter.send_data,
    "on_send_trailers": NativeFilter.send_trailers,
    "on_log": NativeFilter.log,
}


def filter_class(module: NativeModule, note: bytes) -> type[NativeFilter]:
    """The class of a module's filters.

    :param note: what is written before each call (:mod:`headgate.runtimes.native.crash_note`)
    """
    library = module.library
    members: dict[str, object] = {hook: _HOOKS[hook] for hook in library.hooks}
    members["on_destroy"] = NativeFilter.destroy
    members["phase"] = Phase(library.phase)
    members["request_body"] = BodyNeed(library.request_body)
    members["response_body"] = BodyNeed(library.response_body)
    members["note"] = note
    return type(f"NativeFilter[{module.path.name}]", (NativeFilter,), members)
