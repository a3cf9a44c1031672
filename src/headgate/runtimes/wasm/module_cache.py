"""Compiled modules on disk, so that a module is compiled once and not by each worker and start.

What lies there is run as machine code, so only a folder is used that belongs to us, that nobody else may enter, and that is no link; else
modules are compiled without it, with a warning. A lock file for each module has one worker compile while the others wait.
The folder: ``$HEADGATE_WASM_CACHE``, else ``headgate/wasm`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import stat
from pathlib import Path
from typing import Final

from headgate.runtimes.wasm.engine import SETTINGS, Engine
from headgate.runtimes.wasm.errors import ModuleError
from headgate.runtimes.wasm.module import Module

_LOG: Final = logging.getLogger("headgate.wasm")
VARIABLE: Final = "HEADGATE_WASM_CACHE"


def folder() -> Path:
    """Where compiled modules lie."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "headgate" / "wasm"


def load(engine: Engine, wasm: bytes) -> Module:
    """A module, compiled or taken from the cache.

    :raises ModuleError: if it is not a valid module
    """
    place = _usable_folder()
    if place is None:
        return Module.compile(engine, wasm)
    key = hashlib.sha256(SETTINGS.encode() + b"\0" + wasm).hexdigest()
    lock = os.open(place / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _cached(engine, wasm, place / f"{key}.cwasm")
    finally:
        os.close(lock)


def _cached(engine: Engine, wasm: bytes, file: Path) -> Module:
    code = _read(file)
    if code is not None:
        try:
            return Module.deserialize(engine, code)
        except ModuleError as error:
            _LOG.info("wasm: %s is compiled again: %s", file, error)
    module = Module.compile(engine, wasm)
    try:
        _write(file, module.serialize())
    except OSError as error:
        _LOG.warning("wasm: the compiled module cannot be kept: %s", error)
    return module


def _usable_folder() -> Path | None:
    place = folder()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()
    except OSError as error:
        _LOG.warning("wasm: no cache of compiled modules: %s", error)
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        _LOG.warning("wasm: %s is not used as a cache: it must be a folder of ours that nobody else may enter (0700)", place)
        return None
    return place


def _read(file: Path) -> bytes | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    with open(descriptor, "rb") as opened:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            _LOG.warning("wasm: %s is not ours alone and is not used", file)
            return None
        return opened.read()


def _write(file: Path, code: bytes) -> None:
    temporary = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as opened:
        opened.write(code)
    temporary.replace(file)
