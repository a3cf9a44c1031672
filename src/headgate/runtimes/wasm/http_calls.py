"""HTTP calls of a guest to clusters, under way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
from headgate.api.upstream_call import UpstreamCall, UpstreamCaller, UpstreamReceiver
from headgate.runtimes.wasm.contexts import CallResult, GuestContext
from headgate.runtimes.wasm.errors import WasmError

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")
MAX_CALLS: Final = 10_000
"""Calls of one VM that may be under way."""


class HttpCalls:
    """The calls of one VM.

    :param caller: how clusters are reached; None where there are none (``headgate check``)
    """

    def __init__(self, vm: Vm, caller: UpstreamCaller | None) -> None:
        self._vm = vm
        self._caller = caller
        self._calls: dict[int, UpstreamCall | None] = {}
        self._last = 0
        self._early: list[_Early] | None = []

    def start(self, context: GuestContext, cluster: str, request: RequestHead, body: bytes, timeout: float) -> int | None:
        """Begin a call.

        :param timeout: seconds
        :returns: its number; 0 if too many are under way, None if no cluster can be called
        """
        if self._caller is None:
            return None
        if len(self._calls) >= MAX_CALLS:
            return 0
        self._last = self._last % 0x7FFFFFFF + 1
        number = self._last
        self._calls[number] = None
        early = _Early(context, number, cluster, request, body, timeout)
        if self._early is not None:
            self._early.append(early)  # while the configuration is built: when it is in force
        else:
            self._vm.later(lambda: self._begin(early))
        return number

    def go(self) -> None:
        """The configuration is in force: what was asked for while it was built begins."""
        waiting, self._early = self._early or [], None
        for early in waiting:
            self._begin(early)

    def _begin(self, early: _Early) -> None:
        if early.number not in self._calls or self._caller is None:
            return
        receiver = _Receiver(self, early.context, early.number)
        try:
            call = self._caller.start(early.cluster, early.request, early.body, early.timeout, receiver)
        except HeadgateError as error:
            _LOG.warning("wasm %s: HTTP call to %s: %s", early.context.plugin.name, early.cluster, error)
            self.finished(early.context, early.number, None)
            return
        if early.number in self._calls:
            self._calls[early.number] = call

    def finished(self, context: GuestContext, number: int, result: CallResult | None) -> None:
        """The answer is there, or there will be none."""
        if number not in self._calls:
            return
        del self._calls[number]
        self._vm.later(lambda: self._tell(context, number, result))

    def _tell(self, context: GuestContext, number: int, result: CallResult | None) -> None:
        try:
            self._vm.http_call_done(context, number, result)
        except WasmError as error:
            _LOG.error("wasm %s: proxy_on_http_call_response: %s", context.plugin.name, error)

    def close(self) -> None:
        """Give everything up."""
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if call is not None:
                call.cancel()


class _Early:
    """A call that has been asked for."""

    def __init__(self, context: GuestContext, number: int, cluster: str, request: RequestHead, body: bytes, timeout: float) -> None:
        self.context = context
        self.number = number
        self.cluster = cluster
        self.request = request
        self.body = body
        self.timeout = timeout


class _Receiver(UpstreamReceiver):
    """Waits for one call."""

    def __init__(self, calls: HttpCalls, context: GuestContext, number: int) -> None:
        self._calls = calls
        self._context = context
        self._number = number

    def on_upstream_response(self, status: int, headers: Headers, body: bytes, trailers: Headers | None) -> None:
        self._calls.finished(self._context, self._number, CallResult(headers, status, body, trailers or Headers()))

    def on_upstream_failure(self, kind: str, message: str) -> None:
        _LOG.warning("wasm %s: HTTP call: %s", self._context.plugin.name, message)
        self._calls.finished(self._context, self._number, None)
