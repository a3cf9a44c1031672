"""Traffic that must not lose anything whatever happens beside it."""

from __future__ import annotations

import threading
from types import TracebackType

from tests.integration.harness import request


class GoodTraffic:
    """Clients that send requests one after the other while something goes wrong elsewhere.

    with GoodTraffic(proxy.address("plain")) as traffic:
        ...
    traffic.assert_nothing_lost()

    Each request has a connection of its own, so that all workers are met.

    :param address: host and port
    :param target: what is asked for
    :param clients: how many ask at the same time
    :param at_least: requests to be answered before the end, all clients together
    """

    def __init__(self, address: tuple[str, int], target: str = "/good", clients: int = 2, at_least: int = 300) -> None:
        self._address = address
        self._target = target
        self._enough = at_least
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        self.answered = 0
        self.lost: list[str] = []

    def __enter__(self) -> GoodTraffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.wait_for(self._enough)
        self._stop.set()
        for thread in self._threads:
            thread.join(30.0)

    def wait_for(self, count: int) -> None:
        """Wait until that many requests have been answered in all.

        :raises TimeoutError: if they are not
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.lost or self.answered >= count, 45.0):
                raise TimeoutError(f"{self.answered} of {count} requests were answered")

    def assert_nothing_lost(self) -> None:
        """Each request was answered with 200."""
        assert self.lost == []
        assert self.answered >= self._enough

    def _run(self) -> None:
        while not self._stop.is_set():
            outcome = ""
            try:
                status = request(self._address, "GET", self._target).status
                if status != 200:
                    outcome = f"status {status}"
            except Exception as error:
                outcome = repr(error)
            with self._changed:
                if outcome:
                    self.lost.append(outcome)
                else:
                    self.answered += 1
                self._changed.notify_all()
