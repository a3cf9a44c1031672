"""A client that speaks HTTP/1.1 byte by byte, for what no client library would send or show."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType


@dataclass
class WireResponse:
    """A response as it came.

    :ivar fields: name and value as sent, in order
    :ivar interim: status codes of the interim responses before it
    :ivar chunked: the body came in chunks
    """

    version: str
    status: int
    fields: list[tuple[str, str]]
    interim: list[int] = field(default_factory=list)
    body: bytes = b""
    chunked: bool = False
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The value of a field; the values joined if there are several; None if there is none."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None


class CutResponseError(Exception):
    """The connection ended in the middle of a response."""


class Wire:
    """One client connection.

    :param address: host and port
    :param timeout: seconds for each wait; bounds the test, says nothing about speed
    :param receive_buffer: bytes of the socket's receive buffer; 0: the system's default
    """

    def __init__(self, address: tuple[str, int], timeout: float = 20.0, receive_buffer: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def send(self, data: bytes | str) -> None:
        """Send bytes; text is sent as Latin-1."""
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def get(self, target: str = "/", *lines: str, method: str = "GET") -> WireResponse:
        """Send a request without a body on this connection and read its response.

        :param lines: header lines besides Host
        """
        self.send("\r\n".join([f"{method} {target} HTTP/1.1", "Host: example.com", *lines, "", ""]))
        return self.response(method)

    def _line(self) -> str:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise CutResponseError(f"the connection ended in a line: {line!r}")
        return line[:-2].decode("latin-1")

    def _fields(self) -> list[tuple[str, str]]:
        fields: list[tuple[str, str]] = []
        while line := self._line():
            name, _, value = line.partition(":")
            fields.append((name, value.strip()))
        return fields

    def head(self) -> WireResponse:
        """Read one response head, interim or final.

        :raises CutResponseError: if the connection ends before its end
        """
        version, _, rest = self._line().partition(" ")
        return WireResponse(version, int(rest[:3]), self._fields())

    def response(self, method: str = "GET") -> WireResponse:
        """Read a whole response, with the interim ones before it.

        :raises CutResponseError: if the connection ends before its end
        """
        interim: list[int] = []
        while (response := self.head()).status < 200:
            interim.append(response.status)
        response.interim = interim
        if method != "HEAD" and response.status not in (204, 304):
            self._body(response)
        return response

    def _body(self, response: WireResponse) -> None:
        length = response.get("content-length")
        if "chunked" in (response.get("transfer-encoding") or ""):
            response.chunked = True
            while size := int(self._line().partition(";")[0], 16):
                response.body += self.exactly(size)
                self.exactly(2)
            response.trailers = self._fields()
        elif length is not None:
            response.body = self.exactly(int(length))
        else:
            response.body = self._reader.read()

    def exactly(self, size: int) -> bytes:
        """Read that many bytes.

        :raises CutResponseError: if the connection ends before
        """
        data = self._reader.read(size)
        if len(data) < size:
            raise CutResponseError(f"the connection ended after {len(data)} of {size} bytes")
        return data

    def some(self, size: int) -> bytes:
        """Read what is there, at most that many bytes; nothing at the end of the connection."""
        return self._reader.read1(size)

    def at_end(self) -> bool:
        """Whether the peer has closed or reset the connection, with nothing more sent; waits for that."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        return self._reader.read()

    def close(self) -> None:
        """Close."""
        self._reader.close()
        self.socket.close()


def resident_memory(pid: int) -> int:
    """Bytes of physical memory that a process uses at present (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)
