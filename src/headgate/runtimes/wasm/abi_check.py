"""Whether our declarations of wasmtime's C API fit an installed wasmtime.

wasmtime promises no stable binary interface between major versions. Its wheel carries ctypes declarations generated from the headers of the
very library in it; comparing sizes and argument counts with those finds what changed.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterable
from typing import Any, Final

_STRUCTS: Final = {
    "wasm_byte_vec_t": "wasm_byte_vec_t",
    "wasm_frame_vec_t": "wasm_frame_vec_t",
    "wasmtime_func_t": "wasmtime_func",
    "wasmtime_memory_t": "wasmtime_memory",
    "wasmtime_instance_t": "wasmtime_instance",
    "wasmtime_extern_t": "wasmtime_extern",
}
_RAW_VALUE_SIZE: Final = 16


def differences(ffi: Any, lib: Any, functions: Iterable[str]) -> list[str]:
    """What does not fit; empty if all does. Imports the wheel's ctypes layer, which takes some 50 ms.

    :param ffi: cffi's object with our declarations
    :param lib: the opened library
    :param functions: names of the functions that are used
    """
    bindings = importlib.import_module("wasmtime._bindings")
    found = [
        f"{ours}: {ffi.sizeof(ours)} bytes here, {ctypes.sizeof(getattr(bindings, theirs))} there"
        for ours, theirs in _STRUCTS.items()
        if ffi.sizeof(ours) != ctypes.sizeof(getattr(bindings, theirs))
    ]
    if ctypes.sizeof(bindings.wasmtime_val_raw) != _RAW_VALUE_SIZE:
        found.append(f"wasmtime_val_raw: {_RAW_VALUE_SIZE} bytes here, {ctypes.sizeof(bindings.wasmtime_val_raw)} there")
    if bindings.wasmtime_extern.of.offset != ffi.offsetof("wasmtime_extern_t", "of"):
        found.append("wasmtime_extern_t: its parts lie elsewhere")
    for name in functions:
        theirs = getattr(bindings, f"_{name}", None)
        if theirs is None:
            found.append(f"{name} is not there")
            continue
        our_sizes = [ffi.sizeof(argument) for argument in ffi.typeof(getattr(lib, name)).args]
        their_sizes = [ctypes.sizeof(argument) for argument in theirs.argtypes]
        if our_sizes != their_sizes:
            found.append(f"{name}: arguments of {our_sizes} bytes here, {their_sizes} there")
    return found
