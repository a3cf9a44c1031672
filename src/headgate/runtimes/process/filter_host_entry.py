"""One entry in a filter host: its factory and the configurations of routes, as one worker told them."""

from __future__ import annotations

import json
from typing import Final

from headgate.api.entry_settings import EntrySettings, building_entry
from headgate.api.errors import ExtensionError
from headgate.api.registry import Registration
from headgate.api.status import BodyNeed
from headgate.api.stream_filter import StreamFilterFactory
from headgate.observe.filter_stats import FilterStats
from headgate.proxy.filter_chain import ChainBuilder, FilterChain
from headgate.proxy.filter_entry import FilterEntry, FilterSlot, Quarantine
from headgate.runtimes.process.isolation_messages import RECEIVE, SEND, Slot


class HostedFactory:
    """A filter's factory, shared by all workers that have the same configuration for it.

    :ivar slots: what its chain is made of
    :ivar logs: some filter has ``on_log``
    """

    def __init__(self, registration: Registration[StreamFilterFactory], name: str, raw: str, max_body: int) -> None:
        """:raises Exception: whatever the create function raises"""
        settings = EntrySettings(name, registration.name, "", "", 0.0, max_body)
        parsed = registration.parse(json.loads(raw), "config")
        with building_entry(settings):
            factory = registration.create(parsed)
        if not isinstance(factory, StreamFilterFactory):
            raise ExtensionError(f"the create function returned {factory!r}, not a StreamFilterFactory")
        self._factory = factory
        # Of an entry only what makes chains is used here: counting, policy and quarantine are the worker's.
        self._entry = FilterEntry(
            1, name, registration.name, factory, True, 0.0, max_body, None, Quarantine(0, 0.0, 0.0), FilterStats("", name)
        )
        chain = self.new_chain()
        self.slots = [slot_of(slot, False) for slot in chain.receivers] + [slot_of(slot, True) for slot in chain.senders]
        self.logs = bool(chain.loggers)
        if self._entry.simple is None:
            # This chain was made to see what a factory of the author's own adds; its filters have had their life.
            for slot in chain.instances:
                slot.filter.on_destroy()

    def new_chain(self) -> FilterChain:
        """The filters of one stream.

        :raises Exception: whatever the factory raises
        """
        chain = FilterChain()
        simple = self._entry.simple
        if simple is not None:
            chain.add_simple(self._entry, simple.filter_class(simple.config))
        else:
            self._factory.create_filter_chain(ChainBuilder(chain, self._entry))
        return chain

    def slot_in(self, chain: FilterChain, number: int) -> FilterSlot | None:
        """The slot of a chain that stands where the first chain had its ``number``-th; None: this chain has none such.

        :raises ExtensionError: if this chain has others than the first had
        """
        wanted = self.slots[number]
        sending = wanted.way == SEND
        before = sum(1 for slot in self.slots[:number] if slot == wanted)
        alike = [slot for slot in (chain.senders if sending else chain.receivers) if slot_of(slot, sending) == wanted]
        known = {(slot.way, slot.phase, slot.whole) for slot in self.slots}
        every = [(slot, False) for slot in chain.receivers] + [(slot, True) for slot in chain.senders]
        for slot, way in every:
            made = slot_of(slot, way)
            if (made.way, made.phase, made.whole) not in known:
                raise ExtensionError("the factory added a filter of a kind that it did not add at first, which isolation cannot carry")
        return alike[before] if before < len(alike) else None

    def close(self) -> None:
        """The process ends."""
        self._factory.close()


def slot_of(slot: FilterSlot, sending: bool) -> Slot:
    """How a slot is told to a worker."""
    capabilities = slot.capabilities
    if sending:
        return Slot(SEND, 0, capabilities.response_body != _NONE or capabilities.response_trailers)
    return Slot(RECEIVE, slot.phase, capabilities.request_body != _NONE or capabilities.request_trailers)


_NONE: Final = int(BodyNeed.NONE)
