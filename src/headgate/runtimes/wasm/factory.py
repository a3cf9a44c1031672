"""The stream filters ``wasm`` and ``proxywasm``: from an entry's configuration to a machine and its filters."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from headgate.api.entry_settings import entry_settings
from headgate.api.errors import ExtensionError
from headgate.api.stream_filter import ClassFactory, FilterCallbacks, StreamFilterFactory
from headgate.api.upstream_call import UpstreamCaller, upstream_caller
from headgate.runtimes.wasm.config import Limits, MosnConfig, WasmConfig
from headgate.runtimes.wasm.engine import engine, wat_to_wasm
from headgate.runtimes.wasm.errors import ModuleError
from headgate.runtimes.wasm.machine import Machine
from headgate.runtimes.wasm.module_cache import load
from headgate.runtimes.wasm.settings import PluginSettings, VmSettings
from headgate.runtimes.wasm.stream import RoutePlugin
from headgate.runtimes.wasm.stream_filters import WasmFilter, WholeBody, filter_classes


class WasmFactory(ClassFactory):
    """One entry: a machine, and the filter that its streams have."""

    def __init__(self, filter_class: type[WasmFilter], plugin: RoutePlugin, entry: str) -> None:
        super().__init__(filter_class, plugin)
        self._plugin = plugin
        self._entry = entry

    def route_config(self, config: object, raw: Mapping[str, object]) -> object:
        assert isinstance(config, (WasmConfig, MosnConfig))
        entry = self._plugin
        plugin = None if config.disabled else entry.machine.add_plugin(config.plugin(self._entry))
        return RoutePlugin(entry.machine, plugin, entry.fail_open, entry.late, entry.max_body)

    def start(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # built for a look (a test), not to serve
        self._plugin.machine.start(loop)

    def close(self) -> None:
        self._plugin.machine.close()


class BufferingFactory(StreamFilterFactory):
    """An entry whose module sees bodies as a whole: further filters behind the first one."""

    def __init__(self, factory: WasmFactory, filter_class: type[WasmFilter], behind: list[type[WholeBody]], plugin: RoutePlugin) -> None:
        self._factory = factory
        self._filter_class = filter_class
        self._behind = behind
        self._plugin = plugin

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        first = self._filter_class(self._plugin)
        callbacks.add(first)
        for filter_class in self._behind:
            callbacks.add(filter_class(self._plugin, first.shared))

    def route_config(self, config: object, raw: Mapping[str, object]) -> object:
        return self._factory.route_config(config, raw)

    def start(self) -> None:
        self._factory.start()

    def close(self) -> None:
        self._factory.close()


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


def _factory(wasm: bytes, path: str, config: Limits, settings: VmSettings, plugin: PluginSettings, opens: bool) -> StreamFilterFactory:
    entry = entry_settings()
    try:
        module = load(engine(), wasm)
        machine = Machine(module, settings, plugin, _caller())
    except ExtensionError as error:
        raise ModuleError(f"{path}: {error}") from error
    served = RoutePlugin(machine, plugin, opens, config.phase == "after_route", entry.max_body)
    filter_class, behind = filter_classes(config, frozenset(module.functions))
    factory = WasmFactory(filter_class, served, entry.name)
    return BufferingFactory(factory, filter_class, behind, served) if behind else factory


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
