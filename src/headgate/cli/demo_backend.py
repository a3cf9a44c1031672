"""The backend of the quickstart: a small HTTP/1.1 server that answers every request with what it saw of it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from typing import Final

from headgate.api.errors import ServerError

_LONGEST_LINE: Final = 64 << 10
_MOST_HEADERS: Final = 200


class DemoBackend:
    """Answers with 200 and a text that names method, target and headers of the request.

    :param port: where it listens on 127.0.0.1; 0 lets the kernel choose
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen.

        :raises ServerError: if the port cannot be listened on
        """
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_LONGEST_LINE)
        except OSError as error:
            reason = "port already in use by another process" if error.errno == errno.EADDRINUSE else str(error.strerror)
            raise ServerError(
                f"the demo's backend cannot listen on 127.0.0.1:{self.port}: {reason}; choose another with --backend-port"
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end: asyncio takes a cancelled server task for a failure and logs it.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
            while await self._answer_one(reader, writer):
                await writer.drain()
        writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request_line = (await reader.readline()).decode("latin-1").strip()
        if not request_line:
            return False
        headers: dict[str, str] = {}
        while line := (await reader.readline()).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > _MOST_HEADERS:
                return False
        size = await _read_body(reader, headers)
        seen = "".join(f"{name}: {value}\n" for name, value in headers.items())
        body = f"Hello from the backend on port {self.port}.\n\n{request_line}\n{seen}({size} bytes of body)\n".encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + (b"" if request_line.startswith("HEAD ") else body))
        return headers.get("connection", "").lower() != "close"


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> int:
    """Read the body to its end; returns its length in bytes."""
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        length = left = int(headers.get("content-length", "0"))
        while left:
            part = await reader.read(min(left, _LONGEST_LINE))
            if not part:
                raise ConnectionError("the body was cut")
            left -= len(part)
        return length
    total = 0
    while size := int((await reader.readline()).split(b";")[0], 16):
        await reader.readexactly(size + 2)
        total += size
    while (await reader.readline()).strip():
        continue
    return total
