"""Where a filter's code runs is the configuration's to say: what ``isolation`` names beside ``inline`` is registered here.

An isolation gets a registered filter's entry and makes a factory whose filters stand in for the real ones, wherever those run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headgate.api.entry_settings import EntrySettings
from headgate.api.registry import Registration, Registry
from headgate.api.stream_filter import StreamFilterFactory


@dataclass(frozen=True)
class IsolatedEntry:
    """A stream filter's entry whose code is to run elsewhere.

    :ivar settings: what the entry says beside its ``config``
    :ivar registration: the filter
    :ivar raw: the entry's ``config`` as it stands
    :ivar parsed: the same, validated
    :ivar extensions: the configuration's ``extensions``: module names and absolute paths
    """

    settings: EntrySettings
    registration: Registration[StreamFilterFactory]
    raw: Mapping[str, object]
    parsed: object
    extensions: tuple[str, ...]


ISOLATIONS: Final[Registry[StreamFilterFactory]] = Registry("isolations")
"""Isolations by the value of the entry's key; the create function takes an :class:`IsolatedEntry`."""
