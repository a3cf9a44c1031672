"""Host functions on shared data and queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.runtimes.wasm.abi import CAS_MISMATCH, EMPTY, INTERNAL_FAILURE, NOT_FOUND, OK
from headgate.runtimes.wasm.contexts import HttpContext
from headgate.runtimes.wasm.shared import SHARED

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm


class SharedFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        self._data = SHARED.data(vm.settings.vm_id)

    def get_shared_data(self, key: int, key_length: int, ret_pointer: int, ret_length: int, ret_cas: int) -> int:
        """Value and number of a key."""
        memory = self._vm.memory
        found = self._data.get(memory.read(key, key_length))
        if found is None:
            return NOT_FOUND
        memory.give(found[0], ret_pointer, ret_length)
        memory.write_u32(ret_cas, found[1])
        return OK

    def set_shared_data(self, key: int, key_length: int, value: int, value_length: int, cas: int) -> int:
        """Set a key, if its number is still the given one."""
        memory = self._vm.memory
        done = self._data.set(memory.read(key, key_length), memory.read(value, value_length), cas)
        if done is None:
            return INTERNAL_FAILURE
        return OK if done else CAS_MISMATCH

    def register_shared_queue(self, name: int, name_length: int, ret: int) -> int:
        """Open a queue and be told of what comes into it."""
        vm = self._vm
        vm.memory.check(ret, 4)
        queue = SHARED.register(vm.settings.vm_id.encode(), vm.memory.read(name, name_length))
        if queue is None:
            return INTERNAL_FAILURE
        context = vm.current
        root = context.root if isinstance(context, HttpContext) else context
        queue.listener = lambda number: vm.queue_ready(root.id, number)
        vm.memory.write_u32(ret, queue.number)
        return OK

    def resolve_shared_queue(self, vm_id: int, vm_id_length: int, name: int, name_length: int, ret: int) -> int:
        """The number of a queue of any VM."""
        memory = self._vm.memory
        queue = SHARED.resolve(memory.read(vm_id, vm_id_length), memory.read(name, name_length))
        if queue is None:
            return NOT_FOUND
        memory.write_u32(ret, queue.number)
        return OK

    def enqueue_shared_queue(self, number: int, pointer: int, length: int) -> int:
        """Append to a queue; its owner is told when no guest runs any more."""
        queue = SHARED.queue(number)
        if queue is None:
            return NOT_FOUND
        if not queue.put(self._vm.memory.read(pointer, length)):
            return INTERNAL_FAILURE
        listener = queue.listener
        if listener is not None:
            self._vm.later(lambda: listener(number))
        return OK

    def dequeue_shared_queue(self, number: int, ret_pointer: int, ret_length: int) -> int:
        """The oldest entry."""
        queue = SHARED.queue(number)
        if queue is None:
            return NOT_FOUND
        data = queue.take()
        if data is None:
            return EMPTY
        self._vm.memory.give(data, ret_pointer, ret_length)
        return OK
