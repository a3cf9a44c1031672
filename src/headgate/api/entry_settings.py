"""What the configuration says about an entry beside its ``config``, for create functions whose filters run elsewhere.

An inline filter need not know its entry's ``timeout`` or ``max_body``: the engine holds them. A create function that hands the work to a
process, an interpreter or a machine of its own has to pass them on, and asks for them while the entry is built::

    @stream_filter("remote", config=RemoteConfig)
    def create(config: RemoteConfig) -> StreamFilterFactory:
        return RemoteFactory(config, entry_settings().timeout)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from headgate.api.errors import ExtensionError


@dataclass(frozen=True)
class EntrySettings:
    """One entry of a listener's ``stream_filters``.

    :ivar name: its name in logs and metrics, unique in the listener
    :ivar type: the registered name
    :ivar listener: name of the listener
    :ivar path: where it stands in the configuration, for messages
    :ivar timeout: seconds that a handler whose verdict comes later may take
    :ivar max_body: bytes that may be buffered for it
    :ivar file: its ``path``: absolute path of the file that the filter is loaded from; empty if it is not
    :ivar export: its ``factory``: what to take from that file; empty: the default
    """

    name: str
    type: str
    listener: str
    path: str
    timeout: float
    max_body: int
    file: str = ""
    export: str = ""


_building: ContextVar[EntrySettings | None] = ContextVar("headgate_building_entry", default=None)


@contextmanager
def building_entry(settings: EntrySettings) -> Iterator[None]:
    """For the engine: while active, :func:`entry_settings` gives these."""
    token = _building.set(settings)
    try:
        yield
    finally:
        _building.reset(token)


def entry_settings() -> EntrySettings:
    """The entry that is being built.

    :raises ExtensionError: if none is
    """
    settings = _building.get()
    if settings is None:
        raise ExtensionError("the entry's settings can be asked for only while it is built: in a filter's create function")
    return settings
