"""A stream's filters: made by each entry's factory when the stream is born, in the configuration's order.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.errors import ExtensionError
from headgate.api.status import Phase
from headgate.api.stream_filter import FilterCallbacks, StreamFilter
from headgate.proxy.filter_entry import FilterEntry, FilterSlot


class FilterChain:
    """The slots of one stream.

    :ivar receivers: by phase, then by the configuration's order
    :ivar senders: in the configuration's order
    :ivar last_phase: no receiver is of a later one
    :ivar destroys: a filter has an ``on_destroy`` of its own
    :ivar loggers: filters with ``on_log``
    :ivar instances: every filter instance once, for ``on_destroy``
    :ivar shared: it belongs to many streams, and is not to be changed (:func:`quiet_chain`)
    """

    # First values stand in the class, as in ``StreamState``.
    last_phase: int = 0
    request_chunks: bool = False
    response_chunks: bool = False
    request_ends: bool = False
    response_ends: bool = False
    request_trailers: bool = False
    response_trailers: bool = False
    destroys: bool = False
    shared: bool = False

    def __init__(self) -> None:
        self.receivers: list[FilterSlot] = []
        self.senders: list[FilterSlot] = []
        self.loggers: list[FilterSlot] = []
        self.instances: list[FilterSlot] = []

    def add_simple(self, entry: FilterEntry, stream_filter: StreamFilter[object]) -> None:
        """Add an instance of an entry that is nothing but a class."""
        capabilities = entry.simple_capabilities
        assert capabilities is not None
        slot = FilterSlot(stream_filter, entry, capabilities, capabilities.phase)
        self.instances.append(slot)
        if capabilities.destroys:
            self.destroys = True
        if capabilities.only_head:
            if capabilities.phase >= self.last_phase:
                self.receivers.append(slot)
                self.last_phase = capabilities.phase
            else:
                self.insert_receiver(slot)
            return
        if capabilities.receives:
            self.insert_receiver(slot)
        if capabilities.sends:
            self.append_sender(slot)
        if capabilities.logs:
            self.loggers.append(slot)

    def insert_receiver(self, slot: FilterSlot) -> None:
        """Add to the request's way: behind all of the same or an earlier phase."""
        receivers = self.receivers
        position = len(receivers)
        while position > 0 and receivers[position - 1].phase > slot.phase:
            position -= 1
        receivers.insert(position, slot)
        if slot.phase > self.last_phase:
            self.last_phase = slot.phase
        capabilities = slot.capabilities
        if capabilities.request_body == 1:
            self.request_chunks = True
            if capabilities.request_end:
                self.request_ends = True
        if capabilities.request_trailers:
            self.request_trailers = True

    def append_sender(self, slot: FilterSlot) -> None:
        """Add to the response's way."""
        self.senders.append(slot)
        capabilities = slot.capabilities
        if capabilities.response_body == 1:
            self.response_chunks = True
            if capabilities.response_end:
                self.response_ends = True
        if capabilities.response_trailers:
            self.response_trailers = True

    def complete(self) -> bool:
        """No entry is set aside."""
        for slot in self.receivers:  # noqa: SIM110  # all() would make a generator on the forwarding path
            if slot.entry.quarantined_until != 0.0:
                return False
        return True

    def own(self) -> FilterChain:
        """This chain, or a copy that belongs to one stream."""
        if not self.shared:
            return self
        copy = FilterChain()
        copy.receivers = self.receivers.copy()
        copy.last_phase = self.last_phase
        return copy

    def fill(self, place: FilterSlot, stream_filter: StreamFilter[object]) -> FilterSlot:
        """Put an instance where there is only a place for one.

        :returns: its slot
        """
        slot = FilterSlot(stream_filter, place.entry, place.capabilities, place.phase)
        self.receivers[self.receivers.index(place)] = slot
        self.instances.append(slot)
        return slot

    def note_instance(self, slot: FilterSlot) -> None:
        """Remember an instance for ``on_destroy``, once, however often it was added."""
        for known in self.instances:
            if known.filter is slot.filter:
                return
        self.instances.append(slot)
        if slot.capabilities.destroys:
            self.destroys = True


def quiet_chain(entries: list[FilterEntry]) -> FilterChain | None:
    """The chain that all streams can share: if every entry is a ``quiet`` class that sees every request. A stream then has an instance
    for the time of one call; only a filter that may be called again gets into a chain of the stream's own.
    """
    chain = FilterChain()
    chain.shared = True
    for entry in entries:
        factory = entry.simple
        capabilities = entry.simple_capabilities
        if entry.match is not None or factory is None or capabilities is None or not capabilities.quiet:
            return None
        pattern = factory.filter_class(factory.config)
        chain.insert_receiver(FilterSlot(pattern, entry, capabilities, capabilities.phase, factory))
    return chain


class ChainBuilder(FilterCallbacks):
    """What a factory of its own gets: its filters go into one stream's chain."""

    def __init__(self, chain: FilterChain, entry: FilterEntry) -> None:
        self._chain = chain
        self._entry = entry

    def add(self, stream_filter: StreamFilter[object]) -> None:
        """Add for every direction whose hooks the class overrides."""
        slot = self._slot(stream_filter, None)
        if slot.capabilities.receives:
            self._chain.insert_receiver(slot)
        if slot.capabilities.sends:
            self._chain.append_sender(slot)
        if slot.capabilities.logs:
            self._chain.loggers.append(slot)

    def add_receiver(self, stream_filter: StreamFilter[object], phase: Phase | None = None) -> None:
        """Add to the request's way."""
        self._chain.insert_receiver(self._slot(stream_filter, phase))

    def add_sender(self, stream_filter: StreamFilter[object]) -> None:
        """Add to the response's way."""
        self._chain.append_sender(self._slot(stream_filter, None))

    def add_log(self, stream_filter: StreamFilter[object]) -> None:
        """Add to what runs after the stream's end."""
        self._chain.loggers.append(self._slot(stream_filter, None))

    def _slot(self, stream_filter: StreamFilter[object], phase: Phase | None) -> FilterSlot:
        if not isinstance(stream_filter, StreamFilter):
            raise ExtensionError(f"{self._entry.name}: the factory added {stream_filter!r}, which is not a StreamFilter")
        capabilities = self._entry.capabilities_of(type(stream_filter))
        slot = FilterSlot(stream_filter, self._entry, capabilities, capabilities.phase if phase is None else int(phase))
        self._chain.note_instance(slot)
        return slot
