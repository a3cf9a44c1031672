"""gRPC calls of a guest to clusters, under way.

What the guest is told of them is what Envoy tells: of a call that succeeds its message, and nothing else; of one that fails its status
(``proxy_on_grpc_close``); of a stream everything. It goes to the root context, also when the stream that asked has ended: such calls end
with the VM. As with HTTP calls the host functions act on that stream while it lives.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from headgate.api.errors import HeadgateError
from headgate.api.grpc_call import GrpcCall, GrpcReceiver, GrpcRequest, Metadata
from headgate.api.upstream_call import UpstreamCaller
from headgate.protocols.grpc.status import INTERNAL, OK
from headgate.runtimes.wasm.contexts import GrpcNews, GuestContext
from headgate.runtimes.wasm.errors import WasmError

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")
MAX_CALLS: Final = 1_000
"""Calls and streams of one VM that may be under way."""
MAX_REQUESTS: Final = 64 * 1024 * 1024
"""Bytes of the messages that unary calls under way were begun with, together."""
MAX_EARLY: Final = 1024 * 1024
"""Bytes that one stream may send while the configuration is built; a single message may be larger."""


class GrpcCalls:
    """The calls of one VM.

    :param caller: how clusters are reached; None where there are none (``headgate check``)
    """

    def __init__(self, vm: Vm, caller: UpstreamCaller | None) -> None:
        self.vm = vm
        self._caller = caller
        self._calls: dict[int, _Call] = {}
        self._last = 0
        self._requests = 0
        self._early: list[_Call] | None = []

    @property
    def under_way(self) -> int:
        """Calls and streams that have not come to their end."""
        return len(self._calls)

    def has_cluster(self, name: str) -> bool:
        """Whether calls can go to a cluster of that name."""
        return self._caller is not None and self._caller.has_cluster(name)

    def call(self, context: GuestContext, request: GrpcRequest, message: bytes) -> int:
        """Begin a unary call; its number, which is odd, or 0 if too much is under way."""
        if self._requests + len(message) > MAX_REQUESTS:
            return 0
        return self._begin(_UnaryCall(self, context, request, message), True)

    def stream(self, context: GuestContext, request: GrpcRequest) -> int:
        """Begin a stream; its number, which is even, or 0 if too much is under way."""
        return self._begin(_Call(self, context, request), False)

    def _begin(self, call: _Call, odd: bool) -> int:
        if self._caller is None or len(self._calls) >= MAX_CALLS:
            return 0
        number = self._last
        while number == self._last or number in self._calls or number == 0 or number % 2 != odd:
            number = (number + 1) % 0x80000000
        self._last = call.number = number
        self._calls[number] = call
        self._requests += call.size
        if self._early is not None:
            self._early.append(call)  # while the configuration is built: when it is in force
        else:
            self.vm.later(partial(call.begin, self._caller))
        return number

    def go(self) -> None:
        """The configuration is in force: what was asked for while it was built begins."""
        waiting, self._early = self._early or [], None
        for call in waiting:
            if self._caller is not None and call.number in self._calls:
                call.begin(self._caller)

    def send(self, number: int, message: bytes | None, end: bool) -> bool | None:
        """Send on a stream.

        :param message: None: only the end
        :returns: False if it takes no more, None if there is no such stream
        """
        call = self._calls.get(number)
        return None if call is None else call.send(message, end)

    def cancel(self, number: int) -> bool:
        """Give a call or stream up; the guest hears no more of it. False if there is none of that number."""
        call = self._calls.get(number)
        if call is None:
            return False
        self.ended(call)
        call.cancel()
        return True

    def ended(self, call: _Call) -> bool:
        """A call has come to its end; False if it had before."""
        if self._calls.pop(call.number, None) is None:
            return False
        self._requests -= call.size
        return True

    def tell(self, call: _Call, name: str, value: int, news: GrpcNews) -> None:
        """Call a callback of the guest when no guest runs."""
        self.vm.later(partial(self._tell, call, name, value, news))

    def _tell(self, call: _Call, name: str, value: int, news: GrpcNews) -> None:
        if call.given_up:
            return  # meanwhile
        try:
            self.vm.grpc_news(call.context, name, call.number, value, news)
        except WasmError as error:
            _LOG.error("wasm %s: %s: %s", call.context.plugin.name, name, error)

    def close(self) -> None:
        """Give everything up."""
        calls, self._calls = self._calls, {}
        self._requests = 0
        for call in calls.values():
            call.cancel()


class _Call(GrpcReceiver):
    """A stream under way.

    :ivar size: bytes of the message that it was begun with
    :ivar given_up: the guest wants to hear no more
    """

    def __init__(self, calls: GrpcCalls, context: GuestContext, request: GrpcRequest) -> None:
        self.context = context
        self.number = 0
        self.size = 0
        self.given_up = False
        self._calls = calls
        self._request = request
        self._call: GrpcCall | None = None
        self._early: list[tuple[bytes | None, bool]] = []
        self._early_size = 0

    def begin(self, caller: UpstreamCaller) -> None:
        """The call goes to its cluster."""
        if self.given_up:
            return
        try:
            call = caller.start_grpc(self._request, self)
        except HeadgateError as error:
            self.on_grpc_close(INTERNAL, str(error))
            return
        self._call = call
        early, self._early = self._early, []
        for message, end in early:
            call.send(message, end)

    def send(self, message: bytes | None, end: bool) -> bool:
        """Send, or keep until the call has begun. False: it takes no more."""
        if self._call is not None:
            return self._call.send(message, end)
        size = len(message) if message is not None else 0
        if self._early and (self._early[-1][1] or self._early_size + size > MAX_EARLY):
            return False
        self._early.append((message, end))
        self._early_size += size
        return True

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.given_up = True
        if self._call is not None:
            self._call.cancel()

    def on_grpc_initial_metadata(self, metadata: Metadata) -> None:
        self._calls.tell(self, "proxy_on_grpc_receive_initial_metadata", len(metadata), GrpcNews(initial=metadata))

    def on_grpc_message(self, message: bytes) -> None:
        self._calls.tell(self, "proxy_on_grpc_receive", len(message), GrpcNews(message=message))

    def on_grpc_trailing_metadata(self, metadata: Metadata) -> None:
        self._calls.tell(self, "proxy_on_grpc_receive_trailing_metadata", len(metadata), GrpcNews(trailing=metadata))

    def on_grpc_close(self, status: int, message: str) -> None:
        if self._calls.ended(self):
            self._calls.tell(self, "proxy_on_grpc_close", status, GrpcNews(status=status, text=message))


class _UnaryCall(_Call):
    """A call under way: one message there, one back."""

    def __init__(self, calls: GrpcCalls, context: GuestContext, request: GrpcRequest, message: bytes) -> None:
        super().__init__(calls, context, request)
        self.size = len(message)
        self.send(message, True)
        self._answer: bytes | None = None

    def on_grpc_initial_metadata(self, metadata: Metadata) -> None:
        return

    def on_grpc_message(self, message: bytes) -> None:
        if self._answer is None:
            self._answer = message
        elif self._call is not None:
            self._call.cancel()
            self.on_grpc_close(INTERNAL, "more than one message")

    def on_grpc_trailing_metadata(self, metadata: Metadata) -> None:
        return

    def on_grpc_close(self, status: int, message: str) -> None:
        answer = self._answer
        if status != OK:
            super().on_grpc_close(status, message)
        elif answer is None:
            super().on_grpc_close(INTERNAL, "an answer without a message")
        elif self._calls.ended(self):
            self._calls.tell(self, "proxy_on_grpc_receive", len(answer), GrpcNews(message=answer, status=OK))
