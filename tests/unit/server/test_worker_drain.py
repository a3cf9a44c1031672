"""The end of a worker's traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from headgate.proxy.listener import ListenerRuntime
from headgate.server.worker_service import WorkerService


class LateListener:
    """Its only connection was accepted in the turn in which accepting ended: the event loop tells of it a few turns later."""

    def __init__(self) -> None:
        self.active_connections = 0
        self.active_requests = 0
        self.drained_with = -1

    def connect_after(self, turns: int) -> None:
        """The connection is told of."""
        if turns:
            asyncio.get_running_loop().call_soon(self.connect_after, turns - 1)
        else:
            self.active_connections = 1

    def drain(self) -> None:
        """Answer what the client asks, which takes a moment."""
        self.drained_with = self.active_connections
        asyncio.get_running_loop().call_later(0.01, self.close)

    def close(self) -> None:
        """The client has its answer."""
        self.active_connections = 0


def say_nothing(event: str, fields: Mapping[str, object] | None = None) -> None:
    """There is no supervisor."""


def test_a_connection_that_was_accepted_last_is_drained_too() -> None:
    listener = LateListener()

    async def drained() -> int:
        service = WorkerService(say_nothing)
        service._listeners["web"] = cast(ListenerRuntime, listener)
        listener.connect_after(4)
        return await service.drain(30.0)

    assert asyncio.run(drained()) == 0
    assert listener.drained_with == 1
    assert listener.active_connections == 0
