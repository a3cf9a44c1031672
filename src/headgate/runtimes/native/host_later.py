"""Host functions for verdicts that come later: ``later_create``, ``later_complete``, ``later_wanted``."""

from __future__ import annotations

import threading
from typing import Final

from headgate.api.status import Status
from headgate.runtimes.native import abi
from headgate.runtimes.native.abi import FFI, Pointer
from headgate.runtimes.native.filter import REQUEST, RESPONSE
from headgate.runtimes.native.host_texts import pairs, put
from headgate.runtimes.native.later import Later
from headgate.runtimes.native.module import NativeModule

_STATUSES: Final = (Status.CONTINUE, Status.STOP, Status.TERMINATE, Status.REMATCH_ROUTE, Status.RECHOOSE_HOST)


class LaterFunctions:
    """Those of one module."""

    def __init__(self, module: NativeModule) -> None:
        self._module = module

    def create(self, stream: Pointer) -> Pointer:
        """In a head hook: promise a verdict."""
        module = self._module
        found = module.streams.get(int(FFI.cast("uintptr_t", stream)))
        if module.thread != threading.get_ident() or found is None or found.stream is None or found.hook not in (REQUEST, RESPONSE):
            return FFI.NULL
        if found.later is not None:
            return FFI.NULL
        number = module.number()
        found.later = module.laters[number] = Later(module, number, found.stream)
        return FFI.cast("hg_later *", number)

    def complete(self, later: Pointer, verdict: int, status: int, headers: Pointer, count: int, body: Pointer, length: int) -> int:
        """From any thread: keep the promise."""
        module = self._module
        owed = module.laters.pop(int(FFI.cast("uintptr_t", later)), None)
        if owed is None or owed.done or module.loop is None:
            return abi.GONE
        error = ""
        chosen: Status | None = None
        if 0 <= verdict < len(_STATUSES):
            chosen = _STATUSES[verdict]
        else:
            error = "the module failed" if verdict == abi.FAILED else f"later_complete with {verdict}, which is no verdict"
        if status and not 200 <= status <= 599:
            error = f"later_complete with a reply of status {status}"
        try:
            fields, content = pairs(headers, count), put(body, length)
        except ValueError as refused:
            error, fields, content = f"later_complete: {refused}", [], b""
        try:
            module.loop.call_soon_threadsafe(owed.complete, chosen, error, status, fields, content)
        except RuntimeError:  # the loop is closed: the worker ends
            return abi.GONE
        return abi.OK

    def wanted(self, later: Pointer) -> int:
        """From any thread: whether somebody waits."""
        owed = self._module.laters.get(int(FFI.cast("uintptr_t", later)))
        return int(owed is not None and not owed.done)
