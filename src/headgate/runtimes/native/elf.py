"""A look at a shared object before it is loaded: what the loader's own messages would leave unexplained.

Follows the ELF specification (System V ABI, chapter 4): identification, machine, and the names in the section header table.
"""

from __future__ import annotations

import platform
import struct
from pathlib import Path
from typing import Final

_MACHINES: Final = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64", 22: "s390x", 21: "ppc64le"}
_SHARED: Final = 3


class UnloadableError(ValueError):
    """This file cannot be loaded; the message says why and what to do.

    :ivar hint: what to do
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


def is_shared_object(path: Path) -> bool:
    """Whether a file begins as ELF files do."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def inspect(path: Path, content: bytes) -> None:
    """See whether a file can be a filter for this machine.

    :raises UnloadableError: if not
    """
    if content[:4] != b"\x7fELF" or len(content) < 64:
        raise UnloadableError(f"{path} is not a shared object", "an ELF file is expected, as `cc -shared -fPIC` makes it")
    if content[4] != 2 or content[5] != 1:
        raise UnloadableError(f"{path} is not a 64-bit little-endian shared object")
    kind, machine = struct.unpack_from("<HH", content, 16)
    if _MACHINES.get(machine, str(machine)) != platform.machine():
        name = _MACHINES.get(machine, f"machine {machine}")
        raise UnloadableError(f"{path} was built for {name}, this machine is {platform.machine()}")
    if kind != _SHARED:
        raise UnloadableError(f"{path} is an ELF file, but not a shared object", "link it with -shared")
    if is_go_plugin(content):
        raise UnloadableError(
            f"{path} is a Go plugin (-buildmode=plugin), which only the Go program that it was built with can load",
            "build it with -buildmode=c-shared against headgate_filter.h, or run it as a plugin process",
        )


def is_go(content: bytes) -> bool:
    """Whether Go made this file, whose runtime cannot be unloaded: its linker leaves the mark of ``debug/buildinfo``."""
    return b"\xff Go buildinf:" in content


def is_go_plugin(content: bytes) -> bool:
    """Whether this is what ``go build -buildmode=plugin`` makes: Go's linker names the plugin's path in a symbol of its own."""
    return b"go:link.thispluginpath" in content or b"go.link.thispluginpath" in content
