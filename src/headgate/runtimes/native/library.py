"""Loading a shared object: looked at first, loaded from a copy in memory, checked for version and exports.

The copy is what allows a file to be replaced under load. The dynamic loader gives out what it has when it meets a name or an inode
again, and overwriting a file in place would change code that is running; a file in memory of its own has neither problem.
"""

from __future__ import annotations

import itertools
import logging
import os
from pathlib import Path
from typing import Final

from headgate.runtimes.native import abi, elf
from headgate.runtimes.native.abi import FFI, Pointer
from headgate.runtimes.native.elf import UnloadableError

_LOG: Final = logging.getLogger("headgate.native")
_loaded: Final = itertools.count(1)


class Library:
    """One loaded shared object.

    :ivar path: the file that it was read from
    :ivar phase: what the module says of itself, as are ``request_body``, ``response_body`` and ``features``
    :raises UnloadableError: if it cannot be loaded, or is no module for this Headgate
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UnloadableError(f"{path}: {error.strerror or error}") from None
        elf.inspect(path, content)
        self._library = _load(path, content)
        try:
            self._check()
        except UnloadableError:
            if not elf.is_go(content):
                self._unload()
            raise

    def _check(self) -> None:
        path = self.path
        self._check_version()
        for name in abi.REQUIRED:
            if not self.has(name):
                raise UnloadableError(f"{path} does not export {name}", "see headgate_filter.h (`headgate include-dir`)")
        self.hooks = [hook for hook, name in abi.HOOKS.items() if self.has(name)]
        if not self.hooks:
            raise UnloadableError(f"{path} exports no hook", "such as headgate_on_request; see headgate_filter.h (`headgate include-dir`)")
        self.phase, self.request_body, self.response_body, self.features = self._info()
        if self.has("headgate_filter_create") != self.has("headgate_filter_destroy"):
            raise UnloadableError(f"{path} exports only one of headgate_filter_create and headgate_filter_destroy")

    def has(self, name: str) -> bool:
        """Whether the module exports this function."""
        try:
            getattr(self._library, name)
        except AttributeError:
            return False
        return True

    def function(self, name: str) -> Pointer | None:
        """An export, or None."""
        return getattr(self._library, name) if self.has(name) else None

    def close(self) -> bool:
        """Unload it, if it promised to be ready for that. Nothing of it may be used afterwards.

        :returns: whether it was unloaded
        """
        if not self.features & abi.MAY_UNLOAD:
            return False
        self._unload()
        return True

    def _unload(self) -> None:
        FFI.dlclose(self._library)

    def _check_version(self) -> None:
        if not self.has("headgate_abi_version"):
            raise UnloadableError(f"{self.path} does not export headgate_abi_version", "see headgate_filter.h (`headgate include-dir`)")
        version = int(self._library.headgate_abi_version())
        major, minor = version >> 16, version & 0xFFFF
        if major != abi.ABI_MAJOR:
            raise UnloadableError(
                f"{self.path} speaks version {major}.{minor} of the filter ABI, this Headgate {abi.ABI_MAJOR}.{abi.ABI_MINOR}",
                "build it with the headgate_filter.h that `headgate include-dir` names",
            )

    def _info(self) -> tuple[int, int, int, int]:
        if not self.has("headgate_module_info"):
            return 0, 0, 0, 0
        info = self._library.headgate_module_info()
        if info == FFI.NULL:
            raise UnloadableError(f"{self.path}: headgate_module_info returned NULL")
        if info.size < 24:
            raise UnloadableError(f"{self.path}: headgate_module_info gave a structure of {info.size} bytes", "set size to its sizeof")
        phase, request_body, response_body = int(info.phase), int(info.request_body), int(info.response_body)
        if phase > 2 or request_body > 2 or response_body > 2:
            raise UnloadableError(f"{self.path}: headgate_module_info gave phase {phase}, bodies {request_body} and {response_body}")
        return phase, request_body, response_body, int(info.features)


def _load(path: Path, content: bytes) -> Pointer:
    fd = os.memfd_create(path.name[:200], os.MFD_CLOEXEC)
    name = _new_name(fd)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(content)
        return FFI.dlopen(name, FFI.RTLD_NOW | FFI.RTLD_LOCAL)
    except OSError as error:
        reason = str(error).removeprefix(f"cannot load library '{name}': ").replace(name, str(path))
        raise UnloadableError(f"{path} cannot be loaded: {reason}") from None
    finally:
        os.close(fd)


def _new_name(fd: int) -> str:
    """A path of an open file that no library was loaded by before.

    The dynamic loader takes what it has if it knows the name, and numbers of descriptors come again: this one is closed once the library is
    loaded, or a module that stays loaded would keep one for each reload. So a count is in the name, in parts that mean nothing in a path.
    """
    count = "".join("./" if bit == "1" else "/" for bit in f"{next(_loaded):b}")
    return f"/proc/self/fd/{count}{fd}"
