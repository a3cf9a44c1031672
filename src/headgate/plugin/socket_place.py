"""Where a plugin listens: a unix socket that only its own user can reach, or a port on the loopback interface."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress

_DIRECTORIES = ("HEADGATE_PLUGIN_SOCKET_DIR", "PLUGIN_UNIX_SOCKET_DIR")
_MAX_PATH = 107
"""Bytes of a socket's path on Linux."""


class SocketPlace:
    """A socket that listens.

    :param network: ``unix`` or ``tcp``
    :param environment: ``HEADGATE_PLUGIN_SOCKET_DIR`` or ``PLUGIN_UNIX_SOCKET_DIR``: the proxy's directory for the socket, otherwise a
        private temporary one; ``PLUGIN_MIN_PORT`` and ``PLUGIN_MAX_PORT``: the range for ``tcp``
    :raises ValueError: for another network
    :raises OSError: if there is no room
    :ivar address: as in the handshake line
    """

    def __init__(self, network: str, environment: Mapping[str, str]) -> None:
        self._made_directory = ""
        self._path = ""
        if network == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            self.address = self._path = self._bind_unix(environment)
        elif network == "tcp":
            self.socket = socket.socket(socket.AF_INET)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.address = f"127.0.0.1:{self._bind_tcp(environment)}"
        else:
            raise ValueError(f"a plugin listens on 'unix' or 'tcp', not {network!r}")
        self.socket.listen(128)
        self.socket.setblocking(False)

    def _bind_unix(self, environment: Mapping[str, str]) -> str:
        for variable in _DIRECTORIES:
            directory = environment.get(variable, "")
            path = os.path.join(directory, f"plugin-{os.getpid()}.sock")
            if os.path.isdir(directory) and len(os.fsencode(path)) <= _MAX_PATH:
                break
        else:
            # Mode 0700. A long $TMPDIR leaves no room for a socket's name.
            long = len(os.fsencode(tempfile.gettempdir())) > _MAX_PATH - 50
            self._made_directory = tempfile.mkdtemp(prefix="headgate-plugin-", dir="/tmp" if long else None)
            path = os.path.join(self._made_directory, "plugin.sock")
        with suppress(FileNotFoundError):
            os.unlink(path)
        self.socket.bind(path)
        os.chmod(path, 0o600)
        return path

    def _bind_tcp(self, environment: Mapping[str, str]) -> int:
        try:
            first, last = int(environment["PLUGIN_MIN_PORT"]), int(environment["PLUGIN_MAX_PORT"])
        except (KeyError, ValueError):
            first = last = 0
        start = first + os.getpid() % (last - first + 1) if last > first else first  # plugins that start together look in different places
        for offset in range(max(last - first + 1, 1)):
            port = first + (start - first + offset) % max(last - first + 1, 1)
            with suppress(OSError):
                self.socket.bind(("127.0.0.1", port))
                return int(self.socket.getsockname()[1])
        raise OSError(f"no free port from {first} to {last}")

    def remove(self) -> None:
        """Close the socket and remove what it has left in the file system."""
        self.socket.close()
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)
        if self._made_directory:
            shutil.rmtree(self._made_directory, ignore_errors=True)
