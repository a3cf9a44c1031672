"""What an author may hand to :func:`headgate.plugin.serve`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Protocol

from headgate.api.plugin_messages import PluginRequest, PluginResponse

Function = Callable[[PluginRequest], PluginResponse | Awaitable[PluginResponse]]
"""A plain function, or an ``async def``."""


class ServiceObject(Protocol):
    """An object with such a function under the name ``call``."""

    def call(self, request: PluginRequest, /) -> PluginResponse | Awaitable[PluginResponse]:
        """Answer a request."""


Service = Function | ServiceObject


def function_of(service: Service) -> Function:
    """The function behind a service.

    :raises TypeError: if there is none
    """
    call = getattr(service, "call", None)
    if callable(call):
        function: Function = call
        return function
    if callable(service):
        return service
    raise TypeError(f"a plugin's service is a function or an object with a method 'call', not {type(service).__name__}")


def is_asynchronous(function: Function) -> bool:
    """Whether it is an ``async def``."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
