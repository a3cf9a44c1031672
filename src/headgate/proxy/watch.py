"""Which filter's code runs at this moment: written by the engine around each call, read by the watchdog's thread.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.proxy.filter_entry import FilterEntry


class Watch:
    """One worker's note: before a call, ``serial`` is raised and ``entry`` set; after it ``entry`` is None again.

    :ivar entry: the entry whose synchronous handler is running, or None
    :ivar serial: counts the calls, so that two calls of one entry can be told apart
    """

    def __init__(self) -> None:
        self.entry: FilterEntry | None = None
        self.serial: int = 0
