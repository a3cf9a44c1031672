"""Deadlines on a coarse wheel: what waits is stored once per connection, not once per request.

A connection has one deadline that moves with its state. Moving it later, the usual case, is one attribute store: when the slot of
the wheel in which it stands comes up, it is put into the slot of its present deadline. Only moving it earlier touches the wheel.
So a keep-alive connection enters the wheel about once per timeout, however many requests it carries, and one event-loop timer
serves all. Resolution is 20 ms; a deadline is never early.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from heapq import heappop, heappush
from time import monotonic
from typing import Final

_LOG: Final = logging.getLogger("headgate.net")

RESOLUTION: Final = 0.02
TICKS_PER_SECOND: Final = 50.0
"""Slots of the wheel; each is one over this long."""


class Timed:
    """Something with a deadline; subclasses say what happens when it comes."""

    def __init__(self) -> None:
        self.deadline: float = 0.0
        """On the clock of ``time.monotonic``, seconds; 0.0: none."""
        self.tick: int = 0
        """The slot in which it stands; 0: in none. Belongs to the wheel."""

    def on_deadline(self) -> None:
        """The deadline has come; it is cleared before the call."""
        raise NotImplementedError


class DeadlineWheel:
    """All deadlines of one event loop."""

    def __init__(self) -> None:
        self._slots: dict[int, set[Timed]] = {}
        self._order: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_tick: int = 0

    def arm(self, item: Timed, when: float) -> None:
        """Set an item's deadline.

        :param when: on the clock of ``time.monotonic``, seconds; 0.0: none
        """
        item.deadline = when
        if when == 0.0:
            return
        tick = int(when * TICKS_PER_SECOND) + 1
        if item.tick == 0 or tick < item.tick:
            self._insert(item, tick)

    def remove(self, item: Timed) -> None:
        """Forget an item: its end has come, the wheel must not keep it alive."""
        item.deadline = 0.0
        if item.tick != 0:
            slot = self._slots.get(item.tick)
            if slot is not None:
                slot.discard(item)
            item.tick = 0

    def _insert(self, item: Timed, tick: int) -> None:
        if item.tick != 0:
            old = self._slots.get(item.tick)
            if old is not None:
                old.discard(item)
        item.tick = tick
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = set()
            heappush(self._order, tick)
            if self._timer is None or tick < self._timer_tick:
                self._set_timer(tick)
        slot.add(item)

    def _set_timer(self, tick: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_tick = tick
        delay = tick / TICKS_PER_SECOND - monotonic()
        self._timer = asyncio.get_running_loop().call_later(delay if delay > 0.0 else 0.0, self._turn)

    def _turn(self) -> None:
        self._timer = None
        now = monotonic()
        current = int(now * TICKS_PER_SECOND)
        while self._order and self._order[0] <= current:
            for item in self._slots.pop(heappop(self._order)):
                item.tick = 0
                when = item.deadline
                if when == 0.0:
                    continue
                if when <= now:
                    item.deadline = 0.0
                    try:
                        item.on_deadline()
                    except Exception:
                        # An error of ours: the others of this slot, and the timer, must not be lost with it.
                        _LOG.exception("a deadline could not be handled")
                else:
                    self._insert(item, int(when * TICKS_PER_SECOND) + 1)
        self._timer_for_earliest()

    def _timer_for_earliest(self) -> None:
        """What was armed during a turn has set the timer for itself alone; slots that stood before it come first."""
        if self._order and (self._timer is None or self._order[0] < self._timer_tick):
            self._set_timer(self._order[0])
