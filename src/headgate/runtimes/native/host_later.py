"""Host functions for what comes later: ``later_create``, ``later_complete``, ``later_release``, ``later_wanted``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from headgate.api.status import Status
from headgate.runtimes.native import abi
from headgate.runtimes.native.abi import Pointer
from headgate.runtimes.native.filter import END, REQUEST, RESPONSE
from headgate.runtimes.native.host_texts import pairs, put
from headgate.runtimes.native.later import Later
from headgate.runtimes.native.module import NativeModule

_STATUSES: Final = (Status.CONTINUE, Status.STOP, Status.TERMINATE, Status.REMATCH_ROUTE, Status.RECHOOSE_HOST)
_OF_END: Final = 3
"""How many of them there are at a body's end."""


class LaterFunctions:
    """Those of one module."""

    def __init__(self, module: NativeModule) -> None:
        self._module = module

    def create(self, stream: int) -> int:
        """In a hook of a head or of a body's end: promise a verdict."""
        module = self._module
        found = module.streams.get(stream)
        if module.thread != threading.get_ident() or found is None or found.stream is None or found.hook not in (REQUEST, RESPONSE, END):
            return 0
        if found.later is not None:
            return 0
        number = module.number()
        found.later = module.laters[number] = Later(module, number, found.stream, found.hook == END)
        return number

    def complete(self, later: int, verdict: int, status: int, headers: Pointer, count: int, body: Pointer, length: int) -> int:
        """From any thread: keep the promise."""
        module = self._module
        owed = module.laters.pop(later, None)
        if owed is None or owed.done:
            return abi.GONE
        error = ""
        chosen: Status | None = None
        if 0 <= verdict < (len(_STATUSES) if not owed.of_end else _OF_END):
            chosen = _STATUSES[verdict]
        else:
            error = "the module failed" if verdict == abi.FAILED else f"later_complete with {verdict}, which is no verdict"
        if status and not 200 <= status <= 599:
            error = f"later_complete with a reply of status {status}"
        try:
            fields, content = pairs(headers, count), put(body, length)
        except ValueError as refused:
            error, fields, content = f"later_complete: {refused}", [], b""
        return self._hand_over(partial(owed.complete, chosen, error, status, fields, content))

    def release(self, later: int, data: Pointer, length: int) -> int:
        """From any thread: let the end of a body go, with this behind the last chunk."""
        module = self._module
        owed = module.laters.get(later)
        if owed is None or owed.done:
            return abi.GONE
        if not owed.of_end:
            return abi.WRONG_HOOK
        content = put(data, length)
        if module.laters.pop(later, None) is None:  # another thread was faster
            return abi.GONE
        return self._hand_over(partial(owed.release, content))

    def wanted(self, later: int) -> int:
        """From any thread: whether somebody waits."""
        owed = self._module.laters.get(later)
        return int(owed is not None and not owed.done)

    def _hand_over(self, completion: Callable[[], None]) -> int:
        """To the worker's loop."""
        loop = self._module.loop
        if loop is None:
            return abi.GONE
        try:
            loop.call_soon_threadsafe(completion)
        except RuntimeError:  # the loop is closed: the worker ends
            return abi.GONE
        return abi.OK
