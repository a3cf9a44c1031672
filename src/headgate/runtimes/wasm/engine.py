"""The engine: one for each process, as compiled modules belong to it, and the thread that makes its clock tick.

A guest is interrupted by wasmtime's epochs: compiled code compares a counter at each loop and call, and the thread here raises it every
:data:`TICK` seconds. It sleeps otherwise, and does not run while no instance exists.
"""

from __future__ import annotations

import threading
from typing import Final

from headgate.runtimes.wasm.library import VERSION, ffi, lib

TICK: Final = 0.02
"""Seconds between two epochs: how exactly a time limit can be kept."""

SETTINGS: Final = f"wasmtime {VERSION}; epochs; memory does not move"
"""Everything that compiled code depends on beside the module: part of the cache's key."""


class Engine:
    """The process's engine. Use :func:`engine`; it lives as long as the process."""

    def __init__(self) -> None:
        config = lib.wasm_config_new()
        lib.wasmtime_config_epoch_interruption_set(config, True)
        # A memory keeps its place when it grows (4 GiB of address space are set aside for each), so that its address is asked for once.
        lib.wasmtime_config_memory_may_move_set(config, False)
        lib.wasmtime_config_memory_reservation_set(config, 1 << 32)
        lib.wasmtime_config_parallel_compilation_set(config, False)  # else its threads outlive the compilation
        self.pointer: Final = lib.wasm_engine_new_with_config(config)
        self._lock = threading.Lock()
        self._instances = 0
        self._stopped = threading.Event()

    def instance_made(self) -> None:
        """One more instance exists: the clock ticks."""
        with self._lock:
            self._instances += 1
            if self._instances == 1:
                self._stopped = threading.Event()
                threading.Thread(target=self._tick, args=(self._stopped,), name="headgate-wasm-epoch", daemon=True).start()

    def instance_gone(self) -> None:
        """One less."""
        with self._lock:
            self._instances -= 1
            if self._instances == 0:
                self._stopped.set()

    def _tick(self, stopped: threading.Event) -> None:
        pointer = self.pointer
        increment = lib.wasmtime_engine_increment_epoch
        while not stopped.wait(TICK):
            increment(pointer)


_lock: Final = threading.Lock()
_engines: Final[list[Engine]] = []


def engine() -> Engine:
    """The process's engine, made at the first call."""
    with _lock:
        if not _engines:
            _engines.append(Engine())
        return _engines[0]


def wat_to_wasm(text: str) -> bytes:
    """Translate WebAssembly's text form.

    :raises ModuleError: with line and column
    """
    from headgate.runtimes.wasm.library import load_error

    data = text.encode()
    out = ffi.new("wasm_byte_vec_t *")
    error = lib.wasmtime_wat2wasm(data, len(data), out)
    if error:
        raise load_error(error)
    wasm = bytes(ffi.buffer(out.data, out.size))
    lib.wasm_byte_vec_delete(out)
    return wasm
