"""The factory of an isolated entry whose process was not there when the worker was built.

What the entry's chain is made of only the process can say. A new configuration waits for that, and is refused without it; a worker that
takes a dead one's place must not be: it gets this factory. Until the process has come up every request is a failure of the filter, and the
entry's policy decides; from then on the factory is as good as any.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Final

from headgate.api.stream_filter import FilterCallbacks, StreamFilterFactory
from headgate.runtimes.process.host_words import host_words
from headgate.runtimes.process.isolated_filter import IsolatedFactory
from headgate.runtimes.process.isolation_connection import IsolationError
from headgate.runtimes.process.isolation_endpoint import EndpointSource, HostAddress
from headgate.runtimes.process.isolation_greeting import greet
from headgate.runtimes.process.isolation_link import HostLink
from headgate.runtimes.process.isolation_messages import Hello

RETRY: Final = 1.0
"""Seconds from a greeting that failed to the next, while the process listens."""

_LOG: Final = logging.getLogger("headgate.isolation")


class AwaitedFactory(StreamFilterFactory):
    """Becomes an :class:`~headgate.runtimes.process.isolated_filter.IsolatedFactory`.

    :param link: of the entry
    :param problem: why the process was not there
    """

    def __init__(self, name: str, link: HostLink, source: EndpointSource, greeting: Hello, problem: str) -> None:
        self._name = name
        self._link = link
        self._source = source
        self._greeting = greeting
        self._problem = problem
        self._address = HostAddress()
        self._factory: IsolatedFactory | None = None
        self._closed = threading.Event()
        _LOG.error("filter %s: %s; until it is there its requests are decided by its policy", name, problem)
        source.watch(self._on_address)

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        factory = self._factory
        if factory is None:
            raise IsolationError(f"the process of filter {self._name} is not there: {self._problem}")
        factory.create_filter_chain(callbacks)

    def route_config(self, config: object, raw: Mapping[str, object]) -> int:
        """As of the factory that this one becomes."""
        return self._link.route_number(raw)

    def close(self) -> None:
        self._closed.set()
        self._source.unwatch(self._on_address)
        self._link.close()

    def _on_address(self, address: HostAddress) -> None:
        if address.problem:
            self._problem = address.problem
        self._address = address
        if address.network and self._factory is None:
            # A daemon: a create function that hangs over there must not keep the worker from exiting.
            threading.Thread(target=self._greet, args=(address,), name="headgate-greeting", daemon=True).start()

    def _greet(self, address: HostAddress) -> None:
        """In a thread of its own, as long as the process listens there."""
        while self._factory is None and self._address is address and not self._closed.is_set():
            try:
                welcome = greet(address, self._greeting)
            except Exception as error:
                self._problem = f"it does not answer: {host_words(str(error))}"
            else:
                if not welcome.error:
                    self._factory = IsolatedFactory(self._link, welcome.slots, welcome.logs)
                    _LOG.info("filter %s: its process is there", self._name)
                    return
                self._problem = f"it cannot be created: {host_words(welcome.error)}"
            _LOG.error("filter %s: its process: %s", self._name, self._problem)
            self._closed.wait(RETRY)
