"""Host functions on properties (Envoy's attributes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.runtimes.wasm.abi import NOT_FOUND, OK
from headgate.runtimes.wasm.attributes import PREFIX, attribute, plugin_attribute
from headgate.runtimes.wasm.contexts import HttpContext, RootContext

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm


class PropertyFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm

    def get_property(self, path: int, path_length: int, ret_pointer: int, ret_length: int) -> int:
        """A property by its path, whose parts a NUL separates."""
        key = self._vm.memory.read(path, path_length).rstrip(b"\0")
        value = self._value(key)
        if value is None:
            return NOT_FOUND
        self._vm.memory.give(value, ret_pointer, ret_length)
        return OK

    def _value(self, key: bytes) -> bytes | None:
        vm = self._vm
        context = vm.current
        parts = key.decode("utf-8", "replace").split("\0")
        found = plugin_attribute(parts, context.plugin, vm.settings.vm_id)
        if found is not None:
            return found
        if isinstance(context, RootContext):
            return context.properties.get(key)
        if not isinstance(context, HttpContext):
            return None
        own = context.stream.variables.get(PREFIX + ".".join(parts))
        return own if isinstance(own, bytes) else attribute(parts, context)

    def set_property(self, path: int, path_length: int, value: int, value_length: int) -> int:
        """Set a property of the stream: other filters see it as the variable ``wasm.<path>``."""
        memory = self._vm.memory
        key = memory.read(path, path_length).rstrip(b"\0")
        data = memory.read(value, value_length)
        context = self._vm.current
        if isinstance(context, HttpContext):
            context.stream.variables[PREFIX + key.decode("utf-8", "replace").replace("\0", ".")] = data
        elif isinstance(context, RootContext):
            if len(context.properties) >= 1024 and key not in context.properties:
                return NOT_FOUND
            context.properties[key] = data
        return OK
