"""The stream filter that calls into a shared object: one call for each hook, the head laid out flat.

Its class is derived for each module with just those hooks that the module exports (``factory.filter_class``), so that the others cost
nothing.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

from headgate.api.deferred import DeferredChunk
from headgate.api.headers import Headers
from headgate.api.status import Status
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter, Verdict
from headgate.proxy.stream_state import StreamState
from headgate.runtimes.native import abi
from headgate.runtimes.native.abi import Pointer
from headgate.runtimes.native.crash_note import NOTE
from headgate.runtimes.native.errors import NativeError
from headgate.runtimes.native.head_layout import request_head, response_head, trailer_head
from headgate.runtimes.native.later import Later
from headgate.runtimes.native.module import NativeFactory

_CONTINUE: Final = Status.CONTINUE
_VERDICTS: Final = (Status.CONTINUE, Status.STOP, Status.TERMINATE, Status.REMATCH_ROUTE, Status.RECHOOSE_HOST)
_LATER: Final = int(abi.LATER)
_FAILED: Final = int(abi.FAILED)

REQUEST: Final = 1
RESPONSE: Final = 2
BODY: Final = 3
TRAILERS: Final = 4
LOG: Final = 5
END: Final = 6
"""Kinds of hooks: which host functions they may call."""


@mypyc_attr(allow_interpreted_subclasses=True)  # one for each module
class NativeFilter(StreamFilter[NativeFactory]):
    """One request in one module. What only this file calls are functions below: a method could be another class's, and would be looked up.

    :ivar number: the name of its stream, for the module; 0 before the first hook
    :ivar handle: the module's own pointer; 0 is NULL
    :ivar stream: the request
    :ivar hook: the kind of the hook that is running; 0 outside
    :ivar later: the verdict, or the end of a body, that the running hook has promised
    :ivar chunk: what takes the place of the chunk at hand, or comes behind the last one; None: nothing does
    :ivar trailers: the trailers at hand
    :ivar configured: the configuration that the module has been told of
    :ivar broken: its module could not make a filter: it has failed once, and its other hooks are not called
    """

    number: int = 0
    handle: int = 0
    stream: Stream | None = None
    hook: int = 0
    later: Later | None = None
    chunk: bytes | None = None
    trailers: Headers | None = None
    configured: NativeFactory | None = None
    broken: bool = False

    def __init__(self, config: NativeFactory) -> None:
        # As StreamFilter does; a call into the interpreter less.
        self.config: NativeFactory = config

    def receive(self, stream: Stream) -> Verdict:
        """``on_request``."""
        return _receive(self, stream)

    def receive_only(self, stream: Stream) -> Verdict:
        """``on_request`` of a module that has no other hook, and no use for the stream's name after it: there is no ``destroy``."""
        try:
            return _receive(self, stream)
        finally:
            self.config.module.streams.pop(self.number, None)
            self.stream = None

    def send(self, stream: Stream) -> Verdict:
        """``on_response``."""
        response = stream.response
        assert response is not None
        ended = isinstance(stream, StreamState) and stream.response_ended
        head = response_head(response, not ended or bool(response.body))
        verdict = _call_with_head(self, self.config.module.on_response, stream, RESPONSE, head)
        return _CONTINUE if verdict == 0 and self.later is None else _judged(self, verdict)

    def receive_data(self, stream: Stream, data: bytes) -> bytes | None:
        """``on_request_body``."""
        return _pass_chunk(self, self.config.module.on_request_body, stream, data)

    def send_data(self, stream: Stream, data: bytes) -> bytes | None:
        """``on_response_body``."""
        return _pass_chunk(self, self.config.module.on_response_body, stream, data)

    def receive_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        """``on_request_end``."""
        return _pass_end(self, self.config.module.on_request_end, stream)

    def send_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        """``on_response_end``."""
        return _pass_end(self, self.config.module.on_response_end, stream)

    def receive_trailers(self, stream: Stream, trailers: Headers) -> None:
        """``on_request_trailers``."""
        _pass_trailers(self, self.config.module.on_request_trailers, stream, trailers)

    def send_trailers(self, stream: Stream, trailers: Headers) -> None:
        """``on_response_trailers``."""
        _pass_trailers(self, self.config.module.on_response_trailers, stream, trailers)

    def log(self, stream: Stream) -> None:
        """``on_log``."""
        config = self.config
        on_log = config.module.on_log
        if on_log is not None and not self.broken:
            try:
                _enter(self, config, stream, LOG)
                on_log(config.pointer, self.handle, self.number)
            finally:
                _leave(self)

    def destroy(self) -> None:
        """The last call."""
        number = self.number
        if number == 0:  # no hook ran
            return
        module = self.config.module
        module.streams.pop(number, None)
        self.stream = None
        handle = self.handle
        if handle != 0 and module.filter_destroy is not None:
            self.handle = 0
            NOTE.enter(module.note)
            module.filter_destroy(handle)
            NOTE.leave()

    def from_outside(self, call: Callable[[], object]) -> None:
        """A callback of the module, with what a request's hook may do while the stream lives."""
        stream = self.stream
        alive = stream is not None and self.hook == 0
        if alive and stream is not None:
            self.hook = REQUEST if stream.response is None else RESPONSE
        NOTE.enter(self.config.module.note)
        try:
            call()
        finally:
            if alive:
                _leave(self)
            elif self.hook == 0:  # else a hook goes on: the call failed before it returned
                NOTE.leave()


# --- entering and leaving the module


def _enter(own: NativeFilter, config: NativeFactory, stream: Stream, hook: int) -> None:
    module = config.module
    if own.number == 0:
        own.stream = stream
        own.number = module.name_stream(own)
    own.hook = hook
    own.chunk = None
    NOTE.enter(module.note)
    if own.configured is not config:
        _configure(own, config)


def _leave(own: NativeFilter) -> None:
    NOTE.leave()
    own.hook = 0


def _configure(own: NativeFilter, config: NativeFactory) -> None:
    """The first hook, or the first under a route's own configuration."""
    module = config.module
    first = own.configured is None
    own.configured = config
    if not first:
        if module.filter_configure is not None:
            module.filter_configure(own.handle, config.pointer)
    elif module.filter_create is not None:
        handle: int = module.filter_create(config.pointer, own.number, module.error)
        if handle == 0:
            own.broken = True
            raise NativeError(module.take_error() or "headgate_filter_create returned NULL without saying why")
        own.handle = handle


# --- one call


def _receive(own: NativeFilter, stream: Stream) -> Verdict:
    request = stream.request
    ended = isinstance(stream, StreamState) and stream.request_ended
    head = request_head(request, not ended or bool(request.body))
    verdict = _call_with_head(own, own.config.module.on_request, stream, REQUEST, head)
    return _CONTINUE if verdict == 0 and own.later is None else _judged(own, verdict)


def _call_with_head(own: NativeFilter, function: Pointer, stream: Stream, hook: int, head: bytes) -> int:
    if own.broken:
        return 0
    config = own.config
    module = config.module
    guard = module.guard
    verdict: int
    if guard is None:
        try:
            _enter(own, config, stream, hook)
            verdict = function(config.pointer, own.handle, own.number, head, module.error)
        finally:
            _leave(own)
        return verdict
    lent = guard.lend(head)
    try:
        _enter(own, config, stream, hook)
        verdict = function(config.pointer, own.handle, own.number, lent[0], module.error)
    finally:
        _leave(own)
        guard.revoke(lent[0], lent[1])
    return verdict


def _call_with_chunk(own: NativeFilter, function: Pointer, stream: Stream, data: bytes) -> int:
    config = own.config
    module = config.module
    guard = module.guard
    lent = None if guard is None else guard.lend(data)
    verdict: int
    try:
        _enter(own, config, stream, BODY)
        text: Pointer = data if lent is None else lent[0]
        verdict = function(config.pointer, own.handle, own.number, text, len(data), module.error)
    finally:
        _leave(own)
        if guard is not None and lent is not None:
            guard.revoke(lent[0], lent[1])
    return verdict


def _pass_chunk(own: NativeFilter, function: Pointer, stream: Stream, data: bytes) -> bytes | None:
    if own.broken:
        return None
    verdict = _call_with_chunk(own, function, stream, data)
    if verdict != 0 and verdict != 1:
        raise _failure(own, verdict)
    return own.chunk


def _pass_end(own: NativeFilter, function: Pointer, stream: Stream) -> bytes | DeferredChunk | None:
    if own.broken:
        return None
    config = own.config
    verdict: int
    try:
        _enter(own, config, stream, END)
        verdict = function(config.pointer, own.handle, own.number, config.module.error)
    finally:
        _leave(own)
    later, own.later = own.later, None
    if verdict == _LATER and later is not None:
        later.data = own.chunk or b""
        return later
    if later is not None:
        later.abandon()
    if verdict != 0 and verdict != 1:
        raise _failure(own, verdict)
    return own.chunk


def _pass_trailers(own: NativeFilter, function: Pointer, stream: Stream, trailers: Headers) -> None:
    own.trailers = trailers
    verdict = _call_with_head(own, function, stream, TRAILERS, trailer_head(trailers))
    own.trailers = None
    if verdict != 0 and verdict != 1:
        raise _failure(own, verdict)


# --- what it returned


def _judged(own: NativeFilter, verdict: int) -> Verdict:
    later, own.later = own.later, None
    if 0 <= verdict <= 4:
        if later is not None:
            later.abandon()  # promised, and then decided at once
        return _VERDICTS[verdict]
    if verdict == _LATER and later is not None:
        return later
    if later is not None:
        later.abandon()
    raise _failure(own, verdict)


def _failure(own: NativeFilter, verdict: int) -> NativeError:
    if verdict == _FAILED:
        return NativeError(own.config.module.take_error() or "the module failed without saying why")
    if verdict == _LATER:
        return NativeError("the hook returned HG_LATER without later_create")
    return NativeError(f"the hook returned {verdict}, which is no verdict")
