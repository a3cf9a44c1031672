"""One client that asks once a millisecond and remembers the longest wait: what a pause of the proxy looks like from outside."""

from __future__ import annotations

import socket
import threading
import time

INTERVAL = 0.001


class Prober:
    """Sends requests one after the other on one keep-alive connection, in a thread of its own.

    :ivar requests: answered requests
    :ivar lost: requests that got no answer, or not 200
    :ivar worst: longest wait for an answer, seconds
    """

    def __init__(self, port: int) -> None:
        self.requests = 0
        self.lost = 0
        self.worst = 0.0
        self._port = port
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prober")

    def __enter__(self) -> Prober:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 10.0) as connection:
                    while not self._ending.wait(INTERVAL):
                        began = time.monotonic()
                        answer = get(connection, "/")
                        self.worst = max(self.worst, time.monotonic() - began)
                        if not answer.startswith(b"HTTP/1.1 200"):
                            raise ConnectionError(answer.decode("latin-1"))
                        self.requests += 1
            except OSError:
                self.lost += 1


def get(connection: socket.socket, target: str) -> bytes:
    """One request and its answer, which must state its length.

    :raises ConnectionError: if the connection closes before the answer is complete
    """
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: bench\r\nUser: admin\r\n\r\n".encode("ascii"))
    answer = b""
    while True:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError(f"closed after {answer!r}")
        answer += part
        head, mark, body = answer.partition(b"\r\n\r\n")
        if mark:
            lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            if lengths and len(body) >= int(lengths[0]):
                return answer
