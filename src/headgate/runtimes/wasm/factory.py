"""The stream filters ``wasm`` and ``proxywasm``: from an entry's configuration to a machine and its filters."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from headgate.api.entry_settings import entry_settings
from headgate.api.errors import ExtensionError
from headgate.api.stream_filter import FilterCallbacks, StreamFilterFactory
from headgate.api.upstream_call import UpstreamCaller, upstream_caller
from headgate.runtimes.wasm.config import Limits, MosnConfig, WasmConfig
from headgate.runtimes.wasm.engine import engine, wat_to_wasm
from headgate.runtimes.wasm.errors import ModuleError
from headgate.runtimes.wasm.machine import Machine
from headgate.runtimes.wasm.module_cache import load
from headgate.runtimes.wasm.settings import PluginSettings, VmSettings
from headgate.runtimes.wasm.stream_filters import (
    RequestBody,
    RequestBodyAfterRoute,
    RequestChunks,
    RequestChunksAfterRoute,
    RequestTrailers,
    ResponseBody,
    ResponseChunks,
    ResponseTrailers,
    RoutePlugin,
    WasmFilter,
    WasmStream,
    head_class,
)


class WasmFactory(StreamFilterFactory):
    """One entry: a machine, and the filters that its module needs."""

    def __init__(self, machine: Machine, config: Limits, plugin: RoutePlugin, exports: frozenset[str], entry: str) -> None:
        self._machine = machine
        self._plugin = plugin
        self._entry = entry
        self._filters = filter_classes(config, exports)

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        shared = WasmStream(self._machine)
        for filter_class in self._filters:
            callbacks.add(filter_class(self._plugin, shared))

    def route_config(self, config: object, raw: Mapping[str, object]) -> object:
        assert isinstance(config, (WasmConfig, MosnConfig))
        if config.disabled:
            return RoutePlugin(None, self._plugin.fail_open, self._plugin.max_body)
        plugin = config.plugin(self._entry)
        self._machine.add_plugin(plugin)
        return RoutePlugin(plugin, self._plugin.fail_open, self._plugin.max_body)

    def start(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # built for a look (a test), not to serve
        self._machine.start(loop)

    def close(self) -> None:
        self._machine.close()


def filter_classes(config: Limits, exports: frozenset[str]) -> list[type[WasmFilter]]:
    """The filters for what a module exports."""
    late = config.phase == "after_route"
    sends = not exports.isdisjoint({"proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers"})
    ends = not exports.isdisjoint({"proxy_on_done", "proxy_on_log"})
    classes = [head_class(late, sends, ends)]
    if "proxy_on_request_body" in exports and config.request_body != "none":
        if config.request_body == "buffer":
            classes.append(RequestBodyAfterRoute if late else RequestBody)
        else:
            classes.append(RequestChunksAfterRoute if late else RequestChunks)
    if "proxy_on_request_trailers" in exports and RequestBody not in classes and RequestBodyAfterRoute not in classes:
        classes.append(RequestTrailers)
    if "proxy_on_response_body" in exports and config.response_body != "none":
        classes.append(ResponseBody if config.response_body == "buffer" else ResponseChunks)
    if "proxy_on_response_trailers" in exports and ResponseBody not in classes:
        classes.append(ResponseTrailers)
    return classes


def read_module(path: str, md5: str = "", sha256: str = "") -> bytes:
    """A module's file; one that ends in ``.wat`` holds WebAssembly's text form.

    :raises ModuleError: if it cannot be read or translated, or has another checksum
    """
    try:
        wasm = Path(path).read_bytes()
    except OSError as error:
        raise ModuleError(f"{path}: {error.strerror}") from None
    for name, wanted in (("md5", md5), ("sha256", sha256)):
        found = hashlib.new(name, wasm, usedforsecurity=False).hexdigest()
        if wanted and wanted.lower() != found:
            raise ModuleError(f"{path}: its {name} is {found}, not {wanted}")
    if not path.endswith(".wat"):
        return wasm
    try:
        return wat_to_wasm(wasm.decode())
    except (UnicodeDecodeError, ModuleError) as error:
        raise ModuleError(f"{path}: {error}") from None


def _factory(wasm: bytes, path: str, config: Limits, settings: VmSettings, plugin: PluginSettings, opens: bool) -> WasmFactory:
    entry = entry_settings()
    try:
        module = load(engine(), wasm)
        machine = Machine(module, settings, plugin, _caller())
    except ExtensionError as error:
        raise ModuleError(f"{path}: {error}") from error
    return WasmFactory(machine, config, RoutePlugin(plugin, opens, entry.max_body), frozenset(module.functions), entry.name)


def _caller() -> UpstreamCaller | None:
    try:
        return upstream_caller()
    except ExtensionError:
        return None


def wasm_factory(config: WasmConfig) -> StreamFilterFactory:
    """An entry of type ``wasm``.

    :raises ModuleError: if the module cannot be used
    """
    path = config.file()
    wasm = read_module(path, sha256=config.sha256)
    return _factory(wasm, path, config, config.vm(dict(os.environ)), config.plugin(entry_settings().name), config.opens())


def proxywasm_factory(config: MosnConfig) -> StreamFilterFactory:
    """An entry of type ``proxywasm``, in MOSN's terms.

    :raises ModuleError: if the module cannot be used
    """
    assert config.vm_config is not None
    path = config.vm_config.path
    wasm = read_module(path, md5=config.vm_config.md5)
    return _factory(wasm, path, config, config.vm(), config.plugin(entry_settings().name), False)
