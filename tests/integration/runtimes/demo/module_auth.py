"""The demo as a file that registers nothing, and has its filter in a sibling."""

from __future__ import annotations

from module_auth_filter import ModuleAuth  # type: ignore[import-not-found]  # a sibling, found when the file is loaded by path

from headgate.api import FilterCallbacks, StreamFilterFactory


class ModuleAuthFactory(StreamFilterFactory):
    """One for each entry."""

    def __init__(self, config: dict[str, str]) -> None:
        self.config = config

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        """A request has arrived."""
        callbacks.add(ModuleAuth(self.config))


def create_filter_factory(config: dict[str, str]) -> StreamFilterFactory:
    """The listener is being built."""
    return ModuleAuthFactory(config)
