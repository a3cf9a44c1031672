"""Steady traffic in the background of a test, every answer of which is looked at."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType

from tests.integration.harness import until


class Load:
    """Clients that send GET one after the other, each in a thread of its own.

    :param keep_alive: one connection for each client, replaced when the server closes it in order; otherwise one for each request
    :param headers: of each request
    :ivar statuses: how often each status code came
    :ivar failures: requests without a complete answer
    :ivar longest: seconds that the slowest answer took
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        clients: int = 4,
        target: str = "/",
        keep_alive: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._address = address
        self._target = target
        self._headers = {**(headers or {}), **({} if keep_alive else {"Connection": "close"})}
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self.longest: float = 0.0
        self._threads = [threading.Thread(target=self._run, name=f"load-{number}", daemon=True) for number in range(clients)]

    @property
    def answered(self) -> int:
        """Requests with a complete answer."""
        return self.statuses.total()

    def wait_for(self, answered: int) -> None:
        """Wait until that many requests have been answered."""
        until(lambda: self.answered >= answered, f"{answered} answers")

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30.0)

    def _run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            if connection is None:
                connection = http.client.HTTPConnection(*self._address, timeout=20.0)
            began = time.monotonic()
            try:
                connection.request("GET", self._target, headers=self._headers)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.failures.append(f"{type(error).__name__}: {error}")
                connection.close()
                connection = None
                continue
            with self._lock:
                self.statuses[response.status] += 1
                self.longest = max(self.longest, time.monotonic() - began)
            if response.will_close:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()
