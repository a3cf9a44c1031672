"""One instance of a module: its store, its memory, its host functions, calls into it.

What this class guarantees towards C: every C object is freed once, and not used after; callbacks live as long as the store; errors and
traps are freed and become exceptions; whatever a host function raises becomes a trap and comes out of :meth:`Instance.call` again. A
store is used by one thread at a time: by the one that builds a configuration, then by the worker's loop.

Parts of C structures are taken in :mod:`library`, which is not compiled: mypyc lets go of a local variable after its last use, and with
cffi a part does not keep the whole alive.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final

from headgate.runtimes.wasm.engine import TICK
from headgate.runtimes.wasm.errors import GuestError, ModuleError, WasmError
from headgate.runtimes.wasm.host_call import Functions, Words, adapter
from headgate.runtimes.wasm.library import INTERRUPTED, export_of, ffi, guest_error, lib, load_error
from headgate.runtimes.wasm.memory import GuestMemory
from headgate.runtimes.wasm.module import Module, Signature, function_type

_WORDS: Final = 96
"""Words of a call's values: 24 values of 16 bytes."""
_MAX_TABLE: Final = 1_000_000
_CALL: Final = lib.wasmtime_func_call_unchecked
_WASI_FAULT: Final = 21
_PROXY_FAULT: Final = 6


class Instance:
    """An instantiated module.

    :param functions: everything that a module may import
    :param memory_limit: bytes of linear memory
    :param time_limit: seconds that one call may take
    :raises ModuleError: if it imports what is not there, or something with another type, or traps while it is instantiated
    """

    def __init__(self, module: Module, functions: Functions, memory_limit: int, time_limit: float) -> None:
        check_imports(module, functions)
        if not module.has_memory:
            raise ModuleError("the module exports no memory")
        self._engine = module.engine
        self._exports = module.functions
        self._time_limit = time_limit
        self._callbacks: list[object] = []
        self._values = ffi.new("uint32_t[]", _WORDS)
        self._inner_values = ffi.new("uint32_t[]", _WORDS)
        self._trap = ffi.new("uintptr_t *")
        self._inner_trap = ffi.new("uintptr_t *")
        self._found: dict[str, object] = {}
        self._error: BaseException | None = None
        self._serial = 0
        self._seen = -1
        self._ticks = 0
        self.dead = False
        """It trapped: nothing can be called any more."""
        self._store: object | None = lib.wasmtime_store_new(self._engine.pointer, ffi.NULL, ffi.NULL)
        self._engine.instance_made()
        self._context = lib.wasmtime_store_context(self._store)
        lib.wasmtime_store_limiter(self._store, memory_limit, _MAX_TABLE, 1, 16, 1)
        epoch = ffi.callback("headgate_epoch_function", self._on_epoch, error=0)
        self._callbacks.append(epoch)
        lib.wasmtime_store_epoch_deadline_callback(self._store, epoch, ffi.NULL, ffi.NULL)
        lib.wasmtime_context_set_epoch_deadline(self._context, 1)
        self._instance = ffi.new("wasmtime_instance_t *")
        try:
            self._instantiate(module, functions)
            self._allocator: object | None = self._function_of(("proxy_on_memory_allocate", "malloc"))
            self.memory: Final = GuestMemory(self._context, self._memory_of(), self._allocate)
        except BaseException:
            self.close()
            raise

    # --- making

    def _instantiate(self, module: Module, functions: Functions) -> None:
        linker = lib.wasmtime_linker_new(self._engine.pointer)
        try:
            for item in {(item.module, item.name): item for item in module.imports}.values():
                signature, function = functions[item.module, item.name]
                fault = _PROXY_FAULT if item.module == "env" else _WASI_FAULT
                callback = ffi.callback("headgate_host_function", adapter(signature, function, fault), error=0, onerror=self._on_host_error)
                self._callbacks.append(callback)
                self._define(linker, item.module.encode(), item.name.encode(), signature, callback)
            self._serial += 1
            trap = ffi.cast("wasm_trap_t **", self._trap)
            error = int(ffi.cast("uintptr_t", lib.wasmtime_linker_instantiate(linker, self._context, module.pointer, self._instance, trap)))
            if error or self._trap[0]:
                raise ModuleError(f"the module cannot be instantiated: {self._failure(error, self._trap)}")
        finally:
            lib.wasmtime_linker_delete(linker)

    @staticmethod
    def _define(linker: object, module: bytes, name: bytes, signature: Signature, callback: object) -> None:
        type_ = function_type(signature)
        error = lib.wasmtime_linker_define_func_unchecked(linker, module, len(module), name, len(name), type_, callback, ffi.NULL, ffi.NULL)
        lib.wasm_functype_delete(type_)
        if error:
            raise load_error(error)

    def _memory_of(self) -> object:
        return export_of(self._context, self._instance, "memory", "wasmtime_memory_t *")

    def _function_of(self, names: tuple[str, ...]) -> object | None:
        for name in names:
            if name in self._exports:
                return self.function(name)
        return None

    def close(self) -> None:
        """Free everything. Nothing can be called after this."""
        store, self._store = self._store, None
        if store is not None:
            self.dead = True
            memory = getattr(self, "memory", None)
            if memory is not None:
                memory.close()
            lib.wasmtime_store_delete(store)
            self._callbacks.clear()
            self._engine.instance_gone()

    def __del__(self) -> None:
        if getattr(self, "_store", None) is not None:
            self.close()

    # --- calling

    def function(self, name: str) -> object:
        """An exported function, to be called with :meth:`call`.

        :raises ModuleError: if there is none of that name
        """
        found = self._found.get(name)
        if found is None:
            found = export_of(self._context, self._instance, name, "wasmtime_func_t *") if name in self._exports else None
            if found is None:
                raise ModuleError(f"the module exports no function {name}")
            self._found[name] = found
        return found

    def call(self, function: object, first: int = 0, second: int = 0, third: int = 0) -> int:
        """Call a function of up to three i32 parameters; returns its i32 result (without one, something without meaning).

        :raises GuestError: if it traps, or has trapped before
        """
        if self.dead:
            raise GuestError("the instance has failed before")
        values = self._values
        values[0] = first
        values[4] = second
        values[8] = third
        self._serial += 1
        trap = self._trap
        error = _CALL(self._context, function, values, _WORDS // 4, trap)
        if error or trap[0]:
            raise self._failure(error, trap)
        return values[0]  # type: ignore[no-any-return]  # cdata

    def call_many(self, function: object, arguments: tuple[int, ...]) -> int:
        """The same with any number of i32 parameters."""
        for i, value in enumerate(arguments[3:], 3):
            self._values[4 * i] = value
        padded = (*arguments[:3], 0, 0, 0)
        return self.call(function, padded[0], padded[1], padded[2])

    def _allocate(self, size: int) -> int:
        """Called from within host functions: the guest allocates."""
        if self._allocator is None:
            raise GuestError("the module exports neither proxy_on_memory_allocate nor malloc")
        if self.dead:
            raise GuestError("the instance has failed before")
        values = self._inner_values
        values[0] = size
        error = _CALL(self._context, self._allocator, values, _WORDS // 4, self._inner_trap)
        if error or self._inner_trap[0]:
            raise self._failure(error, self._inner_trap)
        return values[0]  # type: ignore[no-any-return]  # cdata

    # --- failing

    def _failure(self, error: int, trap_at: Words) -> WasmError:
        """The exception for a failed call; what a host function raised comes first."""
        self.dead = True
        trap = trap_at[0]
        trap_at[0] = 0
        failure = guest_error(ffi.cast("wasmtime_error_t *", error), ffi.cast("wasm_trap_t *", trap))
        raised, self._error = self._error, None
        if raised is None:
            return failure
        if isinstance(raised, WasmError):
            return raised
        failure.__cause__ = raised
        return failure

    def _on_host_error(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> int:
        """A host function raised: remember it, and trap."""
        if self._error is None:
            self._error = error
        text = f"host function: {kind.__name__}: {error}".encode()
        return int(ffi.cast("uintptr_t", lib.wasmtime_trap_new(text, len(text))))

    def _on_epoch(self, context: object, data: object, delta: Words, kind: Words) -> int:
        """The clock has ticked while a call is under way, or between two."""
        if self._seen != self._serial:
            self._seen = self._serial
            self._ticks = 0
        self._ticks += 1
        if (self._ticks - 1) * TICK >= self._time_limit:
            return int(ffi.cast("uintptr_t", lib.wasmtime_error_new(INTERRUPTED.encode())))
        delta[0] = 1
        kind[0] = 0
        return 0


def check_imports(module: Module, functions: Functions) -> None:
    """Make sure that a module imports nothing that is not there.

    :raises ModuleError: naming everything that is missing or of another type
    """
    missing: list[str] = []
    for item in module.imports:
        known = functions.get((item.module, item.name))
        if item.signature is None:
            missing.append(f"{item.kind} {item.module}.{item.name}")
        elif known is None:
            missing.append(f"function {item.module}.{item.name}{item.signature}")
        elif known[0] != item.signature:
            missing.append(f"function {item.module}.{item.name}{item.signature}, which here is {known[0]}")
    if missing:
        raise ModuleError("the module imports what this host does not have: " + "; ".join(missing))
