"""What can go wrong with a WASM module.

::

    ExtensionError
    `-- WasmError
        |-- WasmUnavailable     wasmtime or cffi is not installed, or a version whose binary interface is not the known one
        |-- ModuleError         a file that is no module, an import that is not there, a wrong signature: found at load
        `-- GuestError          the guest is at fault while it runs; its instance is of no use any more
            `-- GuestTimeout    it ran past its time limit and was interrupted
"""

from __future__ import annotations

from headgate.api.errors import ExtensionError


class WasmError(ExtensionError):
    """Root of the errors of WASM modules."""


class WasmUnavailable(WasmError):
    """The library that runs modules cannot be used; the message says what to install."""


class ModuleError(WasmError):
    """A module that cannot be loaded."""


class GuestError(WasmError):
    """A guest trapped.

    :ivar backtrace: the guest's frames, innermost first, by name where the module has names
    """

    def __init__(self, message: str, backtrace: tuple[str, ...] = ()) -> None:
        self.backtrace = backtrace
        super().__init__(f"{message} (in {' < '.join(backtrace)})" if backtrace else message)


class GuestTimeout(GuestError):
    """A guest ran past its time limit and was interrupted."""


class InvalidMemory(Exception):
    """A guest passed a pointer outside of its memory: the host function answers INVALID_MEMORY_ACCESS."""
