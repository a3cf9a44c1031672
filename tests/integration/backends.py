"""Backends for tests: a small HTTP/1.1 server that records what it sees, and a bare one that hands out sockets.

Blocking sockets and a thread for each connection: a test can hold an answer back, cut it, or send what is no HTTP.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedReader

_LINGER = b"\x01\x00\x00\x00\x00\x00\x00\x00"


@dataclass
class RecordedRequest:
    """A request as it came.

    :ivar head: request line and header lines, without the empty line
    :ivar headers: lower-cased name -> value; of several the last
    :ivar chunked: the body came in chunks
    :ivar trailers: trailer fields of a chunked body
    :ivar connection: number of the connection, from 0
    """

    method: str
    target: str
    version: str
    head: bytes
    headers: dict[str, str]
    body: bytes
    chunked: bool
    trailers: dict[str, str]
    connection: int


@dataclass
class Reply:
    """What to answer.

    :ivar raw: these bytes in place of everything else
    :ivar wait: an event to wait for before answering
    :ivar close: close the connection afterwards
    :ivar reset: break the connection (TCP reset) afterwards
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"mosn-test-default": "http1"})
    body: bytes = b"default-http1"
    raw: bytes | None = None
    wait: threading.Event | None = None
    close: bool = False
    reset: bool = False

    def encode(self, method: str) -> bytes:
        """The bytes on the wire."""
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines.extend(f"{name}: {value}" for name, value in self.headers.items())
        bodiless = self.status in (204, 304) or self.status < 200
        if not bodiless:
            lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        return head if bodiless or method == "HEAD" else head + self.body


Responder = Callable[[RecordedRequest], Reply]


class RawBackend:
    """Accepts connections and hands each to a function, in a thread of its own.

    :param serve: called with the socket and the number of the connection; the socket is closed when it returns
    :ivar connections: connections accepted so far
    :ivar closed: connections that have ended
    """

    def __init__(self, serve: Callable[[socket.socket, int], None], address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self._serve = serve
        self._listener = socket.create_server(address, backlog=1024)
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self.connections = 0
        self.closed = 0
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, name="backend", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._stopped:
                    connection.close()
                    return
                self._sockets.add(connection)
                number = self.connections
                self.connections += 1
            threading.Thread(target=self._run, args=(connection, number), name=f"backend-{number}", daemon=True).start()

    def _run(self, connection: socket.socket, number: int) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                self._serve(connection, number)
        finally:
            with self._lock:
                self._sockets.discard(connection)
                self.closed += 1
            connection.close()

    def open_connections(self) -> int:
        """Connections that are open at present."""
        with self._lock:
            return len(self._sockets)

    def close_connections(self) -> None:
        """End every connection from this side."""
        with self._lock:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Listen no more, and end every connection."""
        with self._lock:
            self._stopped = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()


class Backend(RawBackend):
    """A small HTTP/1.1 server.

    :param responder: from request to reply; by default 200, ``mosn-test-default: http1``, body ``default-http1``
    :ivar requests: what came, in order of completion
    """

    def __init__(self, responder: Responder | None = None, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.responder: Responder = responder or (lambda request: Reply())
        self.requests: list[RecordedRequest] = []
        self.arrived = threading.Condition()
        super().__init__(self._converse, address)

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> None:
        """Wait until that many requests have come.

        :raises TimeoutError: if they do not
        """
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came within {timeout} s")

    def _converse(self, connection: socket.socket, number: int) -> None:
        reader = connection.makefile("rb")
        while (request := self._read(reader, connection, number)) is not None:
            with self.arrived:
                self.requests.append(request)
                self.arrived.notify_all()
            reply = self.responder(request)
            if reply.wait is not None:
                reply.wait.wait(30.0)
            connection.sendall(reply.encode(request.method))
            if reply.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
                reader.close()
                connection.close()
                return
            if reply.close or request.headers.get("connection", "").lower() == "close":
                return

    def _read(self, reader: BufferedReader, connection: socket.socket, number: int) -> RecordedRequest | None:
        head = b""
        while True:
            line = reader.readline()
            if not line:
                return None
            if line == b"\r\n":
                break
            head += line
        request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, version = request_line.split(" ")
        headers = _fields(lines)
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        body, trailers = _read_chunks(reader) if chunked else (_read_exactly(reader, int(headers.get("content-length", "0"))), {})
        return RecordedRequest(method, target, version, head, headers, body, chunked, trailers, number)


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    return fields


def _read_exactly(reader: BufferedReader, size: int) -> bytes:
    data = reader.read(size) if size else b""
    if len(data) < size:
        raise ConnectionError("the body was cut")
    return data


def _read_chunks(reader: BufferedReader) -> tuple[bytes, dict[str, str]]:
    body = b""
    while size := int(reader.readline().split(b";")[0] or b"-1", 16):
        if size < 0:
            raise ConnectionError("the body was cut")
        body += _read_exactly(reader, size + 2)[:-2]
    trailers: list[str] = []
    while line := reader.readline().decode("latin-1").rstrip("\r\n"):
        trailers.append(line)
    return body, _fields(trailers)


class BackendFactory:
    """Starts backends; ended with the test."""

    def __init__(self) -> None:
        self.started: list[RawBackend] = []

    def __call__(self, responder: Responder | None = None) -> Backend:
        """Start a backend that answers as ``responder`` says."""
        started = Backend(responder)
        self.started.append(started)
        return started

    def raw(self, serve: Callable[[socket.socket, int], None]) -> RawBackend:
        """Start a backend that hands each connection to a function."""
        started = RawBackend(serve)
        self.started.append(started)
        return started

    def close(self) -> None:
        """End all of them."""
        for started in self.started:
            started.stop()
