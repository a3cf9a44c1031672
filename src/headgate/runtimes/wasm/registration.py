"""The stream filters ``wasm`` and ``proxywasm``, by name. wasmtime is opened when the first entry of either is built, not before."""

from __future__ import annotations

from headgate.api.stream_filter import StreamFilterFactory, stream_filter
from headgate.runtimes.wasm.config import MosnConfig, WasmConfig


@stream_filter("wasm", config=WasmConfig)
def create(config: WasmConfig) -> StreamFilterFactory:
    """A proxy-wasm module, configured in Envoy's shape or by its path alone."""
    from headgate.runtimes.wasm.factory import wasm_factory

    return wasm_factory(config)


@stream_filter("proxywasm", config=MosnConfig)
def create_mosn(config: MosnConfig) -> StreamFilterFactory:
    """A proxy-wasm module, configured in MOSN's terms."""
    from headgate.runtimes.wasm.factory import proxywasm_factory

    return proxywasm_factory(config)
