"""What all listeners of one worker share, whatever the configuration: the wheel of deadlines, the statistics, the watchdog's note.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from headgate.net.deadlines import DeadlineWheel
from headgate.observe.stats_store import StatsStore
from headgate.proxy.watch import Watch
from headgate.upstream.connector import connect, connect_grpc
from headgate.upstream.grpc_pool import GrpcConnector
from headgate.upstream.pool import Connector


class WorkerContext:
    """One worker's shared things.

    :param connector: how connections to hosts are made; tests put another in its place
    :param grpc_connector: the same for gRPC
    """

    def __init__(self, stats: StatsStore, connector: Connector = connect, grpc_connector: GrpcConnector = connect_grpc) -> None:
        self.stats: StatsStore = stats
        self.connector: Connector = connector
        self.grpc_connector: GrpcConnector = grpc_connector
        self.wheel: DeadlineWheel = DeadlineWheel()
        self.watch: Watch = Watch()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: int = 0

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """This thread and this loop are the worker's."""
        self._loop = loop
        self._loop_thread = threading.get_ident()

    def in_loop(self) -> bool:
        """The caller runs in the worker's loop."""
        return self._loop is None or threading.get_ident() == self._loop_thread

    def call_in_loop(self, function: Callable[[int], bool], argument: int) -> None:
        """Have the worker's loop call a function soon."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(function, argument)
