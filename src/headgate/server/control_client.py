"""The other end of the control socket: asks a running proxy. Blocking, for commands and tests."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from headgate.api.errors import ServerError
from headgate.server.channel import Message


class NotRunning(ServerError):
    """Nobody answers on the control socket."""


class ControlClient:
    """One connection to the control socket of a running proxy.

    :param path: the socket
    :raises NotRunning: if nobody answers there
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            if isinstance(error, PermissionError):
                raise ServerError(f"control socket {path}: not permitted; it belongs to the user who started the proxy") from None
            raise NotRunning(f"not running: nobody answers on the control socket {path}") from None
        self._file = self._socket.makefile("rb")

    def ask(self, command: str, timeout: float, **fields: object) -> Message:
        """Send a request and wait for its answer, whether it went well or not.

        :param timeout: seconds to wait
        :raises ServerError: if there is no answer
        """
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(json.dumps({"command": command, **fields}).encode() + b"\n")
            line = self._file.readline()
        except TimeoutError:
            raise ServerError(f"no answer on {self._path} within {timeout:g} s") from None
        except OSError as error:
            raise ServerError(f"control socket {self._path}: {(error.strerror or str(error)).lower()}") from None
        if not line:
            raise ServerError(f"the proxy behind {self._path} ended without an answer")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ServerError(f"an answer on {self._path} is no JSON object")
        return answer

    def wait_for_end(self, timeout: float) -> bool:
        """Wait until the proxy has ended, which closes the connection.

        :param timeout: seconds to wait
        :returns: whether it has
        """
        self._socket.settimeout(timeout)
        try:
            return self._file.readline() == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()
