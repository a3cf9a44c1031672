"""Host functions for gRPC calls to clusters."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from headgate.api.grpc_call import GrpcRequest
from headgate.runtimes.wasm.abi import BAD_ARGUMENT, INTERNAL_FAILURE, NOT_FOUND, OK, PARSE_FAILURE
from headgate.runtimes.wasm.contexts import HttpContext, RootContext
from headgate.runtimes.wasm.grpc_metadata import call_path, checked_metadata
from headgate.runtimes.wasm.grpc_service import parse_service
from headgate.runtimes.wasm.host_call import HostFunction
from headgate.runtimes.wasm.pairs import decode

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")


class GrpcFunctions:
    """Named as in the ABI, without ``proxy_``. Numbers of calls are odd, those of streams even (Envoy)."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm

    def grpc_call(
        self,
        service: int,
        service_length: int,
        name: int,
        name_length: int,
        method: int,
        method_length: int,
        metadata: int,
        metadata_length: int,
        message: int,
        message_length: int,
        timeout: int,
        ret: int,
    ) -> int:
        """A unary call; the answer comes as ``proxy_on_grpc_receive`` or ``proxy_on_grpc_close``. ``timeout``: milliseconds; 0: none."""
        memory = self._vm.memory
        memory.check(ret, 4)
        content = memory.read(message, message_length)
        request = self._request((service, service_length, name, name_length, method, method_length), metadata, metadata_length)
        if isinstance(request, int):
            return request
        request.timeout = timeout / 1000.0
        return self._started(self._vm.grpc.call(self._vm.current, request, content), ret)

    def grpc_stream(
        self,
        service: int,
        service_length: int,
        name: int,
        name_length: int,
        method: int,
        method_length: int,
        metadata: int,
        metadata_length: int,
        ret: int,
    ) -> int:
        """A stream, on which any number of messages goes there and back."""
        self._vm.memory.check(ret, 4)
        request = self._request((service, service_length, name, name_length, method, method_length), metadata, metadata_length)
        if isinstance(request, int):
            return request
        return self._started(self._vm.grpc.stream(self._vm.current, request), ret)

    def grpc_call_without_metadata(self, *numbers: int) -> int:
        """The same as SDKs before the first ABI's text have it."""
        call: HostFunction = self.grpc_call
        return call(*numbers[:6], 0, 0, *numbers[6:])

    def grpc_stream_without_metadata(self, *numbers: int) -> int:
        """The same as SDKs before the first ABI's text have it."""
        stream: HostFunction = self.grpc_stream
        return stream(*numbers[:6], 0, 0, *numbers[6:])

    def grpc_send(self, token: int, message: int, length: int, end: int) -> int:
        """A message on a stream. One whose end was sent, or on which too much waits, takes no more: BAD_ARGUMENT."""
        content = self._vm.memory.read(message, length)
        if token % 2:
            return BAD_ARGUMENT
        sent = self._vm.grpc.send(token, content, end != 0)
        if sent is None:
            return NOT_FOUND
        return OK if sent else BAD_ARGUMENT

    def grpc_cancel(self, token: int) -> int:
        """Give a call or a stream up."""
        return OK if self._vm.grpc.cancel(token) else NOT_FOUND

    def grpc_close(self, token: int) -> int:
        """The guest sends no more on a stream; it goes on hearing of it. A unary call is given up."""
        if token % 2:
            return self.grpc_cancel(token)
        return NOT_FOUND if self._vm.grpc.send(token, None, True) is None else OK

    def get_status(self, ret_code: int, ret_pointer: int, ret_length: int) -> int:
        """The status of the last gRPC call or stream that ended, and while the guest is told of it the message."""
        vm = self._vm
        context = vm.current
        root = context.root if isinstance(context, HttpContext) else context
        news = vm.grpc_told
        vm.memory.write_u32(ret_code, root.grpc_status if isinstance(root, RootContext) else 0)
        vm.memory.give(news.text.encode() if news is not None else b"", ret_pointer, ret_length)
        return OK

    def _request(self, places: tuple[int, int, int, int, int, int], metadata: int, metadata_length: int) -> GrpcRequest | int:
        """What a call is begun with, or the status that says why there can be none."""
        memory = self._vm.memory
        service = parse_service(memory.read(places[0], places[1]))
        name = memory.read(places[2], places[3])
        method = memory.read(places[4], places[5])
        pairs = decode(memory.read(metadata, metadata_length))
        if pairs is None:
            return PARSE_FAILURE
        if not self._vm.grpc.has_cluster(service.cluster):
            return self._refused(f"there is no cluster {service.cluster!r}", PARSE_FAILURE)
        if not service.authority.isprintable() or " " in service.authority:
            return self._refused(f"not an authority: {service.authority[:100]!r}", INTERNAL_FAILURE)
        try:
            return GrpcRequest(
                service.cluster,
                call_path(name, method),
                checked_metadata(pairs + (service.metadata or [])),
                authority=service.authority,
                max_message=service.max_message,
            )
        except ValueError as error:
            return self._refused(str(error), INTERNAL_FAILURE)

    def _started(self, number: int, ret: int) -> int:
        if number == 0:
            return self._refused("too much is under way", INTERNAL_FAILURE)
        self._vm.memory.write_u32(ret, number)
        return OK

    def _refused(self, why: str, status: int) -> int:
        _LOG.warning("wasm %s: gRPC call: %s", self._vm.current.plugin.name, why)
        return status
