"""A worker's plugins: connections follow what the supervisor tells, and the supervisor is told what is idle. The processes are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.api.errors import ConfigError
from headgate.api.plugin import PluginCall, PluginDefinition, PluginError, PluginReceiver
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.config.models import HeadgateConfig
from headgate.net.deadlines import DeadlineWheel
from headgate.observe.stats_store import StatsStore
from headgate.runtimes.process import worker_plugins
from headgate.runtimes.process.definition_build import PluginPlace, definition_to_wire, plugin_key
from headgate.runtimes.process.plugin_state import InstanceState, PluginState
from headgate.runtimes.process.worker_client import WorkerPluginClient
from headgate.runtimes.process.worker_plugins import GenerationPlugins, WorkerPlugins

OLD = PluginDefinition("checker", ("/bin/checker",), call_timeout=10.0)
NEW = replace(OLD, args=("-v",))


class FakeTransport:
    """Takes calls, and has them answered when the test says so."""

    def __init__(self) -> None:
        self.receivers: list[PluginReceiver] = []
        self.usable = True

    @property
    def in_flight(self) -> int:
        return len(self.receivers)

    def call(self, request: PluginRequest, deadline: float, receiver: PluginReceiver) -> PluginCall:
        self.receivers.append(receiver)
        return FakeCall()

    def answer(self) -> None:
        self.receivers.pop(0).on_plugin_response(PluginResponse())


class FakeCall:
    def cancel(self) -> None:
        return


class FakeConnection:
    """In place of :class:`InstanceConnection`."""

    made: list[FakeConnection]
    refused: int

    def __init__(self, network: str, address: str, wheel: DeadlineWheel, on_gone: Callable[[FakeConnection], None]) -> None:
        self.address = address
        self.transport = FakeTransport()
        self.closed = False
        self._on_gone = on_gone
        self.made.append(self)

    @property
    def in_flight(self) -> int:
        return self.transport.in_flight

    async def connect(self, timeout: float) -> None:
        if FakeConnection.refused:
            FakeConnection.refused -= 1
            raise PluginError("unavailable", "nobody listens")

    def close(self) -> None:
        self.closed = True

    def lost(self) -> None:
        receivers, self.transport.receivers = self.transport.receivers, []
        for receiver in receivers:
            receiver.on_plugin_failure(PluginError("died", "the peer closed the connection"))
        self._on_gone(self)


class Outcome(PluginReceiver):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_plugin_response(self, response: PluginResponse) -> None:
        self.seen.append("answer")

    def on_plugin_failure(self, error: PluginError) -> None:
        self.seen.append(error.kind)


class Case:
    def __init__(self) -> None:
        self.said: list[tuple[str, Mapping[str, object]]] = []
        self.plugins = WorkerPlugins(StatsStore(), DeadlineWheel(), lambda event, fields: self.said.append((event, fields)))
        FakeConnection.made, FakeConnection.refused = [], 0

    @property
    def connections(self) -> list[FakeConnection]:
        return FakeConnection.made

    @property
    def idle(self) -> list[object]:
        return [fields["instance"] for event, fields in self.said if event == "plugin_idle"]

    def generation(self, number: int, *declared: PluginDefinition, in_force: bool = False) -> GenerationPlugins:
        place = PluginPlace(Path("/nowhere"), HeadgateConfig(), look=False)
        names = {definition.name: definition for definition in declared}
        return GenerationPlugins(self.plugins, number, names, place, asyncio.get_running_loop(), in_force)

    async def in_force(self, number: int, definition: PluginDefinition) -> tuple[GenerationPlugins, WorkerPluginClient]:
        generation = self.generation(number, definition)
        client = generation.register(definition)
        await turns()
        generation.commit()
        return generation, client

    async def tell(self, *states: PluginState) -> None:
        self.plugins.update(list(states))
        await turns()


def state(definition: PluginDefinition, *instances: str, draining: tuple[str, ...] = (), **more: Any) -> PluginState:
    found = tuple(InstanceState(name, "unix", f"/{name}", name in draining) for name in instances)
    values: dict[str, Any] = {"enabled": True, "error": "", "restart_in": 0.0, "leaving": False, **more}
    return PluginState(plugin_key(definition), definition.name, instances=found, **values)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10.0):
        while not condition():
            await asyncio.sleep(0)


def start(client: WorkerPluginClient) -> Outcome:
    outcome = Outcome()
    client.start(PluginRequest(), 0.0, outcome)
    return outcome


Run = Callable[[Callable[[Case], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(worker_plugins, "InstanceConnection", FakeConnection)
    monkeypatch.setattr(worker_plugins, "_PAUSE", 0.001)

    def running(test: Callable[[Case], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            await test(Case())

        asyncio.run(whole())

    return running


def test_a_call_waits_until_the_supervisor_names_a_process(run: Run) -> None:
    async def test(case: Case) -> None:
        _, client = await case.in_force(1, OLD)
        assert case.said == [("need_plugin", {"generation": 1, "definition": definition_to_wire(OLD)})]
        outcome = start(client)
        await case.tell(state(OLD))
        assert outcome.seen == []
        await case.tell(state(OLD, "a"))
        (connection,) = case.connections
        assert (connection.address, connection.in_flight) == ("/a", 1)
        connection.transport.answer()
        assert outcome.seen == ["answer"]

    run(test)


def test_a_connection_that_cannot_be_made_or_is_lost_is_made_again(run: Run) -> None:
    async def test(case: Case) -> None:
        _, client = await case.in_force(1, OLD)
        FakeConnection.refused = 2
        await case.tell(state(OLD, "a"))
        await until(lambda: client.calls.connections)
        assert len(case.connections) == 3
        under_way = start(client)
        case.connections[2].lost()
        assert (under_way.seen, client.calls.connections) == (["died"], [])
        later = start(client)
        await until(lambda: client.calls.connections)
        case.connections[3].transport.answer()
        assert later.seen == ["answer"]

    run(test)


def test_an_outage_is_told_once_and_so_is_its_end(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def test(case: Case) -> None:
        _, client = await case.in_force(1, OLD)
        await case.tell(state(OLD, "a"))
        for outage in range(2):
            FakeConnection.refused = 5
            case.connections[-1].lost()
            await until(lambda: client.calls.connections)
            told = ["no connection, it is tried again every 0.001 s: nobody listens", "it is connected again"]
            assert caplog.messages == [f"plugin a: {text}" for text in told * (outage + 1)]
        case.connections[-1].lost()
        await until(lambda: client.calls.connections)
        assert len(caplog.messages) == 4, "a connection that is made again at once is none"

    run(test)


def test_the_end_of_a_process_ends_its_connection(run: Run) -> None:
    async def test(case: Case) -> None:
        _, client = await case.in_force(1, OLD)
        await case.tell(state(OLD, "a"))
        await case.tell(state(OLD, error="killed", restart_in=60.0))
        assert case.connections[0].closed
        assert start(client).seen == ["unavailable"]
        await case.tell(state(OLD, "b"))
        start(client)
        assert case.connections[1].in_flight == 1

    run(test)


def test_switched_off_calls_fail_and_what_is_under_way_ends_first(run: Run) -> None:
    async def test(case: Case) -> None:
        _, client = await case.in_force(1, OLD)
        await case.tell(state(OLD, "a"))
        under_way = start(client)
        await case.tell(state(OLD, "a", draining=("a",), enabled=False))
        assert start(client).seen == ["disabled"]
        assert (under_way.seen, case.idle) == ([], [])
        case.connections[0].transport.answer()
        await until(lambda: case.idle)
        assert (under_way.seen, case.idle, case.connections[0].closed) == (["answer"], ["a"], True)
        await case.tell(state(OLD, "a", draining=("a",), enabled=False))
        assert case.idle == ["a"], "it is told once"

    run(test)


def test_a_changed_definition_takes_new_calls_and_the_old_ones_end(run: Run) -> None:
    async def test(case: Case) -> None:
        former, old = await case.in_force(1, OLD)
        await case.tell(state(OLD, "a"))
        before = start(old)
        _, new = await case.in_force(2, NEW)
        await case.tell(state(OLD, "a", leaving=True), state(NEW, "b"))
        after, also = start(old), start(new)  # a request of the former configuration may still come
        assert [connection.in_flight for connection in case.connections] == [1, 2]
        assert case.idle == []
        case.connections[0].transport.answer()
        former.release()
        await until(lambda: case.idle)
        assert case.idle == ["a"]
        await case.tell(state(NEW, "b"))
        for _ in range(2):
            case.connections[1].transport.answer()
        assert before.seen == after.seen == also.seen == ["answer"]

    run(test)


def test_a_configuration_that_does_not_come_into_force_leaves_nothing(run: Run) -> None:
    async def test(case: Case) -> None:
        await case.in_force(1, OLD)
        candidate = case.generation(2, NEW)
        client = candidate.register(NEW)
        await turns()
        await case.tell(state(OLD, "a"), state(NEW, "b"))
        assert client.calls.connections
        candidate.release()
        candidate.release()
        await case.tell(state(OLD, "a"), state(NEW, "b", leaving=True))
        await until(lambda: case.idle)
        assert case.idle == ["b"]
        await case.tell(state(OLD, "a"))
        start(case.plugins.client(OLD, asyncio.get_running_loop()))
        assert [connection.in_flight for connection in case.connections] == [1, 0]

    run(test)


def test_one_name_is_one_definition(run: Run) -> None:
    async def test(case: Case) -> None:
        generation = case.generation(1)
        client = generation.register(OLD)
        assert generation.register(OLD) is client
        with pytest.raises(ConfigError, match="'checker' is defined twice, and differently"):
            generation.register(NEW)
        declared = case.generation(2, NEW)
        assert declared.register(OLD).definition == NEW
        await turns()

    run(test)


def test_who_speaks_to_a_process_by_itself_is_told_of_each_state(run: Run) -> None:
    async def test(case: Case) -> None:
        host = replace(OLD, protocol="filter")
        generation, client = await case.in_force(1, host)
        seen: list[PluginState] = []
        generation.observe(client, seen.append)
        await case.tell(state(host))
        await case.tell(state(host, "a"))
        assert seen == [state(host), state(host, "a")]
        assert case.connections == []
        case.plugins.unobserve(client.key, seen.append)
        await case.tell(state(host))
        assert len(seen) == 2

    run(test)
