"""WASM filters: a proxy-wasm host (ABI 0.1.0, 0.2.0 and 0.2.1) on wasmtime.

From the ground up: ``library`` (the C library inside the wasmtime wheel), ``engine``, ``module``, ``memory`` and ``instance`` are the
binding; ``host/`` and ``vm`` are the ABI; ``factory`` and ``stream_filters`` join it to the stream filter contract.
"""
