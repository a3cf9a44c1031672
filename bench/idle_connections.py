"""Many connections that have had one answer and now sit there."""

from __future__ import annotations

import resource
import socket

_REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\nUser: admin\r\n\r\n"


def raise_file_limit(needed: int) -> None:
    """Allow this process, and what it starts, enough open files.

    :raises SystemExit: if the hard limit is too low
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(f"bench: {needed} open files are needed, the hard limit is {hard} (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class IdleConnections:
    """Open keep-alive connections; a context manager that closes them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def open(self, number: int) -> None:
        """Open more, one after the other, each with one answered request.

        :raises ConnectionError: if one is refused or not answered
        """
        for _ in range(number):
            connection = socket.create_connection(("127.0.0.1", self._port), 10.0)
            self._sockets.append(connection)
            connection.sendall(_REQUEST)
            answer = b""
            while not answer.endswith(b"!\n"):
                part = connection.recv(4096)
                if not part:
                    raise ConnectionError(f"closed after {answer!r}")
                answer += part

    def __enter__(self) -> IdleConnections:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._sockets:
            connection.close()
