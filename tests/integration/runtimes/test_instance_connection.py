"""The connection to a plugin's process, against grpcio's server and against what is no plugin."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

import pytest
import uvloop

from headgate.api.plugin import PluginCall, PluginError, PluginReceiver
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.http2.frame import END_HEADERS, HEADERS, frame_header, settings_frame
from headgate.runtimes.process.instance_connection import InstanceConnection, UnimplementedError
from tests.integration.runtimes.grpc_servers import grpcio_plugin, raw_server


class Receiver(PluginReceiver):
    """Hands the outcome to a future, and counts that there is one."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[PluginResponse] = asyncio.get_running_loop().create_future()

    def on_plugin_response(self, response: PluginResponse) -> None:
        self.outcome.set_result(response)

    def on_plugin_failure(self, error: PluginError) -> None:
        self.outcome.set_exception(error)


class Client:
    """A connection, and calls that are waited for."""

    def __init__(self, network: str, address: str) -> None:
        self.gone: list[InstanceConnection] = []
        self.connection = InstanceConnection(network, address, DeadlineWheel(), self.gone.append)

    def start(
        self, type: str = "", body: bytes = b"", header: dict[str, str] | None = None, timeout: float = 20.0
    ) -> tuple[PluginCall, Receiver]:
        receiver = Receiver()
        return self.connection.call(PluginRequest(header, None, body, type), monotonic() + timeout, receiver), receiver

    async def call(self, type: str = "", body: bytes = b"", header: dict[str, str] | None = None, timeout: float = 20.0) -> PluginResponse:
        return await self.start(type, body, header, timeout)[1].outcome

    async def fails(self, type: str, body: bytes = b"", timeout: float = 20.0) -> PluginError:
        with pytest.raises(PluginError) as raised:
            await self.call(type, body, timeout=timeout)
        return raised.value


Test = Callable[[Client], Awaitable[None]]


def run(network: str, address: str, test: Test) -> None:
    """Run a test with a connection."""

    async def inside() -> None:
        client = Client(network, address)
        await client.connection.connect(20.0)
        await test(client)
        client.connection.close()
        assert client.connection.in_flight == 0
        assert client.gone == [client.connection]

    uvloop.run(inside())


def with_grpcio(test: Test) -> None:
    with grpcio_plugin() as (_, port):
        run("tcp", f"127.0.0.1:{port}", test)


def refused(network: str, address: str, timeout: float = 20.0) -> PluginError:
    """The error of a connection that cannot be made."""

    async def inside() -> PluginError:
        client = Client(network, address)
        with pytest.raises(PluginError) as raised:
            await client.connection.connect(timeout)
        assert not client.gone
        assert not client.connection.usable
        return raised.value

    return uvloop.run(inside())


def test_calls_grpcio_over_a_unix_socket(tmp_path: Path) -> None:
    async def test(client: Client) -> None:
        response = await client.call(body=b"body", header={"user": "admin", "ü": "ö" * 200})
        assert (response.header, response.body, response.status) == ({"user": "admin", "ü": "ö" * 200}, b"body", -1)

    with grpcio_plugin(f"unix:{tmp_path}/plugin.sock"):
        run("unix", f"{tmp_path}/plugin.sock", test)


def test_a_hundred_calls_at_once_get_each_its_own_answer() -> None:
    async def test(client: Client) -> None:
        for _ in range(5):
            responses = await asyncio.gather(*(client.call(header={"number": str(number)}) for number in range(100)))
            assert [response.header["number"] for response in responses] == [str(number) for number in range(100)]

    with_grpcio(test)


@pytest.mark.parametrize("size", [0, 16378, 16379, 70_000, 1_000_000, 5_000_000])
def test_bodies_of_any_size_both_ways(size: int) -> None:
    async def test(client: Client) -> None:
        bodies = [bytes([number]) * size for number in range(3)]
        responses = await asyncio.gather(*(client.call("double", body) for body in bodies))
        assert [response.body for response in responses] == [body * 2 for body in bodies]

    with_grpcio(test)


def test_errors_keep_to_their_call() -> None:
    async def test(client: Client) -> None:
        error = await client.fails("abort")
        assert (error.kind, str(error)) == ("rpc", "FAILED_PRECONDITION: 100% wrong\ufffdforged log line")
        assert (await client.fails("garbage")).kind == "protocol"
        assert (await client.call(body=b"still there")).body == b"still there"

    with_grpcio(test)


def test_the_deadline_holds_here_and_is_told_there() -> None:
    async def test(client: Client) -> None:
        remaining = float((await client.call("timeout", timeout=30.0)).body)
        assert 10.0 < remaining <= 31.0
        assert (await client.fails("sleep", b"3", timeout=0.1)).kind == "timeout"
        assert client.connection.in_flight == 0

    with_grpcio(test)


def test_a_cancelled_call_hears_nothing_more() -> None:
    async def test(client: Client) -> None:
        call, receiver = client.start("sleep", b"0.1")
        call.cancel()
        call.cancel()
        assert client.connection.in_flight == 0
        await client.call("sleep", b"0.2")
        assert not receiver.outcome.done()

    with_grpcio(test)


def test_methods_that_a_plugin_may_lack() -> None:
    async def test(client: Client) -> None:
        client.connection.open_broker_stream()
        with pytest.raises(UnimplementedError):
            await client.connection.unary("/grpc.health.v1.Health/Check", b"", 20.0)
        assert (await client.call(body=b"x")).body == b"x"
        assert await client.connection.unary("/proto.Plugin/Call", b"\x1a\x01x", 20.0) == b"\x1a\x01x\x20" + b"\xff" * 9 + b"\x01"

    with_grpcio(test)


def test_a_server_that_goes_away_lets_its_calls_end() -> None:
    async def inside() -> None:
        with grpcio_plugin() as (server, port):
            client = Client("tcp", f"127.0.0.1:{port}")
            await client.connection.connect(20.0)
            _, receiver = client.start("sleep", b"0.3")
            await client.call()
            server.stop(20.0)
            assert (await receiver.outcome).status == -1
            while not client.gone:
                await asyncio.sleep(0.01)
            assert not client.connection.usable
            assert (await client.fails("")).kind == "died"

    uvloop.run(inside())


def test_death_fails_what_is_under_way_at_once() -> None:
    def dies(connection: socket.socket) -> None:
        connection.sendall(settings_frame([]))
        received = b""
        while b"question" not in received:
            received += connection.recv(65536)

    async def inside(port: int) -> None:
        client = Client("tcp", f"127.0.0.1:{port}")
        await client.connection.connect(20.0)
        _, other = client.start(body=b"other")
        assert (await client.fails("", b"question")).kind == "died"
        with pytest.raises(PluginError):
            await other.outcome
        assert client.gone == [client.connection]
        assert client.connection.in_flight == 0

    with raw_server(dies) as port:
        uvloop.run(inside(port))


def test_garbage_ends_the_connection() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(settings_frame([]))
        received = b""
        while b"question" not in received:
            received += connection.recv(65536)
        connection.sendall(b"\x00\x00\x03garbage, and more of it" * 100)
        while connection.recv(65536):
            pass

    async def inside(port: int) -> None:
        client = Client("tcp", f"127.0.0.1:{port}")
        await client.connection.connect(20.0)
        assert (await client.fails("", b"question")).kind == "protocol"
        assert client.gone == [client.connection]

    with raw_server(serve) as port:
        uvloop.run(inside(port))


def test_an_answer_of_a_gigabyte_is_refused_before_it_is_read() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(settings_frame([]))
        received = b""
        while b"question" not in received:
            received += connection.recv(65536)
        head = b"\x88\x5f\x10application/grpc"
        connection.sendall(frame_header(len(head), HEADERS, END_HEADERS, 1) + head)
        connection.sendall(frame_header(16384, 0, 0, 1) + b"\x00\x40\x00\x00\x00" + b"x" * 16379)
        while connection.recv(65536):
            connection.sendall(frame_header(16384, 0, 0, 1) + b"x" * 16384)

    async def inside(port: int) -> None:
        client = Client("tcp", f"127.0.0.1:{port}")
        await client.connection.connect(20.0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        error = await client.fails("", b"question")
        assert (error.kind, "1073741824 bytes" in str(error)) == ("protocol", True)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
        client.connection.close()

    with raw_server(serve) as port:
        uvloop.run(inside(port))


def test_a_plugin_that_reads_slowly_gets_it_all(tmp_path: Path) -> None:
    """The request is larger than every buffer on the way; the server grants its windows bit by bit (grpcio does)."""

    async def test(client: Client) -> None:
        body = bytes(range(256)) * 40_000
        responses = await asyncio.gather(client.call("sleep", b"0.2"), client.call("double", body))
        assert responses[1].body == body * 2

    with_grpcio(test)


@pytest.mark.parametrize(
    ("said", "kind"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", "protocol"), (b"\xff" * 50, "protocol"), (b"", "unavailable"), (b"SSH-2.0-x\r\n", "protocol")],
)
def test_something_that_speaks_no_http2(said: bytes, kind: str) -> None:
    with raw_server(lambda connection: connection.sendall(said)) as port:
        error = refused("tcp", f"127.0.0.1:{port}")
        assert (error.kind, f"127.0.0.1:{port}" in str(error)) == (kind, True)


def test_something_that_says_nothing() -> None:
    def silent(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    with raw_server(silent) as port:
        assert refused("tcp", f"127.0.0.1:{port}", 0.1).kind == "unavailable"


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for network, address in (("tcp", f"127.0.0.1:{port}"), ("unix", f"{tmp_path}/missing.sock")):
        error = refused(network, address)
        assert (error.kind, "cannot connect" in str(error)) == ("unavailable", True)


@pytest.mark.parametrize("address", ["192.0.2.1:80", "example.com:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x", "[2001:db8::1]:80"])
def test_plugins_are_on_this_machine(address: str) -> None:
    assert refused("tcp", address).kind == "unavailable"
