"""A filter host's connection to one worker: the worker's streams live and die with it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Final, cast

from headgate.api.registry import Registration
from headgate.api.stream_filter import StreamFilterFactory
from headgate.proxy.filter_entry import FilterSlot
from headgate.runtimes.process.filter_host_call import HostedCall
from headgate.runtimes.process.filter_host_entry import HostedFactory
from headgate.runtimes.process.filter_host_stream import HostedStream
from headgate.runtimes.process.isolation_messages import (
    OVERHEAD,
    SEND,
    VERSION,
    Abandon,
    Birth,
    Call,
    Done,
    End,
    Failed,
    FrameError,
    Frames,
    FromHost,
    Hello,
    Log,
    Ping,
    Pong,
    State,
    Welcome,
    decode_from_worker,
    encode,
)

_LOG: Final = logging.getLogger("headgate.isolation")

_LARGEST_FIRST: Final = 256 * 1024 * 1024
"""Bytes of the first frame, which says how large the others may be."""

FactoryOf = Callable[[Hello], HostedFactory]


class WorkerConnection(asyncio.Protocol):
    """One worker, or the supervisor with a ``Ping``."""

    def __init__(self, registration: Registration[StreamFilterFactory], factory_of: FactoryOf) -> None:
        self._registration = registration
        self._factory_of = factory_of
        self._factory: HostedFactory | None = None
        self._configs: list[object] = []
        self._streams: dict[int, HostedStream] = {}
        self._calls: dict[int, HostedCall] = {}
        self._frames = Frames(_LARGEST_FIRST)
        self._largest = OVERHEAD
        self._out: list[bytes] = []
        self._flush_due = False
        self._transport: asyncio.Transport | None = None

    def say(self, message: FromHost) -> None:
        """Send with all else of this turn of the loop."""
        try:
            self._out.append(encode(message, self._largest))
        except FrameError as error:
            if not isinstance(message, Done):
                _LOG.error("what a filter did cannot be told to the worker: %s", error)
                return
            self._out.append(encode(Failed(message.number, f"what it did cannot be told to the worker: {error}"), self._largest))
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._transport is not None and self._out:
            data = b"".join(self._out)
            self._out.clear()
            self._transport.write(data)

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                message = decode_from_worker(frame)
                if isinstance(message, Call):
                    self._on_call(message)
                elif isinstance(message, End):
                    self._on_end(message.stream)
                elif isinstance(message, Log):
                    self._on_log(message)
                elif isinstance(message, Abandon):
                    call = self._calls.pop(message.number, None)
                    if call is not None:
                        call.abandon()
                elif isinstance(message, Ping):
                    self.say(Pong(message.number))
                else:
                    self._on_hello(message)
        except FrameError as error:
            _LOG.error("the worker sent something that is no message: %s", error)
            assert self._transport is not None
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for call in list(self._calls.values()):
            call.abandon()
        self._calls.clear()
        for number in list(self._streams):
            self._on_end(number)

    # --- messages

    def _on_hello(self, hello: Hello) -> None:
        error = ""
        self._largest = self._frames.largest = hello.largest
        try:
            if hello.version != VERSION:
                raise ValueError(f"the worker speaks version {hello.version}, this process {VERSION}")
            self._factory = self._factory_of(hello)
            self._configs = [self._registration.parse(json.loads(raw), "config") for raw in hello.routes]
        except BaseException as raised:
            _LOG.exception("the filter cannot be created")
            error = f"{type(raised).__name__}: {raised}"
        factory = self._factory
        self.say(Welcome(error, [] if factory is None else factory.slots, factory is not None and factory.logs))

    def _on_call(self, call: Call) -> None:
        try:
            stream = self._stream(call.stream, call.birth, call.state, call.config)
            factory = self._factory
            if stream is None or factory is None or not 0 <= call.slot < len(factory.slots):
                raise ValueError("the stream is not known here")
            slot = factory.slot_in(stream.chain, call.slot)
        except Exception as error:
            _LOG.error("no filter could be made: %s", error, exc_info=error)
            self.say(Failed(call.number, f"{type(error).__name__}: {error}"))
            return
        if slot is None:
            self.say(Done(call.number, "Continue", None, None))
            return
        hosted = HostedCall(call.number, stream, slot, factory.slots[call.slot].way == SEND, self._on_call_over)
        self._calls[call.number] = hosted
        hosted.start()

    def _on_call_over(self, call: HostedCall, outcome: Done | Failed) -> None:
        self._calls.pop(call.number, None)
        self.say(outcome)

    def _on_log(self, log: Log) -> None:
        try:
            stream = self._stream(log.stream, log.birth, log.state, log.config)
        except Exception:
            _LOG.exception("no filter could be made")
            return
        if stream is not None:
            stream.responding = stream.ended = True
            for slot in stream.chain.loggers:
                _last(slot, stream)

    def _on_end(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.responding = stream.ended = True
            for slot in stream.chain.instances:
                if slot.capabilities.destroys:
                    _last(slot, None)

    def _stream(self, number: int, birth: Birth | None, state: State, config: int) -> HostedStream | None:
        """The stream, as the worker says that it is now; None if it is neither known nor new."""
        stream = self._streams.get(number)
        if stream is None:
            if birth is None or self._factory is None:
                return None
            stream = self._streams[number] = HostedStream(number, birth, self._factory.new_chain(), self)
        stream.update(state)
        if config != stream.config and 0 < config <= len(self._configs):
            stream.config = config
            for slot in stream.chain.instances:
                slot.filter.config = self._configs[config - 1]
        return stream


def _last(slot: FilterSlot, stream: HostedStream | None) -> None:
    """Call ``on_log``, or with no stream ``on_destroy``."""
    try:
        if stream is not None:
            slot.filter.on_log(stream)
        else:
            slot.filter.on_destroy()
    except BaseException:
        _LOG.exception("%s failed in %s", type(slot.filter).__name__, "on_log" if stream is not None else "on_destroy")
