"""The control socket: how ``headgate stop``, ``reload`` and ``status`` speak to a running proxy.

A Unix socket that only its owner may open. A request is one line of JSON, ``{"command": ...}``; the answer is one line of JSON with ``ok``,
and ``errors`` (lines for the user) if it is false. One request after another on one connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from headgate.api.errors import ServerError
from headgate.server.channel import Message
from headgate.server.sockets import bind_unix

CONTROL_MODE: Final = 0o600
_LONGEST_REQUEST: Final = 64 << 10

_LOG: Final = logging.getLogger("headgate.server")

Command = Callable[[Message], Awaitable[Message]]
"""Carries out a request; what it returns goes into the answer. It may raise ServerError with lines for the user."""


def bind_control_socket(path: Path) -> socket.socket:
    """The listening control socket.

    :raises ServerError: if a proxy with the same control socket runs already, or if the socket cannot be made
    """
    try:
        return bind_unix(str(path), CONTROL_MODE)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if "another process answers" in reason:
            raise ServerError(f"already running: a proxy answers on its control socket {path}") from None
        if isinstance(error, FileNotFoundError):
            reason = "its directory does not exist"
        raise ServerError(f"control socket {path}: {reason}") from None


class ControlServer:
    """Answers requests until it is stopped.

    :param commands: by name
    """

    def __init__(self, path: Path, sock: socket.socket, commands: Mapping[str, Command]) -> None:
        self._path = path
        self._sock = sock
        self._commands = commands
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_unix_server(self._serve, sock=self._sock, limit=_LONGEST_REQUEST)

    def stop(self) -> None:
        """Answer no more, and remove the socket."""
        if self._server is not None:
            self._server.close()
        self._sock.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer = await self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            # The caller left, or its line was longer than any request is, or the proxy ends: asyncio takes a cancelled server task
            # for a failure and logs it.
            return
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Message:
        try:
            request = json.loads(line)
        except ValueError:
            return {"ok": False, "errors": ["not a line of JSON"]}
        name = request.get("command") if isinstance(request, dict) else None
        command = self._commands.get(name) if isinstance(name, str) else None
        if command is None:
            return {"ok": False, "errors": [f"unknown command {name!r}; known: {', '.join(self._commands)}"]}
        try:
            return {"ok": True, **await command(request)}
        except ServerError as error:
            return {"ok": False, "errors": str(error).splitlines()}
        except Exception as error:
            _LOG.exception("the command %r failed", name)
            return {"ok": False, "errors": [f"internal error: {type(error).__name__}: {error}"]}
