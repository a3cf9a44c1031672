"""One entry of a listener's ``stream_filters``, as the engine holds it: factory, policy, ledger, quarantine.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic
from typing import Final

from headgate.api.messages import RequestHead
from headgate.api.status import BodyNeed, Phase
from headgate.api.stream_filter import ClassFactory, StreamFilter, StreamFilterFactory
from headgate.observe.filter_stats import FilterStats

_LOG: Final = logging.getLogger("headgate.proxy")


class Capabilities:
    """Which hooks a filter class overrides and what it needs: found out once for each class, so that the rest costs nothing."""

    def __init__(self, filter_class: type[StreamFilter[object]]) -> None:
        base = StreamFilter
        self.phase: int = int(Phase(filter_class.phase))
        self.request_body: int = int(BodyNeed(filter_class.request_body))
        self.response_body: int = int(BodyNeed(filter_class.response_body))
        self.receives: bool = (
            filter_class.on_receive is not base.on_receive
            or self.request_body != BodyNeed.NONE
            or filter_class.on_receive_trailers is not base.on_receive_trailers
        )
        self.sends: bool = (
            filter_class.on_send is not base.on_send
            or self.response_body != BodyNeed.NONE
            or filter_class.on_send_trailers is not base.on_send_trailers
        )
        self.request_trailers: bool = filter_class.on_receive_trailers is not base.on_receive_trailers
        self.response_trailers: bool = filter_class.on_send_trailers is not base.on_send_trailers
        self.request_end: bool = self.request_body == BodyNeed.CHUNKS and filter_class.on_receive_end is not base.on_receive_end
        self.response_end: bool = self.response_body == BodyNeed.CHUNKS and filter_class.on_send_end is not base.on_send_end
        self.logs: bool = filter_class.on_log is not base.on_log
        self.destroys: bool = filter_class.on_destroy is not base.on_destroy
        # The most usual kind: it looks at the request's head and at nothing else.
        self.only_head: bool = not (
            self.sends or self.logs or self.request_trailers or self.request_body != BodyNeed.NONE or not self.receives
        )
        # The same, and no code of its author runs when an instance is made or ends: nobody can tell when that is.
        self.quiet: bool = self.only_head and not self.destroys and _inherits_making(filter_class)


def _inherits_making(filter_class: type[StreamFilter[object]]) -> bool:
    """Instances are made as :class:`StreamFilter` makes them; a runtime of ours that knows it of its class says ``plainly_made``."""
    if filter_class.__dict__.get("plainly_made") is True:
        return True
    names = {name for base in filter_class.__mro__ if base not in StreamFilter.__mro__ for name in base.__dict__}
    return type(filter_class) is type and names.isdisjoint(("__init__", "__new__", "__setattr__", "__getattribute__", "__del__", "config"))


class EntryMatch:
    """Declared interest: requests that do not match never enter the filter. All conditions must hold.

    :param headers: (lower-cased name, value or None for any)
    """

    def __init__(self, path: str, path_prefix: str, methods: frozenset[str], headers: list[tuple[str, HeaderCondition]]) -> None:
        self.path = path
        self.path_prefix = path_prefix
        self.methods = methods
        self.headers = headers

    def applies(self, request: RequestHead) -> bool:
        """Whether the request enters the filter."""
        if self.methods and request.method not in self.methods:
            return False
        if self.path_prefix and not request.decoded_path.startswith(self.path_prefix):
            return False
        if self.path and request.decoded_path != self.path:
            return False
        for name, condition in self.headers:  # noqa: SIM110  # all() would make a generator on the forwarding path
            if not condition.holds(request.headers.get(name)):
                return False
        return True


class HeaderCondition:
    """What a header must be for a match."""

    def holds(self, value: str | None) -> bool:
        """Whether the value of the header, or None for its absence, is what is asked for."""
        raise NotImplementedError


class Quarantine:
    """When a failing filter is set aside, and for how long (seconds). ``max_failures`` 0: never."""

    def __init__(self, max_failures: int, window: float, backoff: float) -> None:
        self.max_failures = max_failures
        self.window = window
        self.backoff = backoff


class FilterEntry:
    """One configured stream filter of one listener.

    :ivar id: unique in the process: key of per-route configurations
    :ivar name: display name, unique in the listener: logs, metrics, admin
    :ivar type: the registered name
    :ivar deny: what a failure means for the request: answered with a 5xx (True) or the filter skipped (False)
    :ivar timeout: seconds that an asynchronous handler may take
    :ivar max_body: bytes that may be buffered for it
    :ivar quarantined_until: on the clock of ``time.monotonic``; 0.0 unless it is set aside
    :ivar simple: the factory, if the entry is nothing but a class
    :ivar simple_capabilities: those of that class
    """

    def __init__(
        self,
        id: int,
        name: str,
        type_name: str,
        factory: StreamFilterFactory,
        deny: bool,
        timeout: float,
        max_body: int,
        match: EntryMatch | None,
        quarantine: Quarantine,
        stats: FilterStats,
    ) -> None:
        self.id = id
        self.name = name
        self.type = type_name
        self.factory = factory
        self.deny = deny
        self.timeout = timeout
        self.max_body = max_body
        self.match = match
        self.stats = stats
        self._quarantine = quarantine
        self._failures: deque[float] = deque()
        self.quarantined_until: float = 0.0
        self._unstarted: bool = False
        self._capabilities: dict[type[StreamFilter[object]], Capabilities] = {}
        self.simple: ClassFactory | None = factory if isinstance(factory, ClassFactory) else None
        self.simple_capabilities: Capabilities | None = None if self.simple is None else self.capabilities_of(self.simple.filter_class)

    def capabilities_of(self, filter_class: type[StreamFilter[object]]) -> Capabilities:
        """Which hooks the class overrides."""
        found = self._capabilities.get(filter_class)
        if found is None:
            found = self._capabilities[filter_class] = Capabilities(filter_class)
        return found

    def quarantined(self) -> bool:
        """The filter is set aside at present. When its back-off is over it comes back by itself."""
        if self.quarantined_until == 0.0:
            return False
        if monotonic() < self.quarantined_until:
            return True
        self.quarantined_until = 0.0
        self._failures.clear()
        self.stats.quarantined = 0
        _LOG.warning("stream filter %s is back from quarantine", self.name)
        if self._unstarted:
            self.start()
        return self.quarantined_until != 0.0

    def start(self) -> None:
        """The configuration has come into force. A factory that cannot start is set aside as in quarantine, and tried again after it."""
        try:
            self.factory.start()
            self._unstarted = False
        except BaseException as error:
            self._unstarted = True
            self.stats.errors += 1
            _LOG.error("stream filter %s could not be started: %s: %s", self.name, type(error).__name__, error, exc_info=error)
            self.set_aside(self._quarantine.backoff, "could not be started")

    def count_failure(self) -> None:
        """One more failure: of those in the window, enough set the filter aside."""
        quarantine = self._quarantine
        if quarantine.max_failures == 0 or self.quarantined_until != 0.0:
            return
        now = monotonic()
        failures = self._failures
        failures.append(now)
        while failures and failures[0] < now - quarantine.window:
            failures.popleft()
        if len(failures) >= quarantine.max_failures:
            self.set_aside(quarantine.backoff, f"failed {len(failures)} times within {quarantine.window:g} s")

    def set_aside(self, seconds: float, reason: str) -> None:
        """Put the filter in quarantine, whatever its ``quarantine`` says.

        :param reason: for the log
        """
        self.quarantined_until = monotonic() + seconds
        self.stats.quarantined = 1
        self.stats.quarantines += 1
        _LOG.error(
            "stream filter %s %s: in quarantine for %g s (%s)",
            self.name,
            reason,
            seconds,
            "requests are answered with 503" if self.deny else "requests pass without it",
        )


class FilterSlot:
    """One filter instance in one stream's chain; or, in a chain that streams share, a place for one.

    :ivar factory: of such a place: makes the instance when it is to be called; ``filter`` is a pattern that never is
    """

    def __init__(
        self,
        stream_filter: StreamFilter[object],
        entry: FilterEntry,
        capabilities: Capabilities,
        phase: int,
        factory: ClassFactory | None = None,
    ) -> None:
        self.filter = stream_filter
        self.entry = entry
        self.capabilities = capabilities
        self.phase = phase
        self.factory = factory
