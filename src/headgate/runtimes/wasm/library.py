"""wasmtime's C library, as it lies in the wheel of the ``wasmtime`` package, opened through cffi.

The package's own layer, ctypes, costs 18 us a call and 9 us a host call; through cffi in its ABI mode, on the same file, both cost well
under 1 us, and nothing has to be compiled. The package itself is not imported for that.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headgate.runtimes.wasm.c_declarations import DECLARATIONS
from headgate.runtimes.wasm.errors import GuestError, GuestTimeout, ModuleError, WasmUnavailable

if TYPE_CHECKING:
    from headgate.runtimes.wasm.errors import WasmError

try:
    # Not by an import statement: cffi has no types, and what it makes of C declarations could have none.
    cffi: Final = importlib.import_module("cffi")
except ImportError:
    raise WasmUnavailable("WASM filters need cffi and wasmtime: pip install wasmtime cffi") from None

KNOWN_MAJOR: Final = 50
"""The major version whose interface the declarations were checked against. Others are compared when they are opened."""

INTERRUPTED: Final = "interrupted: it ran past its time limit"

_FRAMES: Final = 8
"""Frames of a backtrace that are shown."""

ffi: Final[Any] = cffi.FFI()
ffi.cdef(DECLARATIONS)


def _installed() -> tuple[str, Path]:
    spec = importlib.util.find_spec("wasmtime")
    if spec is None or spec.origin is None:
        raise WasmUnavailable("WASM filters need cffi and wasmtime: pip install wasmtime cffi")
    files = sorted(Path(spec.origin).parent.glob("*/_*wasmtime*"))
    if len(files) != 1:
        raise WasmUnavailable(f"the wasmtime package at {Path(spec.origin).parent} holds no library for this platform")
    return importlib.metadata.version("wasmtime"), files[0]


VERSION, _FILE = _installed()
"""Version of the installed wasmtime."""
if int(VERSION.split(".")[0]) < KNOWN_MAJOR:
    raise WasmUnavailable(f"WASM filters need wasmtime {KNOWN_MAJOR} or newer, not {VERSION}: pip install -U wasmtime")
try:
    lib: Final[Any] = ffi.dlopen(str(_FILE))
except OSError as error:
    raise WasmUnavailable(f"wasmtime {VERSION} cannot be opened: {error}") from None


FUNCTIONS: Final = tuple(re.findall(r"\b(wasm\w+)\(", DECLARATIONS))
"""Names of the functions that are used."""

if int(VERSION.split(".")[0]) != KNOWN_MAJOR:
    from headgate.runtimes.wasm.abi_check import differences

    _found = differences(ffi, lib, FUNCTIONS)
    if _found:
        raise WasmUnavailable(f"wasmtime {VERSION} has another binary interface than {KNOWN_MAJOR}: {'; '.join(_found)}")


def text_of(vector: object) -> str:
    """The text in a ``wasm_byte_vec_t *``, which is then freed."""
    text = name_in(vector)
    lib.wasm_byte_vec_delete(vector)
    return text.rstrip("\0")


def name_in(vector: Any) -> str:
    """The text in a ``wasm_byte_vec_t`` that belongs to something else."""
    return bytes(ffi.buffer(vector.data, vector.size)).decode("utf-8", "replace") if vector.size else ""


def export_of(context: object, instance: object, name: str, pointer_type: str) -> object | None:
    """A copy of what an instance exports under a name; None if there is nothing.

    :param pointer_type: ``wasmtime_func_t *`` or ``wasmtime_memory_t *``: what it is known to be
    """
    item = ffi.new("wasmtime_extern_t *")
    encoded = name.encode()
    if not lib.wasmtime_instance_export_get(context, instance, encoded, len(encoded), item):
        return None
    found: object = ffi.new(pointer_type, item.of.memory if pointer_type == "wasmtime_memory_t *" else item.of.func)
    return found


def load_error(error: object) -> ModuleError:
    """A ``wasmtime_error_t`` about a module, which is then freed, as an exception."""
    out = ffi.new("wasm_byte_vec_t *")
    lib.wasmtime_error_message(error, out)
    lib.wasmtime_error_delete(error)
    return ModuleError(text_of(out))


def guest_error(error: object, trap: object) -> WasmError:
    """What a call into a guest came back with, freed, as an exception: a ``wasmtime_error_t``, or a ``wasm_trap_t``."""
    out = ffi.new("wasm_byte_vec_t *")
    frames = ffi.new("wasm_frame_vec_t *")
    if error:
        lib.wasmtime_error_message(error, out)
        lib.wasmtime_error_wasm_trace(error, frames)
    else:
        lib.wasm_trap_message(trap, out)
        lib.wasm_trap_trace(trap, frames)
    names = tuple(_frame_name(frames.data[i]) for i in range(min(frames.size, _FRAMES)))
    lib.wasm_frame_vec_delete(frames)  # a frame refers to its trap: it goes first
    if error:
        lib.wasmtime_error_delete(error)
    else:
        lib.wasm_trap_delete(trap)
    message = _essence(text_of(out))
    return GuestTimeout(message, names) if message == INTERRUPTED else GuestError(message, names)


def _frame_name(frame: object) -> str:
    name = lib.wasmtime_frame_func_name(frame)
    return name_in(name) if name else f"function {lib.wasm_frame_func_index(frame)}"


def _essence(message: str) -> str:
    """What went wrong, out of a report of several lines (context, backtrace, causes)."""
    if INTERRUPTED in message:
        return INTERRUPTED
    causes = message.partition("Caused by:")[2].strip() or message
    lines = [line.strip() for line in causes.splitlines() if line.strip() and not re.match(r"\s*\d+:\s+0x|\s*at ", line)]
    return re.sub(r"^\d+:\s+", "", lines[-1]) if lines else "trapped"
