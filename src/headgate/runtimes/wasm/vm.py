"""A virtual machine: an instance of a module, its contexts, and the calls into it.

One VM serves all streams of its entry in a worker, each stream as a context; a pool of instances would only divide what guests count and
cache, as one thread runs one guest at a time.

No guest is entered while a guest runs. What a host function sets off in the proxy (a stream goes on, another guest's turn comes) is put
off until the guest has returned: :meth:`Vm.later`.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from headgate.api.stream import Stream
from headgate.api.upstream_call import UpstreamCaller
from headgate.runtimes.wasm.abi import VERSIONS
from headgate.runtimes.wasm.callbacks import Callbacks, check_exports
from headgate.runtimes.wasm.contexts import CallResult, GrpcNews, GuestContext, HttpContext, RootContext
from headgate.runtimes.wasm.errors import GuestError, ModuleError, WasmError
from headgate.runtimes.wasm.grpc_calls import GrpcCalls
from headgate.runtimes.wasm.host.functions import host_functions
from headgate.runtimes.wasm.http_calls import HttpCalls
from headgate.runtimes.wasm.instance import Instance
from headgate.runtimes.wasm.module import Module
from headgate.runtimes.wasm.settings import PluginSettings, VmSettings
from headgate.runtimes.wasm.ticks import Ticks

_LOG: Final = logging.getLogger("headgate.wasm")


class Vm:
    """One running VM.

    :ivar current: the context whose callback runs: what the host functions act on
    :ivar abi: 1, 2 or 3 for ABI 0.1.0, 0.2.0, 0.2.1
    :raises ModuleError: if the module is none for proxy-wasm, cannot be instantiated, or refuses to start
    :raises GuestError: if it traps while it starts
    """

    def __init__(self, module: Module, settings: VmSettings, plugin: PluginSettings, caller: UpstreamCaller | None = None) -> None:
        self.settings = settings
        self.abi = abi_of(module)
        self.current: GuestContext = RootContext(0, plugin)
        self.roots: list[RootContext] = []
        self.contexts: dict[int, GuestContext] = {}
        self.call_result: CallResult | None = None
        self.grpc_told: GrpcNews | None = None
        self.calls = HttpCalls(self, caller)
        self.grpc = GrpcCalls(self, caller)
        self._ticks = Ticks(self)
        self._later: list[Callable[[], None]] = []
        self._depth = 0
        self._next_id = 1
        check_exports(module)
        self.instance = Instance(module, host_functions(self, module), settings.memory_limit, settings.time_limit)
        self.memory = self.instance.memory
        self.callbacks = Callbacks(self.instance, module)
        try:
            self._start(module, plugin)
        except BaseException:
            self.close()
            raise

    def _start(self, module: Module, plugin: PluginSettings) -> None:
        if "_initialize" in module.functions:
            self.call_named(self.current, "_initialize")
            if "main" in module.functions and module.functions["main"].params in ("", "ii"):
                self.call_named(self.current, "main")
        else:
            self.call_named(self.current, "_start")
        root = self.add_root(plugin, started=False)
        if not self.call_named(root, "proxy_on_vm_start", root.id, len(self.settings.configuration), default=1):
            raise ModuleError("proxy_on_vm_start returned false: the module refuses to start")
        self.configure(root)

    def add_root(self, plugin: PluginSettings, started: bool = True) -> RootContext:
        """A further plugin of the module: create its root context and configure it.

        :raises ModuleError: if it refuses its configuration
        """
        root = RootContext(self._new_id(), plugin)
        self.contexts[root.id] = root
        self.call_named(root, "proxy_on_context_create", root.id, 0)
        self.roots.append(root)
        if started:
            self.configure(root)
        return root

    def configure(self, root: RootContext) -> None:
        """Have a plugin read its configuration.

        :raises ModuleError: if it refuses
        """
        if not self.call_named(root, "proxy_on_configure", root.id, len(root.plugin.configuration), default=1):
            raise ModuleError("proxy_on_configure returned false: the module refuses its configuration")

    def _new_id(self) -> int:
        number = self._next_id
        while number in self.contexts:
            number = number % 0x7FFFFFFF + 1
        self._next_id = number % 0x7FFFFFFF + 1
        return number

    def open_stream(self, root: RootContext, stream: Stream) -> HttpContext:
        """A context for a stream."""
        context = HttpContext(self._new_id(), root, stream)
        self.contexts[context.id] = context
        create = self.callbacks.context_create
        if create is not None:
            self.call(context, create, context.id, root.id)
        return context

    def root_of(self, plugin: PluginSettings) -> RootContext:
        """A plugin's context: the very object that it was added with."""
        for root in self.roots:
            if root.plugin is plugin:
                return root
        raise GuestError("the plugin has no root context")

    @property
    def dead(self) -> bool:
        """It trapped, or was closed."""
        return self.instance.dead

    # --- calling

    def call(self, context: GuestContext, function: object, first: int = 0, second: int = 0, third: int = 0) -> int:
        """Call a callback.

        :param function: one of :attr:`callbacks`
        :raises GuestError: if it traps; the VM is dead then
        """
        before = self.current
        self.current = context
        self._depth += 1
        try:
            return self.instance.call(function, first, second, third)
        except WasmError:
            self._died()
            raise
        finally:
            self.current = before
            self._depth -= 1
            if self._later and not self._depth:
                self._run_later()

    def call_named(self, context: GuestContext, name: str, first: int = 0, second: int = 0, third: int = 0, default: int = 0) -> int:
        """Call a function by its name, if the module has it.

        :param default: the result if it has not
        :raises GuestError: if it traps; the VM is dead then
        """
        function = self.callbacks.find(name)
        return default if function is None else self.call(context, function, first, second, third)

    def call_log(self, context: HttpContext) -> None:
        """``proxy_on_log``.

        :raises GuestError: if it traps
        """
        log = self.callbacks.log
        if log is not None:
            self.call(context, log, context.id)

    def go(self, loop: asyncio.AbstractEventLoop) -> None:
        """The configuration is in force: ticks and calls begin."""
        self._ticks.start(loop)
        self.calls.go()
        self.grpc.go()

    def on_tick_period(self, root: RootContext) -> None:
        """A root context has set its period."""
        self._ticks.changed(root)

    def queue_ready(self, root_id: int, number: int) -> None:
        """Something came into a queue."""
        root = self.contexts.get(root_id)
        if root is not None and not self.dead:
            try:
                self.call_named(root, "proxy_on_queue_ready", root_id, number)
            except WasmError as error:
                _LOG.error("wasm %s: proxy_on_queue_ready: %s", root.plugin.name, error)

    def later(self, action: Callable[[], None]) -> None:
        """Do this when no guest runs any more."""
        if self._depth:
            self._later.append(action)
        else:
            action()

    def _run_later(self) -> None:
        while self._later:
            actions, self._later = self._later, []
            for action in actions:
                try:
                    action()
                except Exception:
                    _LOG.exception("wasm: an action of a guest failed")

    def http_call_done(self, context: GuestContext, number: int, result: CallResult | None) -> None:
        """The answer to an HTTP call, or None for a failure. It goes to the root context, as in Envoy, also when the stream has ended that
        asked: the SDKs keep track of their calls there. While the stream lives, the host functions act on it.

        :raises GuestError: if the guest traps
        """
        function = self.callbacks.find("proxy_on_http_call_response")
        owner = context.root if isinstance(context, HttpContext) else context
        if function is None or self.dead:
            return
        self.call_result = result
        headers, body, trailers = 0, 0, 0
        if result is not None:
            headers, body, trailers = len(result.headers) + 1, len(result.body), len(result.trailers)
        try:
            self._call_root(context, owner, function, (owner.id, number, headers, body, trailers))
        finally:
            self.call_result = None

    def grpc_news(self, context: GuestContext, name: str, number: int, value: int, news: GrpcNews) -> None:
        """A part of the answer to a gRPC call, or its end; it goes where the answer to an HTTP call does.

        :param name: the callback
        :param value: its last parameter
        :raises GuestError: if the guest traps
        """
        function = self.callbacks.find(name)
        owner = context.root if isinstance(context, HttpContext) else context
        if news.status >= 0 and isinstance(owner, RootContext):
            owner.grpc_status = news.status
        if function is None or self.dead:
            return
        self.grpc_told = news
        try:
            self._call_root(context, owner, function, (owner.id, number, value))
        finally:
            self.grpc_told = None

    def _call_root(self, context: GuestContext, owner: GuestContext, function: object, arguments: tuple[int, ...]) -> None:
        """Tell a root context what came of something that one of its contexts has asked for.

        :raises GuestError: if the guest traps
        """
        before = self.current
        self.current = context if self.contexts.get(context.id) is context else owner
        self._depth += 1
        try:
            self.instance.call_many(function, arguments)
        except WasmError:
            self._died()
            raise
        finally:
            self.current = before
            self._depth -= 1
            if self._later and not self._depth:
                self._run_later()

    def _died(self) -> None:
        self._ticks.stop()
        self.calls.close()
        self.grpc.close()
        for context in self.contexts.values():
            if isinstance(context, HttpContext):
                for waiting in context.take_waiting():
                    self._later.append(partial(waiting.fail, GuestError("the instance that served the stream has failed")))

    def forget(self, context: GuestContext) -> None:
        """A context's end: ``proxy_on_delete``."""
        self.contexts.pop(context.id, None)
        delete = self.callbacks.delete
        if delete is not None and not self.dead:
            self.call(context, delete, context.id)

    def close(self) -> None:
        """Free everything."""
        self._ticks.stop()
        self.calls.close()
        self.grpc.close()
        if hasattr(self, "instance"):
            self.instance.close()
        self.contexts.clear()
        self.roots.clear()


def abi_of(module: Module) -> int:
    """The ABI that a module was built for.

    :raises ModuleError: if it names none that is known
    """
    found = [VERSIONS[name] for name in module.functions if name in VERSIONS]
    if found:
        return max(found)
    other = [name for name in module.functions if name.startswith("proxy_abi_")]
    known = ", ".join(sorted(VERSIONS))
    if other:
        raise ModuleError(f"the module is built for {other[0]}; known are {known}")
    raise ModuleError(f"the module exports no ABI version ({known}): it is not built for proxy-wasm")
