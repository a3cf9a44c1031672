"""The time limits of one downstream connection, several of which run at once, on one place of the wheel.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import monotonic

from mypy_extensions import trait

from headgate.net.deadlines import DeadlineWheel, Timed


@trait
class TimeoutEvents:
    """Who hears that a limit has passed."""

    def on_head_timeout(self) -> None:
        """No request, or not the whole head of one, in time."""
        raise NotImplementedError

    def on_body_timeout(self) -> None:
        """The client stalls in the middle of a body."""
        raise NotImplementedError

    def on_write_timeout(self) -> None:
        """The client does not read what is sent to it."""
        raise NotImplementedError

    def on_stream_deadline(self) -> None:
        """The engine's deadline for the exchange under way."""
        raise NotImplementedError

    def on_idle_timeout(self) -> None:
        """Idle, or lingering, or closing for too long."""
        raise NotImplementedError


class ServerDeadlines(Timed):
    """Each attribute is a time on the clock of ``time.monotonic``, or 0.0 for none.

    ``deadline``, where the wheel looks, is never later than the earliest of them; if it comes too early, the wheel is set anew. So a limit
    that is set to ``when`` costs one store where ``0.0 < deadline <= when``; else call :meth:`rearm`.
    """

    def __init__(self, events: TimeoutEvents, wheel: DeadlineWheel) -> None:
        super().__init__()
        self._events = events
        self._wheel = wheel
        self.head: float = 0.0
        self.body: float = 0.0
        self.stream: float = 0.0
        self.write: float = 0.0
        self.idle: float = 0.0

    def rearm(self) -> None:
        """Take up changed times."""
        when = self.idle
        if self.head != 0.0 and (when == 0.0 or self.head < when):
            when = self.head
        if self.body != 0.0 and (when == 0.0 or self.body < when):
            when = self.body
        if self.write != 0.0 and (when == 0.0 or self.write < when):
            when = self.write
        if self.stream != 0.0 and (when == 0.0 or self.stream < when):
            when = self.stream
        self._wheel.arm(self, when)

    def remove(self) -> None:
        """The connection is gone."""
        self.head = self.body = self.stream = self.write = self.idle = 0.0
        self._wheel.remove(self)

    def on_deadline(self) -> None:
        """One of them may have passed."""
        now = monotonic()
        if 0.0 < self.head <= now:
            self.head = 0.0
            self._events.on_head_timeout()
        elif 0.0 < self.idle <= now:
            self.idle = 0.0
            self._events.on_idle_timeout()
        elif 0.0 < self.body <= now:
            self.body = 0.0
            self._events.on_body_timeout()
        elif 0.0 < self.write <= now:
            self.write = 0.0
            self._events.on_write_timeout()
        elif 0.0 < self.stream <= now:
            self.stream = 0.0
            self._events.on_stream_deadline()
        self.rearm()
