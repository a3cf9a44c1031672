"""The client of one plugin in a worker: what filters hold, for calls from the loop and from the thread that builds a configuration."""

from __future__ import annotations

import asyncio
import concurrent.futures
from time import monotonic
from typing import Final

from headgate.api.plugin import PluginCall, PluginClient, PluginDefinition, PluginError, PluginReceiver
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.observe.plugin_stats import PluginStats
from headgate.runtimes.process.plugin_calls import PluginCalls

BUILD_GRACE: Final = 5.0
"""Seconds beyond all deadlines after which the building thread no longer waits for the loop."""


class WorkerPluginClient(PluginClient):
    """The client of one definition. Its methods belong into the loop but where they say otherwise.

    :ivar calls: its calls
    :ivar loop: the worker's
    """

    def __init__(self, definition: PluginDefinition, key: str, stats: PluginStats, loop: asyncio.AbstractEventLoop) -> None:
        self.name = definition.name
        self.key = key
        self.definition = definition
        self.calls = PluginCalls(definition, stats)
        self.loop = loop

    def start(self, request: PluginRequest, timeout: float, receiver: PluginReceiver) -> PluginCall:
        """Call without a coroutine."""
        return self.calls.start(request, timeout, receiver)

    async def call(self, request: PluginRequest, timeout: float = 0.0) -> PluginResponse:
        """Call and wait."""
        future: asyncio.Future[PluginResponse] = asyncio.get_running_loop().create_future()
        call = self.start(request, timeout, _FutureReceiver(future))
        try:
            return await future
        finally:
            call.cancel()

    def call_from_build(self, request: PluginRequest, timeout: float) -> PluginResponse:
        """Call from the thread that builds a configuration. A first start is waited for, beyond the call's own time."""
        waited: concurrent.futures.Future[PluginResponse] = concurrent.futures.Future()
        limit = timeout or self.definition.call_timeout
        asyncio.run_coroutine_threadsafe(self._build_call(request, limit, waited), self.loop)
        try:
            return waited.result(self.definition.start_timeout + limit + BUILD_GRACE)
        except concurrent.futures.TimeoutError:
            raise PluginError("timeout", f"plugin {self.name}: no answer while building") from None

    async def _build_call(self, request: PluginRequest, timeout: float, waited: concurrent.futures.Future[PluginResponse]) -> None:
        try:
            await self._first_start()
            waited.set_result(await self.call(request, timeout))
        except Exception as error:
            waited.set_exception(error)

    async def _first_start(self) -> None:
        end = monotonic() + self.definition.start_timeout
        while not self.calls.connections and self.calls.availability.enabled and monotonic() < end:
            if self.calls.availability.error:
                raise PluginError("unavailable", f"plugin {self.name}: {self.calls.availability.error}")
            await asyncio.sleep(0.02)


class _FutureReceiver(PluginReceiver):
    def __init__(self, future: asyncio.Future[PluginResponse]) -> None:
        self._future = future

    def on_plugin_response(self, response: PluginResponse) -> None:
        if not self._future.done():
            self._future.set_result(response)

    def on_plugin_failure(self, error: PluginError) -> None:
        if not self._future.done():
            self._future.set_exception(error)
