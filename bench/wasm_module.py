"""The example's WASM module in the binary form that Envoy reads."""

from __future__ import annotations

from pathlib import Path

from wasmtime import wat2wasm

from bench.places import WASM_AUTH


def write_wasm_module(folder: Path) -> Path:
    """Translate it.

    :param folder: where the file is put
    """
    module = folder / "auth.wasm"
    module.write_bytes(wat2wasm(WASM_AUTH.read_text(encoding="utf-8")))
    return module
