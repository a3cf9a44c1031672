"""Filters that note what is called, and their registration for one test."""

from __future__ import annotations

from typing import ClassVar

from headgate.api import StreamFilter
from headgate.api.registry import ExtensionScope, collecting
from headgate.api.stream_filter import stream_filter


class Recorder(StreamFilter[dict[str, object]]):
    """Notes what is called, in a list that all instances of one test share: the fixture ``notes``."""

    notes: ClassVar[list[str]] = []

    def note(self, what: str) -> None:
        self.notes.append(what)


def scope_of(**classes: type[StreamFilter[dict[str, object]]]) -> ExtensionScope:
    """A scope with filter classes, each under its keyword."""
    scope = ExtensionScope()
    with collecting(scope):
        for name, filter_class in classes.items():
            stream_filter(name)(filter_class)
    return scope
