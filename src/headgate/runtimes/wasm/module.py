"""A compiled module and what it imports and exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headgate.runtimes.wasm.engine import Engine
from headgate.runtimes.wasm.errors import ModuleError
from headgate.runtimes.wasm.library import ffi, lib, load_error, name_in

_KINDS: Final = {0: "i", 1: "I", 2: "f", 3: "F"}
_EXTERN_KINDS: Final = ("function", "global", "table", "memory")


@dataclass(frozen=True)
class Signature:
    """A function's type: ``i`` is i32, ``I`` i64, ``f`` f32, ``F`` f64, ``?`` anything else."""

    params: str
    results: str

    def __str__(self) -> str:
        words = {"i": "i32", "I": "i64", "f": "f32", "F": "f64", "?": "reference"}
        return f"({', '.join(words[p] for p in self.params)}) -> ({', '.join(words[r] for r in self.results)})"


@dataclass(frozen=True)
class Import:
    """One import; ``signature`` is None if it is no function."""

    module: str
    name: str
    kind: str
    signature: Signature | None


class Module:
    """Owns one ``wasmtime_module_t``.

    :ivar imports: what it needs
    :ivar functions: the functions that it exports
    :ivar has_memory: it exports ``memory``
    """

    def __init__(self, engine: Engine, pointer: object) -> None:
        self.engine = engine
        self._pointer: object | None = pointer
        self.imports: Final[tuple[Import, ...]] = self._read_imports()
        exports = self._read_exports()
        self.functions: Final[dict[str, Signature]] = {name: signature for name, signature in exports.items() if signature is not None}
        self.has_memory: Final = "memory" in exports and "memory" not in self.functions

    @staticmethod
    def compile(engine: Engine, wasm: bytes) -> Module:
        """Compile; seconds for a module of some megabytes.

        :raises ModuleError: if it is not a valid module
        """
        if wasm[:4] != b"\0asm":
            raise ModuleError("not a WASM module: it does not begin with \\0asm")
        if wasm[4:8] != b"\1\0\0\0":
            kind = "a WASM component, not a core module" if wasm[6:8] == b"\1\0" else "a WASM module of an unknown version"
            raise ModuleError(f"{kind}; proxy-wasm needs a core module of version 1")
        out = ffi.new("wasmtime_module_t **")
        error = lib.wasmtime_module_new(engine.pointer, ffi.from_buffer(wasm), len(wasm), out)
        if error:
            raise load_error(error)
        return Module(engine, out[0])

    @staticmethod
    def deserialize(engine: Engine, code: bytes) -> Module:
        """Take up what :meth:`serialize` gave. It is run as machine code: it must come from a place that only we can write.

        :raises ModuleError: if it is of another wasmtime, processor or setting
        """
        out = ffi.new("wasmtime_module_t **")
        error = lib.wasmtime_module_deserialize(engine.pointer, ffi.from_buffer(code), len(code), out)
        if error:
            raise load_error(error)
        return Module(engine, out[0])

    def serialize(self) -> bytes:
        """The compiled code."""
        out = ffi.new("wasm_byte_vec_t *")
        error = lib.wasmtime_module_serialize(self.pointer, out)
        if error:
            raise load_error(error)
        code = bytes(ffi.buffer(out.data, out.size))
        lib.wasm_byte_vec_delete(out)
        return code

    @property
    def pointer(self) -> object:
        """The C object.

        :raises ModuleError: after :meth:`close`
        """
        if self._pointer is None:
            raise ModuleError("the module has been closed")
        return self._pointer

    def close(self) -> None:
        """Free it; instances keep what they need of it."""
        if self._pointer is not None:
            lib.wasmtime_module_delete(self._pointer)
            self._pointer = None

    def __del__(self) -> None:
        self.close()

    def _read_imports(self) -> tuple[Import, ...]:
        vector = ffi.new("wasm_importtype_vec_t *")
        lib.wasmtime_module_imports(self.pointer, vector)
        found: list[Import] = []
        for i in range(vector.size):
            item = vector.data[i]
            kind = lib.wasm_externtype_kind(lib.wasm_importtype_type(item))
            found.append(
                Import(
                    name_in(lib.wasm_importtype_module(item)),
                    name_in(lib.wasm_importtype_name(item)),
                    _EXTERN_KINDS[kind] if kind < len(_EXTERN_KINDS) else "item",
                    _signature(lib.wasm_importtype_type(item)) if kind == 0 else None,
                )
            )
        lib.wasm_importtype_vec_delete(vector)
        return tuple(found)

    def _read_exports(self) -> dict[str, Signature | None]:
        vector = ffi.new("wasm_exporttype_vec_t *")
        lib.wasmtime_module_exports(self.pointer, vector)
        found: dict[str, Signature | None] = {}
        for i in range(vector.size):
            item = vector.data[i]
            type_ = lib.wasm_exporttype_type(item)
            kind = lib.wasm_externtype_kind(type_)
            if kind in (0, 3):
                found[name_in(lib.wasm_exporttype_name(item))] = _signature(type_) if kind == 0 else None
        lib.wasm_exporttype_vec_delete(vector)
        return found


def _signature(extern_type: object) -> Signature:
    function = lib.wasm_externtype_as_functype_const(extern_type)
    return Signature(_letters(lib.wasm_functype_params(function)), _letters(lib.wasm_functype_results(function)))


def _letters(vector: object) -> str:
    data, size = vector.data, vector.size  # type: ignore[attr-defined]  # cdata
    return "".join(_KINDS.get(lib.wasm_valtype_kind(data[i]), "?") for i in range(size))


def function_type(signature: Signature) -> object:
    """A new ``wasm_functype_t``; whoever asked frees it with ``wasm_functype_delete``."""
    return lib.wasm_functype_new(_vector(signature.params), _vector(signature.results))


def _vector(letters: str) -> object:
    numbers = {letter: number for number, letter in _KINDS.items()}
    types = [lib.wasm_valtype_new(numbers[letter]) for letter in letters]
    vector = ffi.new("wasm_valtype_vec_t *")
    lib.wasm_valtype_vec_new(vector, len(types), ffi.new("wasm_valtype_t *[]", types) if types else ffi.NULL)
    return vector
