"""One shared object at work: its factories, the streams that it may name, the verdicts that it owes.

What a module calls comes in through :mod:`headgate.runtimes.native.host_table`; what is called in it goes through :class:`NativeFilter`.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headgate.api.plugin import PluginClient
from headgate.runtimes.native import guarded_memory
from headgate.runtimes.native.abi import FFI, Pointer
from headgate.runtimes.native.errors import FactoryRefusedError
from headgate.runtimes.native.guarded_memory import GuardedMemory
from headgate.runtimes.native.library import Library

if TYPE_CHECKING:
    from headgate.runtimes.native.filter import NativeFilter
    from headgate.runtimes.native.host_plugins import PluginAnswer
    from headgate.runtimes.native.later import Later

NULL: Final = FFI.NULL


class NativeModule:
    """One loaded shared object of one entry.

    :ivar name: the entry's name, for logs and metrics
    :ivar note: what is written before each call (:mod:`headgate.runtimes.native.crash_note`)
    :ivar streams: filters whose streams the module may name, by the number that is the name
    :ivar laters: verdicts that the module owes, by number
    :ivar plugins: plugins that it has registered, by name
    :ivar answers: calls to plugins whose callback it has not had yet
    :ivar building: a factory is being created
    """

    def __init__(self, path: Path, name: str, note: bytes) -> None:
        self.library: Library = Library(path)
        self.name: str = name
        self.note: bytes = note
        self.path: Path = path
        self.streams: dict[int, NativeFilter] = {}
        self.laters: dict[int, Later] = {}
        self.plugins: dict[str, PluginClient] = {}
        self.answers: set[PluginAnswer] = set()
        self.building: bool = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: int = 0
        self.guard: GuardedMemory | None = GuardedMemory() if guarded_memory.ENABLED else None
        self.error: Pointer = FFI.new("hg_error *")
        self.error.size = FFI.sizeof("hg_error")
        self._host: Pointer = NULL
        self._keep: object = None
        self._factories: list[NativeFactory] = []
        self._last_number: int = 0
        self._closed: bool = False
        library = self.library
        self.filter_create: Pointer = library.function("headgate_filter_create")
        self.filter_destroy: Pointer = library.function("headgate_filter_destroy")
        self.filter_configure: Pointer = library.function("headgate_filter_configure")
        self.on_request: Pointer = library.function("headgate_on_request")
        self.on_response: Pointer = library.function("headgate_on_response")
        self.on_request_body: Pointer = library.function("headgate_on_request_body")
        self.on_response_body: Pointer = library.function("headgate_on_response_body")
        self.on_request_end: Pointer = library.function("headgate_on_request_end")
        self.on_response_end: Pointer = library.function("headgate_on_response_end")
        self.on_request_trailers: Pointer = library.function("headgate_on_request_trailers")
        self.on_response_trailers: Pointer = library.function("headgate_on_response_trailers")
        self.on_log: Pointer = library.function("headgate_on_log")

    def provide(self, host: Pointer, keep: object) -> None:
        """Give it the table of host functions.

        :param keep: what must live as long as the table
        """
        self._host = host
        self._keep = keep

    def create_factory(self, config: Mapping[str, object]) -> NativeFactory:
        """One configuration of the entry or of a route.

        :raises FactoryRefusedError: if the module refuses it
        """
        create = self.library.function("headgate_factory_create")
        assert create is not None
        text = json.dumps(config, separators=(",", ":")).encode()
        self.building = True
        try:
            pointer = create(self._host, text, len(text), self.error)
        finally:
            self.building = False
        if pointer == NULL:
            raise FactoryRefusedError(self.take_error() or "the module refused the configuration without saying why")
        factory = NativeFactory(self, pointer)
        self._factories.append(factory)
        return factory

    def number(self) -> int:
        """A name that was not used before."""
        self._last_number += 1
        return self._last_number

    def name_stream(self, owner: NativeFilter) -> int:
        """A name by which the module may speak of a filter's stream, until that is taken out of :attr:`streams`.

        The first tells which loop and thread are the worker's: those at hand.
        """
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
            self.thread = threading.get_ident()
        number = self.number()
        self.streams[number] = owner
        return number

    def take_error(self) -> str:
        """What the module said went wrong; empty if it said nothing."""
        error = self.error
        length = min(int(error.length), len(error.text))
        error.length = 0
        return bytes(FFI.buffer(error.text, length)).decode("utf-8", "replace") if length else ""

    def close(self) -> None:
        """Its configuration is gone and its last request has ended."""
        if self._closed:
            return
        self._closed = True
        for later in list(self.laters.values()):
            later.abandon()
        # A plugin may take longer than the request that asked it: no callback may come into code that has been unloaded.
        for answer in list(self.answers):
            answer.give_up()
        destroy = self.library.function("headgate_factory_destroy")
        assert destroy is not None
        for factory in self._factories:
            destroy(factory.pointer)
        self._factories.clear()
        if not self.library.close():
            _STAYING.append(self)


_STAYING: Final[list[NativeModule]] = []
"""Modules that are over and stay loaded: a thread of theirs may still call host functions, which must be there then."""


class NativeFactory:
    """One configuration, as the module holds it: the ``config`` of its filters."""

    def __init__(self, module: NativeModule, pointer: Pointer) -> None:
        self.module: NativeModule = module
        self.pointer: Pointer = pointer
