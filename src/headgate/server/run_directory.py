"""The files by which a running proxy is found: control socket, pid file, ready file.

Where the configuration does not say, they stand in the run directory of the user, under a name made from the configuration file's path; so
``headgate stop -c FILE`` finds the proxy that ``headgate start -c FILE`` started.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from headgate.api.errors import ServerError

_OWNER_ONLY: Final = 0o700


def run_directory() -> Path:
    """The directory for sockets and pid files of this user: ``$XDG_RUNTIME_DIR/headgate``, else ``/tmp/headgate-<uid>``. Made if missing.

    :raises ServerError: if it cannot be made, or if it is not this user's alone: somebody else could put sockets there
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    directory = Path(base, "headgate") if base and os.access(base, os.W_OK) else Path(f"/tmp/headgate-{os.getuid()}")
    try:
        directory.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        status = directory.lstat()
    except OSError as error:
        raise ServerError(f"{directory}: {(error.strerror or str(error)).lower()}") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ServerError(f"{directory}: must be a directory that only user {os.getuid()} can enter; remove it or set XDG_RUNTIME_DIR")
    return directory


def default_control_socket(config_path: Path) -> Path:
    """The control socket of a proxy whose configuration names none.

    :param config_path: the configuration file
    :raises ServerError: if there can be no run directory
    """
    digest = hashlib.sha256(os.fsencode(config_path.absolute())).hexdigest()[:16]
    return run_directory() / f"headgate-{digest}.sock"


def pid_file_beside(control_socket: Path) -> Path:
    """The pid file of a proxy whose configuration names none."""
    return control_socket.with_suffix(".pid")


def write_pid_file(path: Path, pid: int) -> None:
    """Write a process id.

    :raises ServerError: if the file cannot be written
    """
    _write_atomically(path, f"{pid}\n")


def write_ready_file(path: Path, facts: Mapping[str, object]) -> None:
    """Tell whoever waits that all workers serve. The file appears complete or not at all.

    :raises ServerError: if the file cannot be written
    """
    _write_atomically(path, json.dumps(facts) + "\n")


def read_pid_file(path: Path) -> int:
    """The process id in a pid file.

    :raises ServerError: if there is no such file, or if it holds none
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise ServerError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if not text.strip().isdecimal():
        raise ServerError(f"{path}: holds no process id")
    return int(text)


def remove_own_pid_file(path: Path, pid: int) -> None:
    """Remove a pid file, unless another process has written it since."""
    with contextlib.suppress(ServerError, OSError):
        if read_pid_file(path) == pid:
            path.unlink()


def _write_atomically(path: Path, text: str) -> None:
    try:
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(fd, "w") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise ServerError(f"{path}: {(error.strerror or str(error)).lower()}") from None
