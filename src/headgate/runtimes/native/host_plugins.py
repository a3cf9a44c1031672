"""Host functions on plugins: a shared object that drives a process of its own, supervised by Headgate."""

from __future__ import annotations

import logging
import threading
from typing import Final

from headgate.api.errors import HeadgateError
from headgate.api.plugin import PluginCall, PluginError, PluginReceiver, register_plugin
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.runtimes.native import abi
from headgate.runtimes.native.abi import FFI, Pointer
from headgate.runtimes.native.filter import NativeFilter
from headgate.runtimes.native.host_texts import MAX_PAIRS, ArgumentError, pairs, put, text
from headgate.runtimes.native.module import NativeModule

_LOG: Final = logging.getLogger("headgate.native")


class PluginFunctions:
    """Those of one module."""

    def __init__(self, module: NativeModule) -> None:
        self._module = module

    def register(self, name: Pointer, length: int, arguments: Pointer, count: int) -> int:
        """In ``headgate_factory_create``: ask for a plugin."""
        module = self._module
        if not module.building:
            return abi.WRONG_HOOK
        if count > MAX_PAIRS or (count and arguments == FFI.NULL):
            raise ArgumentError("arguments")
        wanted = text(name, length)
        args = [text(arguments[i].data, arguments[i].length) for i in range(count)]
        try:
            module.plugins[wanted] = register_plugin(wanted, args=args)
        except HeadgateError as error:
            _LOG.error("%s: plugin %s: %s", module.name, wanted, error)
            return abi.NOT_FOUND
        return abi.OK

    def call(
        self,
        stream: int,
        name: Pointer,
        length: int,
        headers: Pointer,
        count: int,
        body: Pointer,
        body_length: int,
        timeout_ms: int,
        callback: Pointer,
        user: Pointer,
    ) -> int:
        """In a hook: call a plugin; its answer comes by the callback."""
        module = self._module
        if module.thread != threading.get_ident():
            return abi.WRONG_THREAD
        found = module.streams.get(stream)
        if found is None or found.stream is None:
            return abi.GONE
        if not found.hook:
            return abi.WRONG_HOOK
        if callback == FFI.NULL:
            return abi.BAD_ARGUMENT
        client = module.plugins.get(text(name, length))
        if client is None:
            return abi.NOT_FOUND
        request = PluginRequest({key.lower(): value for key, value in pairs(headers, count)}, None, put(body, body_length))
        answer = PluginAnswer(module, found, stream, callback, user)
        module.answers.add(answer)
        answer.call = client.start(request, timeout_ms / 1000.0, answer)
        return abi.OK


class PluginAnswer(PluginReceiver):
    """Hands a plugin's answer to the module, as if in a hook."""

    def __init__(self, module: NativeModule, owner: NativeFilter, stream: int, callback: Pointer, user: Pointer) -> None:
        self.call: PluginCall | None = None
        self._module = module
        self._owner = owner
        self._stream = stream
        self._callback = callback
        self._user = user

    def on_plugin_response(self, response: PluginResponse) -> None:
        """It answered."""
        self._deliver(response.status, response.header, response.body, "")

    def on_plugin_failure(self, error: PluginError) -> None:
        """It did not."""
        self._deliver(0, {}, b"", f"{error.kind}: {error}")

    def give_up(self) -> None:
        """The module ends: it gets its callback now, as it has memory to free."""
        if self.call is not None:
            self.call.cancel()
        self._deliver(0, {}, b"", "cancelled: the module is no longer in use")

    def _deliver(self, status: int, header: dict[str, str], body: bytes, failure: str) -> None:
        # Delivered also when the stream has ended: the module has memory to free.
        if self not in self._module.answers:
            return
        self._module.answers.remove(self)
        kept: list[object] = []

        def counted(value: bytes) -> tuple[Pointer, int]:
            data = FFI.from_buffer("char[]", value)
            kept.append(data)
            return data, len(value)

        array = FFI.new("hg_pair[]", max(1, len(header)))
        for i, (name, value) in enumerate(header.items()):
            array[i].name.data, array[i].name.length = counted(name.encode())
            array[i].value.data, array[i].value.length = counted(value.encode("utf-8", "surrogateescape"))
        content = FFI.new("hg_text *")
        content.data, content.length = counted(body)
        reason = FFI.new("hg_text *")
        reason.data, reason.length = counted(failure.encode())
        self._owner.from_outside(lambda: self._callback(self._user, self._stream, status, array, len(header), content[0], reason[0]))
