"""A worker's connection to a filter host that takes nothing: what waits for it is bounded."""

from __future__ import annotations

import asyncio

import pytest

from headgate.runtimes.process.isolation_connection import HostConnection, IsolationError, hello, largest_frame
from headgate.runtimes.process.isolation_messages import Abandon, Done, Welcome, encode

MAX_BODY = 1000
LARGEST = largest_frame(MAX_BODY)


class Deaf(asyncio.Transport):
    """A transport whose other end reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.unsent += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True


class Caller:
    def __init__(self) -> None:
        self.failed: list[str] = []

    def on_call_done(self, done: Done) -> None:
        raise AssertionError(done)

    def on_call_failed(self, error: IsolationError) -> None:
        self.failed.append(str(error))


@pytest.mark.parametrize("welcomed", [True, False], ids=["after it was ready", "before"])
def test_what_a_process_does_not_read_is_bounded(welcomed: bool) -> None:
    async def scenario() -> None:
        gone: list[bool] = []
        connection = HostConnection("auth", hello("entry", [], MAX_BODY), lambda _, ready: gone.append(ready))
        transport = Deaf()
        connection.connection_made(transport)
        if welcomed:
            connection.data_received(encode(Welcome("", [], False), LARGEST))
        caller = Caller()
        waiting = connection.next_call(caller)
        size = len(encode(Abandon(waiting), LARGEST))
        for _ in range(LARGEST // size - 100):
            connection.send(Abandon(waiting))
        await asyncio.sleep(0)
        connection.forget_call(connection.next_call(Caller()))
        while True:
            connection.send(Abandon(waiting))
            await asyncio.sleep(0)
            try:
                connection.forget_call(connection.next_call(Caller()))
            except IsolationError as error:
                assert "does not read" in str(error)
                break
        assert gone == [], "calls are refused first"
        for _ in range(LARGEST // size + 2):
            connection.send(Abandon(waiting))
        await asyncio.sleep(0)
        assert gone == [welcomed]
        assert transport.aborted
        assert "does not read" in caller.failed[0]

    asyncio.run(scenario())
