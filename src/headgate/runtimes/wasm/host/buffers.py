"""Host functions on buffers: bodies, a call's answer, configurations.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.runtimes.wasm.abi import (
    BAD_ARGUMENT,
    CALL_BODY,
    GRPC_MESSAGE,
    NOT_FOUND,
    OK,
    PLUGIN_CONFIGURATION,
    REQUEST_BODY,
    RESPONSE_BODY,
    VM_CONFIGURATION,
)
from headgate.runtimes.wasm.contexts import HttpContext

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm


class BufferFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm

    def _buffer(self, kind: int) -> bytes | None:
        vm = self._vm
        context = vm.current
        if kind == REQUEST_BODY:
            return context.request_body if isinstance(context, HttpContext) else None
        if kind == RESPONSE_BODY:
            return context.response_body if isinstance(context, HttpContext) else None
        if kind == CALL_BODY:
            return vm.call_result.body if vm.call_result is not None else None
        if kind == GRPC_MESSAGE:
            return vm.grpc_told.message if vm.grpc_told is not None else None
        if kind == VM_CONFIGURATION:
            return vm.settings.configuration
        if kind == PLUGIN_CONFIGURATION:
            return context.plugin.configuration
        return None

    def get_buffer_bytes(self, kind: int, start: int, size: int, ret_pointer: int, ret_length: int) -> int:
        """A copy of a part of a buffer; less than asked for where it ends."""
        data = self._buffer(kind)
        if data is None:
            return NOT_FOUND
        if start > len(data):
            return BAD_ARGUMENT
        self._vm.memory.give(data[start : start + size], ret_pointer, ret_length)
        return OK

    def get_buffer_status(self, kind: int, ret_length: int, ret_unused: int) -> int:
        """A buffer's length."""
        data = self._buffer(kind)
        if data is None:
            return NOT_FOUND
        self._vm.memory.write_u32(ret_length, len(data))
        self._vm.memory.write_u32(ret_unused, 0)
        return OK

    def set_buffer_bytes(self, kind: int, start: int, size: int, pointer: int, length: int) -> int:
        """Change a body: at its start, its end, or as a whole (Envoy takes no other places)."""
        context = self._vm.current
        if kind not in (REQUEST_BODY, RESPONSE_BODY) or not isinstance(context, HttpContext):
            return BAD_ARGUMENT
        present = self._buffer(kind)
        if present is None:
            return NOT_FOUND
        data = self._vm.memory.read(pointer, length)
        if start == 0 and size == 0:
            made = data + present
        elif start == 0 and size >= len(present):
            made = data
        elif start >= len(present):
            made = present + data
        else:
            return BAD_ARGUMENT
        if kind == REQUEST_BODY:
            context.request_body = made
        else:
            context.response_body = made
        return OK
