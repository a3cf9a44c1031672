"""The part of WASI (preview 1) that guests need: output to the log, clock, random numbers, environment.

Everything else that Go's and other runtimes import is there and answers ENOTCAPABLE: a guest has no files and no sockets.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Final

from headgate.runtimes.wasm.errors import GuestError
from headgate.runtimes.wasm.host.general import MAX_LOG_LINE
from headgate.runtimes.wasm.host_call import HostFunction
from headgate.runtimes.wasm.module import Signature

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")

_SUCCESS: Final = 0
_BADF: Final = 8
_INVALID: Final = 28
_NOTCAPABLE: Final = 76
_MAX_RANDOM: Final = 1024 * 1024
_MAX_PIECES: Final = 1024

_REFUSED: Final = {
    "clock_res_get": "ii",
    "fd_advise": "iIIi",
    "fd_allocate": "iII",
    "fd_close": "i",
    "fd_datasync": "i",
    "fd_fdstat_set_flags": "ii",
    "fd_fdstat_set_rights": "iII",
    "fd_filestat_get": "ii",
    "fd_filestat_set_size": "iI",
    "fd_filestat_set_times": "iIIi",
    "fd_pread": "iiiIi",
    "fd_prestat_dir_name": "iii",
    "fd_pwrite": "iiiIi",
    "fd_read": "iiii",
    "fd_readdir": "iiiIi",
    "fd_renumber": "ii",
    "fd_seek": "iIii",
    "fd_sync": "i",
    "fd_tell": "ii",
    "path_create_directory": "iii",
    "path_filestat_get": "iiiii",
    "path_filestat_set_times": "iiiiIIi",
    "path_link": "iiiiiii",
    "path_open": "iiiiiIIii",
    "path_readlink": "iiiiii",
    "path_remove_directory": "iii",
    "path_rename": "iiiiii",
    "path_symlink": "iiiii",
    "path_unlink_file": "iii",
    "poll_oneoff": "iiii",
    "proc_raise": "i",
    "sock_accept": "iii",
    "sock_recv": "iiiiii",
    "sock_send": "iiiii",
    "sock_shutdown": "ii",
}


class _Wasi:
    """Named as in WASI."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        self._lines = {1: b"", 2: b""}

    def fd_write(self, descriptor: int, pieces: int, count: int, ret: int) -> int:
        """Standard output and error go to the log, line by line."""
        if descriptor not in self._lines:
            return _BADF
        if count > _MAX_PIECES:
            return _INVALID
        memory = self._vm.memory
        data = b"".join([memory.read(memory.read_u32(pieces + 8 * i), memory.read_u32(pieces + 8 * i + 4)) for i in range(count)])
        memory.write_u32(ret, len(data))
        *lines, rest = (self._lines[descriptor] + data).split(b"\n")
        if len(rest) > MAX_LOG_LINE:
            lines.append(rest)
            rest = b""
        self._lines[descriptor] = rest
        for line in lines:
            level = logging.INFO if descriptor == 1 else logging.ERROR
            _LOG.log(level, "wasm %s: %s", self._vm.current.plugin.name, line[:MAX_LOG_LINE].decode("utf-8", "replace"))
        return _SUCCESS

    def clock_time_get(self, clock: int, precision: int, ret: int) -> int:
        """0: time of day; 1: monotonic."""
        if clock > 1:
            return _INVALID
        self._vm.memory.write_u64(ret, time.time_ns() if clock == 0 else time.monotonic_ns())
        return _SUCCESS

    def random_get(self, pointer: int, length: int) -> int:
        """Random bytes."""
        if length > _MAX_RANDOM:
            return _INVALID
        self._vm.memory.write(pointer, os.urandom(length))
        return _SUCCESS

    def environ_sizes_get(self, ret_count: int, ret_size: int) -> int:
        """Number and size of the environment's variables."""
        variables = self._environment()
        self._vm.memory.write_u32(ret_count, len(variables))
        self._vm.memory.write_u32(ret_size, sum(map(len, variables)))
        return _SUCCESS

    def environ_get(self, pointers: int, at: int) -> int:
        """The environment's variables."""
        memory = self._vm.memory
        for i, variable in enumerate(self._environment()):
            memory.write_u32(pointers + 4 * i, at)
            memory.write(at, variable)
            at += len(variable)
        return _SUCCESS

    def _environment(self) -> list[bytes]:
        return [f"{name}={value}".encode() + b"\0" for name, value in self._vm.settings.environment]

    def args_sizes_get(self, ret_count: int, ret_size: int) -> int:
        """There are no arguments."""
        self._vm.memory.write_u32(ret_count, 0)
        self._vm.memory.write_u32(ret_size, 0)
        return _SUCCESS

    def args_get(self, pointers: int, at: int) -> int:
        """There are no arguments."""
        return _SUCCESS

    def fd_prestat_get(self, descriptor: int, ret: int) -> int:
        """There are no directories: what a runtime asks first, until it hears this."""
        return _BADF

    def fd_fdstat_get(self, descriptor: int, ret: int) -> int:
        """Standard input, output and error are character devices."""
        if descriptor > 2:
            return _BADF
        self._vm.memory.write(ret, b"\2" + bytes(23))
        return _SUCCESS

    def sched_yield(self) -> int:
        """There is one thread."""
        return _SUCCESS

    def proc_exit(self, code: int) -> int:
        """The guest gives up."""
        raise GuestError(f"the guest called exit({code})")


_TYPES: Final = {
    "fd_write": "iiii",
    "clock_time_get": "iIi",
    "random_get": "ii",
    "environ_sizes_get": "ii",
    "environ_get": "ii",
    "args_sizes_get": "ii",
    "args_get": "ii",
    "fd_prestat_get": "ii",
    "fd_fdstat_get": "ii",
    "sched_yield": "",
}


def _refuse(*_: int) -> int:
    return _NOTCAPABLE


def wasi_functions(vm: Vm) -> dict[tuple[str, str], tuple[Signature, HostFunction]]:
    """WASI under both names that guests import it by."""
    wasi = _Wasi(vm)
    functions: dict[str, tuple[Signature, HostFunction]] = {name: (Signature(params, "i"), _refuse) for name, params in _REFUSED.items()}
    functions.update({name: (Signature(params, "i"), getattr(wasi, name)) for name, params in _TYPES.items()})
    functions["proc_exit"] = (Signature("i", ""), wasi.proc_exit)
    return {(module, name): found for module in ("wasi_snapshot_preview1", "wasi_unstable") for name, found in functions.items()}
