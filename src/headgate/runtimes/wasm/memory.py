"""A guest's linear memory, every pointer checked.

The memory's address never changes (see :mod:`engine`), and a memory never shrinks; so the size last seen is a safe lower bound, and
wasmtime is asked again only when an access goes past it.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from headgate.runtimes.wasm.errors import InvalidMemory
from headgate.runtimes.wasm.library import ffi, lib

_U32: Final = Struct("<I")
_U64: Final = Struct("<Q")


class GuestMemory:
    """Reads and writes one instance's memory.

    :param context: the store's ``wasmtime_context_t``
    :param memory: its ``wasmtime_memory_t``
    :param allocate: has the guest allocate so many bytes and returns their address; 0 if it has none
    """

    def __init__(self, context: object, memory: object, allocate: Callable[[int], int]) -> None:
        self._context: object | None = context
        self._memory = memory
        self._allocate = allocate
        self._buffer = ffi.buffer(ffi.new("char[1]"), 0)
        self.size: int = 0
        """Bytes, as last seen."""
        self._renew()

    def close(self) -> None:
        """No access after this."""
        self._context = None
        self._buffer = ffi.buffer(ffi.new("char[1]"), 0)
        self.size = 0

    def _renew(self) -> bool:
        """Look whether it has grown."""
        if self._context is None:
            return False
        size = lib.wasmtime_memory_data_size(self._context, self._memory)
        if size == self.size:
            return False
        self.size = size
        self._buffer = ffi.buffer(lib.wasmtime_memory_data(self._context, self._memory), size)
        return True

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of a part.

        :raises InvalidMemory: if any of it lies outside
        """
        data: bytes = self._buffer[pointer : pointer + length]
        if len(data) != length:
            if not self._renew() or pointer + length > self.size:
                raise InvalidMemory
            data = self._buffer[pointer : pointer + length]
        return data

    def write(self, pointer: int, data: bytes) -> None:
        """Write.

        :raises InvalidMemory: if any of it lies outside
        """
        end = pointer + len(data)
        if end > self.size and (not self._renew() or end > self.size):
            raise InvalidMemory
        self._buffer[pointer:end] = data

    def write_u32(self, pointer: int, value: int) -> None:
        """Write a little-endian number of 4 bytes.

        :raises InvalidMemory: if any of it lies outside
        """
        if pointer + 4 > self.size and (not self._renew() or pointer + 4 > self.size):
            raise InvalidMemory
        _U32.pack_into(self._buffer, pointer, value)

    def write_u64(self, pointer: int, value: int) -> None:
        """Write a little-endian number of 8 bytes.

        :raises InvalidMemory: if any of it lies outside
        """
        self.write(pointer, _U64.pack(value))

    def read_u32(self, pointer: int) -> int:
        """Read a little-endian number of 4 bytes.

        :raises InvalidMemory: if any of it lies outside
        """
        return int.from_bytes(self.read(pointer, 4), "little")

    def check(self, pointer: int, length: int) -> None:
        """Make sure that a part lies inside.

        :raises InvalidMemory: if any of it lies outside
        """
        if pointer + length > self.size and (not self._renew() or pointer + length > self.size):
            raise InvalidMemory

    def give(self, data: bytes, pointer_at: int, length_at: int) -> None:
        """Hand data to the guest: allocated by it, owned by it; address and length are written where it said.

        :raises InvalidMemory: if the guest's pointers lie outside, or it has no memory left
        """
        length = len(data)
        # Both places first: a guest that passes rubbish shall not be asked for memory.
        self.check(pointer_at, 4)
        self.check(length_at, 4)
        address = 0
        if length:
            address = self._allocate(length)
            if address == 0:
                raise InvalidMemory
            self.write(address, data)
        _U32.pack_into(self._buffer, pointer_at, address)
        _U32.pack_into(self._buffer, length_at, length)
