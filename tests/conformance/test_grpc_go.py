"""The client of plugin calls against grpc-go's server."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from headgate.api.plugin import PluginError
from headgate.net.deadlines import DeadlineWheel
from headgate.runtimes.process.instance_connection import InstanceConnection, UnimplementedError
from tests.conformance.plugin_programs import BUILT, go

SOURCE = Path(__file__).parent / "go_server"
CALL = "/proto.Plugin/Call"


class GoServer:
    """A running server."""

    def __init__(self, program: Path, mode: str) -> None:
        self.process = subprocess.Popen([program, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input, self._output = self.process.stdin, self.process.stdout
        self.address = self.line()

    def line(self) -> str:
        return self._output.readline().decode().strip()

    def stop(self) -> None:
        """Ask it to end; it waits for its calls."""
        self._input.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()


@pytest.fixture(scope="module")
def program() -> Path:
    """The server, built."""
    path = BUILT / "grpc_go_server"
    path.parent.mkdir(parents=True, exist_ok=True)
    built = subprocess.run([go(), "build", "-o", path, "."], cwd=SOURCE, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return path


@pytest.fixture(params=["large", "small"])
def server(program: Path, request: pytest.FixtureRequest) -> Iterator[GoServer]:
    """A server with large windows, and one with small ones that takes five calls at a time."""
    started = GoServer(program, request.param)
    yield started
    started.close()


def run(server: GoServer, test: Callable[[InstanceConnection], Awaitable[None]]) -> None:
    async def inside() -> None:
        connection = InstanceConnection("tcp", server.address, DeadlineWheel(), lambda gone: None)
        await connection.connect(20.0)
        await test(connection)
        assert connection.in_flight == 0
        connection.close()

    uvloop.run(inside())


def test_ten_thousand_calls_a_hundred_at_once(server: GoServer) -> None:
    async def test(connection: InstanceConnection) -> None:
        for start in range(0, 10_000, 100):
            messages = [b"e%d" % number for number in range(start, start + 100)]
            assert await asyncio.gather(*(connection.unary(CALL, message, 30.0) for message in messages)) == messages

    run(server, test)


@pytest.mark.parametrize("size", [0, 16_000, 100_000, 1 << 20, 20 << 20])
def test_messages_of_any_size(server: GoServer, size: int) -> None:
    async def test(connection: InstanceConnection) -> None:
        messages = [b"e" + bytes([number]) * size for number in range(3)]
        assert await asyncio.gather(*(connection.unary(CALL, message, 50.0) for message in messages)) == messages

    run(server, test)


def test_an_answer_over_the_limit(server: GoServer) -> None:
    async def test(connection: InstanceConnection) -> None:
        with pytest.raises(PluginError, match="104857600 bytes") as raised:
            await connection.unary(CALL, b"l" + (100 << 20).to_bytes(4, "big"), 50.0)
        assert raised.value.kind == "protocol"
        assert await connection.unary(CALL, b"e", 30.0) == b"e"

    run(server, test)


def test_errors_and_deadlines(server: GoServer) -> None:
    async def test(connection: InstanceConnection) -> None:
        with pytest.raises(PluginError, match="FAILED_PRECONDITION: 100% wrong\ufffdü"):
            await connection.unary(CALL, b"f", 30.0)
        with pytest.raises(UnimplementedError):
            await connection.unary("/plugin.GRPCController/Shutdown", b"", 30.0)
        assert 20_000 < int.from_bytes(await connection.unary(CALL, b"d", 30.0), "big") <= 30_000
        with pytest.raises(PluginError) as raised:
            await connection.unary(CALL, b"s" + (20_000).to_bytes(4, "big"), 0.2)
        assert raised.value.kind == "timeout"
        assert server.line() == "cancelled"

    run(server, test)


def test_a_graceful_stop_answers_what_is_under_way(server: GoServer) -> None:
    async def test(connection: InstanceConnection) -> None:
        slow = asyncio.ensure_future(connection.unary(CALL, b"s" + (300).to_bytes(4, "big"), 30.0))
        await connection.unary(CALL, b"e", 30.0)
        server.stop()
        assert len(await slow) == 5
        while connection.usable:
            await asyncio.sleep(0.01)

    run(server, test)
    assert server.process.wait(20.0) == 0
