"""A worker's calls: which process takes one, what waits, what fails at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from time import monotonic
from typing import Any

import pytest

from headgate.api.plugin import PluginCall, PluginDefinition, PluginError, PluginReceiver
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.observe.plugin_stats import PluginStats
from headgate.protocols.grpc.client_call import CALL_STATUS, CALL_TIMEOUT
from headgate.runtimes.process.instance_calls import plugin_error
from headgate.runtimes.process.worker_client import WorkerPluginClient


class FakeCall(PluginCall):
    def __init__(self, connection: FakeConnection, deadline: float, receiver: PluginReceiver) -> None:
        self.connection = connection
        self.deadline = deadline
        self.receiver = receiver
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        self.connection.calls.remove(self)


class FakeConnection:
    def __init__(self) -> None:
        self.calls: list[FakeCall] = []
        self.usable = True

    @property
    def in_flight(self) -> int:
        return len(self.calls)

    def call(self, request: PluginRequest, deadline: float, receiver: PluginReceiver) -> PluginCall:
        self.calls.append(FakeCall(self, deadline, receiver))
        return self.calls[-1]

    def close(self) -> None:
        self.usable = False

    def answer(self, status: int = 0) -> None:
        self.calls.pop(0).receiver.on_plugin_response(PluginResponse(status=status))

    def fail(self, kind: str) -> None:
        self.calls.pop(0).receiver.on_plugin_failure(PluginError(kind, kind))


class Outcome(PluginReceiver):
    def __init__(self) -> None:
        self.seen: list[object] = []
        self.message = ""

    def on_plugin_response(self, response: PluginResponse) -> None:
        self.seen.append(response.status)

    def on_plugin_failure(self, error: PluginError) -> None:
        self.seen.append(error.kind)
        self.message = str(error)


class Case:
    def __init__(self, **definition: Any) -> None:
        self.stats = PluginStats("checker")
        self.client = WorkerPluginClient(PluginDefinition("checker", **definition), "key", self.stats, asyncio.get_running_loop())

    def start(self, timeout: float = 0.0) -> tuple[Outcome, PluginCall]:
        outcome = Outcome()
        return outcome, self.client.start(PluginRequest(), timeout, outcome)

    def connect(self) -> FakeConnection:
        connection = FakeConnection()
        self.client.calls.connections.append(connection)
        self.client.calls.serve_waiting()
        return connection


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_the_idlest_process_takes_a_call_with_its_deadline() -> None:
    async def test() -> None:
        case = Case(call_timeout=2.0)
        one, two = case.connect(), case.connect()
        before = monotonic()
        case.start()
        case.start(5.0)
        assert (one.in_flight, two.in_flight) == (1, 1)
        assert 2.0 <= one.calls[0].deadline - before < 3.0
        assert 5.0 <= two.calls[0].deadline - before < 6.0
        two.answer()
        case.start()
        assert (one.in_flight, two.in_flight) == (1, 1)
        two.usable = False
        case.start()
        assert (one.in_flight, two.in_flight) == (2, 1)
        assert (case.client.calls.in_flight, case.stats.in_flight, case.stats.calls) == (3, 3, 4)

    run(test())


def test_outcomes_are_told_once_and_counted() -> None:
    async def test() -> None:
        case = Case()
        connection = case.connect()
        good, _ = case.start()
        connection.answer(7)
        bad, _ = case.start()
        connection.fail("died")
        given_up, call = case.start()
        inner = connection.calls[0]
        call.cancel()
        call.cancel()
        inner.receiver.on_plugin_response(PluginResponse())
        assert (good.seen, bad.seen, given_up.seen, inner.cancelled) == ([7], ["died"], [], True)
        assert bad.message == "plugin checker: died"  # which of them, in a filter's log line
        assert case.stats.in_flight == 0
        assert case.stats.errors["died"] == 1
        assert sum(case.stats.time.counts) == 2

    run(test())


def test_a_call_waits_for_a_process_as_long_as_its_deadline_allows() -> None:
    async def test() -> None:
        case = Case()
        case.client.calls.availability.error = "exited with code 1"
        early, _ = case.start(0.01)
        late, _ = case.start(10.0)
        given_up, call = case.start(10.0)
        call.cancel()
        while not early.seen:
            await asyncio.sleep(0)
        assert early.seen == ["unavailable"]
        connection = case.connect()
        assert connection.in_flight == 1
        connection.answer(3)
        assert (late.seen, given_up.seen) == ([3], [])

    run(test())


def test_what_fails_at_once() -> None:
    async def test() -> None:
        case = Case(max_concurrent_calls=1)
        waiting, _ = case.start(10.0)
        assert case.start()[0].seen == ["overflow"]
        case.client.calls.availability.restart_at = monotonic() + 5.0
        case.client.calls.serve_waiting()
        assert waiting.seen == []
        case.client.calls.availability.restart_at = monotonic() + 20.0
        case.client.calls.serve_waiting()
        assert waiting.seen == ["unavailable"]
        assert case.start(10.0)[0].seen == ["unavailable"]
        case.client.calls.availability.enabled = False
        assert case.start(10.0)[0].seen == ["disabled"]
        assert {kind: count for kind, count in case.stats.errors.items() if count} == {"overflow": 1, "unavailable": 2, "disabled": 1}

    run(test())


def test_disabling_ends_what_waits() -> None:
    async def test() -> None:
        case = Case()
        waiting, _ = case.start(10.0)
        case.client.calls.availability.enabled = False
        case.client.calls.serve_waiting()
        assert waiting.seen == ["disabled"]

    run(test())


def test_a_successor_takes_new_calls() -> None:
    async def test() -> None:
        old, new = Case(), Case()
        before, _ = old.start(10.0)
        old.client.calls.successor = new.client.calls
        connection = new.connect()
        after, _ = old.start()
        connection.answer(9)
        old.connect().answer(8)
        assert (before.seen, after.seen) == ([8], [9])

    run(test())


def test_call_is_a_coroutine_that_can_be_cancelled() -> None:
    async def test() -> None:
        case = Case()
        connection = case.connect()
        asked = asyncio.create_task(case.client.call(PluginRequest()))
        await asyncio.sleep(0)
        connection.answer(4)
        assert (await asked).status == 4
        asked = asyncio.create_task(case.client.call(PluginRequest()))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert (connection.in_flight, case.stats.in_flight) == (0, 0)
        asked = asyncio.create_task(case.client.call(PluginRequest()))
        await asyncio.sleep(0)
        connection.fail("rpc")
        with pytest.raises(PluginError, match="rpc"):
            await asked

    run(test())


def test_a_build_waits_for_the_first_start() -> None:
    async def test() -> None:
        case = Case(start_timeout=10.0)
        statuses: list[int] = []
        thread = threading.Thread(target=lambda: statuses.append(case.client.call_from_build(PluginRequest(), 5.0).status))
        thread.start()
        connection = FakeConnection()
        case.client.calls.connections.append(connection)
        while not connection.calls:
            await asyncio.sleep(0.001)
        connection.answer(6)
        while not statuses:
            await asyncio.sleep(0.001)
        assert statuses == [6]
        case.client.calls.connections.clear()
        case.client.calls.availability.error = "exited with code 1"
        with pytest.raises(PluginError, match="exited with code 1"):
            await asyncio.to_thread(case.client.call_from_build, PluginRequest(), 5.0)

    run(test())


def test_a_process_that_sees_the_deadline_first_says_no_other_than_we_do() -> None:
    kinds = [plugin_error(reason, status, "").kind for reason, status in ((CALL_TIMEOUT, 0), (CALL_STATUS, 4), (CALL_STATUS, 14))]
    assert kinds == ["timeout", "timeout", "rpc"]
