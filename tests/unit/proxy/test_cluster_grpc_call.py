"""gRPC calls to clusters without a socket: connections, breaker and statistics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from headgate.api.grpc_call import GrpcCall, GrpcReceiver, GrpcRequest, Metadata
from headgate.config.models import CircuitBreakerConfig, ClusterConfig, ClusterManagerConfig, HostConfig, TlsContextConfig
from headgate.net.deadlines import DeadlineWheel
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.stats_store import StatsStore
from headgate.protocols.grpc.message_reader import message_prefix
from headgate.proxy.cluster_call import ClusterCaller
from headgate.proxy.cluster_grpc_call import StartedGrpcCall
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.connector import connect
from headgate.upstream.grpc_connection import GrpcHostConnection
from headgate.upstream.grpc_pool import GrpcPool
from headgate.upstream.host import Host
from headgate.upstream.pools import Pools
from tests.unit.protocols.grpc_client_peers import HEAD, OK
from tests.unit.protocols.http2_peers import FakeTransport


class Receiver(GrpcReceiver):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.then: Callable[[], None] | None = None

    def on_grpc_initial_metadata(self, metadata: Metadata) -> None:
        return

    def on_grpc_message(self, message: bytes) -> None:
        self.messages.append(message)

    def on_grpc_trailing_metadata(self, metadata: Metadata) -> None:
        return

    def on_grpc_close(self, status: int, message: str) -> None:
        assert self.closed is None
        self.closed = (status, message)
        if self.then is not None:
            self.then()


class Served:
    """One connection as its host sees it, with the h2 package."""

    def __init__(self, connection: GrpcHostConnection, settings: dict[h2.settings.SettingCodes, int]) -> None:
        self.connection = connection
        self.transport = FakeTransport()
        self.server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        if settings:
            self.server.local_settings = h2.settings.Settings(client=False, initial_values=settings)
        self.server.initiate_connection()
        self.requests: list[int] = []
        connection.connection_made(cast(asyncio.Transport, self.transport))

    def exchange(self) -> None:
        while True:
            self.connection.release_output()
            to_server = self.transport.take()
            for event in self.server.receive_data(to_server) if to_server else []:
                if isinstance(event, h2.events.RequestReceived):
                    self.requests.append(event.stream_id)
            to_client = self.server.data_to_send()
            if to_client:
                self.connection.data_received(to_client)
            if not to_server and not to_client:
                return

    def answer(self, stream_id: int) -> None:
        self.server.send_headers(stream_id, HEAD)
        self.server.send_data(stream_id, message_prefix(6) + b"answer")
        self.server.send_headers(stream_id, OK, end_stream=True)
        self.exchange()


class World:
    """One cluster with one host, whose connections are made in memory."""

    def __init__(self, breaker: CircuitBreakerConfig | None = None, hosts: int = 1, tls: bool = False) -> None:
        self.connections: list[Served] = []
        self.refuse = False
        self.settings: dict[h2.settings.SettingCodes, int] = {}
        config = ClusterConfig(
            name="grpc",
            hosts=[HostConfig(address="127.0.0.1:1")] * hosts,
            circuit_breakers=[breaker] if breaker is not None else [],
            tls_context=TlsContextConfig(status=True, insecure_skip=True) if tls else None,
        )
        store = StatsStore()
        manager = ClusterManagerConfig(clusters=[config])
        clusters = ClusterManager.from_config(manager, "cluster_manager", store, None, TlsBuilder(store, None))
        self.cluster = clusters.clusters["grpc"]
        self.wheel = DeadlineWheel()
        self.pools = Pools(self.wheel, connect, self._connect)
        self.caller = ClusterCaller(clusters, self.pools, self.wheel)
        self.stats = self.cluster.hosts[0].stats if hosts else None

    async def _connect(self, pool: GrpcPool, connection: GrpcHostConnection, host: Host, timeout: float) -> None:
        if self.refuse:
            pool.connect_failed("no connection to 127.0.0.1:1: refused")
            return
        self.connections.append(Served(connection, self.settings))
        pool.connected(connection)

    def start(self, cluster: str = "grpc", timeout: float = 0.0) -> tuple[GrpcCall, Receiver]:
        receiver = Receiver()
        call = self.caller.start_grpc(GrpcRequest(cluster, b"/test.Echo/Say", [(b"x-one", b"1")], timeout), receiver)
        call.send(b"hello", True)
        return call, receiver

    async def settle(self) -> None:
        """Let connections be made, and carry what there is."""
        for _ in range(3):
            await asyncio.sleep(0)
        for served in self.connections:
            if not served.connection.closed:
                served.exchange()

    def at_rest(self) -> bool:
        """Whatever was taken has been given back."""
        breaker = self.cluster.breaker
        host = self.cluster.hosts[0]
        return (breaker.requests, breaker.pending, host.active_requests, host.stats.request_active) == (0, 0, 0, 0)


Test = Callable[[World], Awaitable[None]]


@pytest.fixture
def run() -> Iterator[Callable[..., None]]:
    def inside(test: Test, world: World | None = None) -> None:
        async def main() -> None:
            await test(world if world is not None else World())

        asyncio.run(main())

    yield inside


Run = Callable[..., None]


def test_calls_share_one_connection(run: Run) -> None:
    async def test(world: World) -> None:
        first, second = world.start(), world.start()
        await world.settle()
        third = world.start()
        await world.settle()
        (served,) = world.connections
        assert served.requests == [1, 3, 5]
        assert (world.cluster.breaker.requests, world.cluster.hosts[0].active_requests) == (3, 3)
        for stream_id in (5, 1, 3):
            served.answer(stream_id)
        assert [call[1].messages for call in (first, second, third)] == [[b"answer"]] * 3
        assert [call[1].closed for call in (first, second, third)] == [(0, "")] * 3
        stats = world.stats
        assert stats is not None
        assert (stats.request_total, stats.response_success, stats.connection_total, stats.connection_active) == (3, 3, 1, 1)
        assert stats.connection_bytes_read_total > 0
        assert stats.connection_bytes_write_total > 0
        assert world.at_rest()

    run(test)


def test_a_host_that_refuses_fails_all_that_wait_and_is_tried_again(run: Run) -> None:
    async def test(world: World) -> None:
        world.refuse = True
        calls = [world.start(), world.start()]
        again: list[tuple[GrpcCall, Receiver]] = []
        calls[0][1].then = lambda: again.append(world.start())
        await world.settle()
        assert [receiver.closed for _, receiver in calls] == [(14, "no connection to 127.0.0.1:1: refused")] * 2
        world.refuse = False
        await world.settle()
        assert again[0][1].closed == (14, "no connection to 127.0.0.1:1: refused"), "begun by who was told; an attempt of its own"
        last = world.start()
        await world.settle()
        world.connections[0].answer(1)
        assert last[1].closed == (0, "")
        assert world.stats is not None
        assert world.stats.connection_con_fail == 2
        assert world.cluster.breaker.connections == 1
        assert world.at_rest()

    run(test)


def test_calls_given_up_before_there_is_a_connection(run: Run) -> None:
    async def test(world: World) -> None:
        cancelled, late = world.start(), world.start(timeout=30.0)
        assert world.cluster.breaker.pending == 2
        cancelled[0].cancel()
        cast(StartedGrpcCall, late[0]).call.on_deadline()
        assert (cancelled[1].closed, late[1].closed) == (None, (4, "no answer in time"))
        await world.settle()
        assert world.connections[0].requests == []
        assert world.stats is not None
        assert (world.stats.request_local_reset, world.stats.request_timeout) == (1, 1)
        assert world.at_rest()

    run(test)


def test_a_deadline_goes_with_the_call(run: Run) -> None:
    async def test(world: World) -> None:
        call, receiver = world.start(timeout=30.0)
        await world.settle()
        cast(StartedGrpcCall, call).call.on_deadline()
        assert receiver.closed == (4, "no answer in time")
        assert cast(StartedGrpcCall, call).call.tick == 0, "the wheel has forgotten it"
        assert world.at_rest()

    run(test)


def test_the_breaker_bounds_calls(run: Run) -> None:
    async def test(world: World) -> None:
        first, second = world.start(), world.start()
        assert second[1].closed == (14, "too many requests to the cluster")
        assert world.cluster.stats.request_pending_overflow == 1
        first[0].cancel()
        third = world.start()
        assert third[1].closed is None

    run(test, World(CircuitBreakerConfig(max_requests=1)))


def test_the_breaker_bounds_calls_that_wait_for_a_connection(run: Run) -> None:
    async def test(world: World) -> None:
        first, second = world.start(), world.start()
        assert second[1].closed == (14, "too many requests wait for a connection")
        await world.settle()
        third = world.start()
        await world.settle()
        assert world.connections[0].requests == [1, 3]
        assert (first[1].closed, third[1].closed) == (None, None)

    run(test, World(CircuitBreakerConfig(max_pending_requests=1, max_connections=1)))


def test_a_host_that_goes_away_finishes_and_is_connected_to_anew(run: Run) -> None:
    async def test(world: World) -> None:
        old = world.start()
        await world.settle()
        world.connections[0].server.close_connection(last_stream_id=1)
        # h2 sends nothing more itself after that; what is due comes from a second look at the same connection.
        world.connections[0].connection.data_received(world.connections[0].server.data_to_send())
        new = world.start()
        await world.settle()
        assert len(world.connections) == 2
        world.connections[1].answer(1)
        assert (old[1].closed, new[1].closed) == (None, (0, ""))
        world.connections[0].connection.connection_lost(None)
        assert old[1].closed == (14, "the peer closed the connection")
        assert world.stats is not None
        assert (world.stats.connection_close, world.stats.connection_remote_close_with_active_request) == (1, 1)
        assert world.at_rest()

    run(test)


def test_the_death_of_a_connection_fails_its_calls(run: Run) -> None:
    async def test(world: World) -> None:
        calls = [world.start(), world.start()]
        await world.settle()
        world.connections[0].connection.connection_lost(ConnectionResetError("reset"))
        assert [receiver.closed for _, receiver in calls] == [(14, "reset")] * 2
        assert world.stats is not None
        assert (world.stats.request_remote_reset, world.stats.response_failed, world.stats.connection_active) == (2, 2, 0)
        assert world.cluster.breaker.connections == 0
        again = world.start()
        await world.settle()
        world.connections[1].answer(1)
        assert again[1].closed == (0, "")

    run(test)


def test_an_idle_connection_is_closed(run: Run) -> None:
    async def test(world: World) -> None:
        world.start()
        await world.settle()
        connection = world.connections[0].connection
        connection.time_is_over()
        assert not connection.closed, "a call is under way"
        world.connections[0].answer(1)
        assert connection._watch.deadline > 0.0
        connection.time_is_over()
        assert (connection.closed, world.connections[0].transport.closed) == (True, True)
        assert world.stats is not None
        assert (world.stats.connection_local_close, world.stats.connection_local_close_with_active_request) == (1, 0)
        again = world.start()
        await world.settle()
        world.connections[1].answer(1)
        assert again[1].closed == (0, "")

    run(test)


def test_a_host_that_says_nothing_is_given_up(run: Run) -> None:
    async def test(world: World) -> None:
        _, receiver = world.start()
        for _ in range(3):
            await asyncio.sleep(0)
        connection = world.connections[0].connection
        assert connection._watch.deadline > 0.0
        connection.time_is_over()
        assert receiver.closed == (14, "no HTTP/2 within 10 s")
        assert world.connections[0].transport.closed
        assert world.at_rest()

    run(test)


def test_the_end_of_the_configuration(run: Run) -> None:
    """What is under way goes on, what waits for its turn fails, nothing begins."""

    async def test(world: World) -> None:
        under_way = world.start()
        await world.settle()
        waiting = world.start()
        world.pools.close()
        assert waiting[1].closed == (14, "the configuration is no longer in force")
        late = world.start()
        assert late[1].closed == (14, "the configuration is no longer in force")
        world.connections[0].answer(1)
        assert under_way[1].closed == (0, "")
        assert world.connections[0].connection.closed
        assert world.cluster.breaker.connections == 0
        assert world.at_rest()

    world = World()
    world.settings = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1}
    run(test, world)


def test_the_end_of_the_configuration_while_connecting(run: Run) -> None:
    async def test(world: World) -> None:
        _, receiver = world.start()
        world.pools.close()
        await world.settle()
        before = receiver.closed
        world.connections[0].answer(1)
        assert (before, receiver.closed) == (None, (0, "")), "it was asked for in time"
        assert world.connections[0].connection.closed

    run(test)


@pytest.mark.parametrize(
    ("world", "cluster", "detail"),
    [
        (lambda: World(), "nowhere", "there is no cluster 'nowhere'"),
        (lambda: World(hosts=0), "grpc", "cluster 'grpc' has no usable host"),
        (lambda: World(tls=True), "grpc", "cluster 'grpc' has TLS: gRPC calls are made in plain text only"),
    ],
)
def test_where_no_call_can_go(run: Run, world: Callable[[], World], cluster: str, detail: str) -> None:
    async def test(made: World) -> None:
        _, receiver = made.start(cluster)
        assert receiver.closed == (14, detail)
        assert made.cluster.breaker.requests == 0

    run(test, world())
