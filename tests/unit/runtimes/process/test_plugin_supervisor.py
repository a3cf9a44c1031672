"""What the supervisor decides about its plugins, with plugins that only say what was asked of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from headgate.api.errors import ConfigRejected
from headgate.api.plugin import PluginDefinition
from headgate.runtimes.process import plugin_supervisor
from headgate.runtimes.process.definition_build import plugin_key
from headgate.runtimes.process.plugin_state import InstanceState, PluginState
from headgate.runtimes.process.plugin_supervisor import PluginSupervisor

A = PluginDefinition("a", ("/bin/a",))
B = PluginDefinition("b", ("/bin/b",))
B2 = PluginDefinition("b", ("/bin/b", "-v"))


class FakePlugin:
    """In place of :class:`ManagedPlugin`."""

    made: list[FakePlugin]
    failing: dict[str, str]

    def __init__(
        self, definition: PluginDefinition, path: str, enabled: bool, room: object, stats: object, changed: Callable[[], None]
    ) -> None:
        self.definition = definition
        self.key = plugin_key(definition)
        self.path = path
        self.leaving = False
        self.enabled = enabled
        self.starts = int(enabled)
        self.ended = asyncio.Event()
        self.drained: Callable[[str], bool] | None = None
        self.instance = f"{definition.name}#{len(self.made)}"
        self.made.append(self)

    @property
    def up(self) -> int:
        return int(self.enabled and self.definition.name not in self.failing and not self.ended.is_set())

    def fill(self) -> None:
        self.enabled = True
        self.starts += 1

    async def first_start(self) -> str:
        return self.failing.get(self.definition.name, "")

    async def stop(self, drained: Callable[[str], bool], grace: float) -> None:
        self.drained = drained
        while grace and not drained(self.instance):
            await asyncio.sleep(0)
        self.ended.set()

    async def kill(self) -> None:
        self.ended.set()

    def state(self) -> PluginState:
        return PluginState(
            self.key, self.definition.name, self.enabled, "", 0.0, self.leaving, (InstanceState(self.instance, "unix", "/s", self.leaving),)
        )


class Case:
    def __init__(self) -> None:
        self.published: list[list[PluginState]] = []
        self.workers = {1, 2}
        self.supervisor = PluginSupervisor(lambda: Path("/nowhere"), self.published.append, lambda: self.workers)
        self.failing: dict[str, str] = {}
        FakePlugin.made, FakePlugin.failing = [], self.failing

    @property
    def made(self) -> list[FakePlugin]:
        return FakePlugin.made

    async def in_force(self, generation: int, *definitions: PluginDefinition, grace: float = 10.0) -> None:
        self.supervisor.prepare(generation, {definition.name: definition for definition in definitions})
        await self.supervisor.ready(generation)
        self.supervisor.commit(generation, grace)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Case], Coroutine[Any, Any, None]]], None]:
    monkeypatch.setattr(plugin_supervisor, "ManagedPlugin", FakePlugin)

    def running(test: Callable[[Case], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            case = Case()
            await test(case)
            await case.supervisor.kill()

        asyncio.run(whole())

    return running


Run = Callable[[Callable[[Case], Coroutine[Any, Any, None]]], None]


def test_what_has_not_changed_runs_on_and_the_rest_leaves(run: Run) -> None:
    async def test(case: Case) -> None:
        await case.in_force(1, A, B)
        await case.in_force(2, A, B2)
        assert [plugin.definition for plugin in case.made] == [A, B, B2]
        a, b, b2 = case.made
        assert (a.leaving, b.leaving, b2.leaving) == (False, True, False)
        await turns()
        assert not b.ended.is_set(), "workers still use it"
        case.supervisor.worker_idle(1, b.instance)
        await turns()
        assert not b.ended.is_set(), "one of two workers still uses it"
        case.workers.discard(2)
        await turns()
        assert b.ended.is_set()
        assert case.supervisor.names() == ["a", "b"]
        assert [state.key for state in case.supervisor.states()] == [a.key, b2.key]

    run(test)


def test_a_configuration_is_refused_for_what_does_not_come_up(run: Run) -> None:
    async def test(case: Case) -> None:
        await case.in_force(1, A)
        case.failing["b"] = "exited with code 3"
        case.supervisor.prepare(2, {"a": A, "b": B})
        with pytest.raises(ConfigRejected, match=r"plugins\[1\]: plugin 'b' cannot be started: exited with code 3"):
            await case.supervisor.ready(2)
        await case.supervisor.abort(2)
        a, b = case.made
        assert (a.ended.is_set(), b.ended.is_set()) == (False, True)
        assert case.supervisor.names() == ["a"]

    run(test)


def test_one_that_was_up_is_no_reason_to_refuse_once_it_has_started_again(run: Run) -> None:
    async def test(case: Case) -> None:
        await case.in_force(1, A)
        case.workers.clear()  # so no call is under way that it would have to end first
        await case.supervisor.disable("a")
        await case.in_force(2, A)  # switched off: not waited for
        assert case.supervisor.status("a") == (False, False)
        assert len(case.made) == 1

    run(test)


def test_what_workers_find_out_while_they_build(run: Run) -> None:
    async def test(case: Case) -> None:
        case.supervisor.prepare(1, {})
        case.supervisor.need(1, A)
        case.supervisor.need(1, A)
        case.supervisor.need(7, B)  # given up meanwhile
        case.supervisor.commit(1, 0.0)
        case.supervisor.need(1, B)  # of a worker that has taken a dead one's place
        assert [(plugin.definition, plugin.path) for plugin in case.made] == [(A, ""), (B, "")]
        await case.in_force(2, B)
        assert [plugin.leaving for plugin in case.made] == [True, False]

    run(test)


def test_a_definition_that_comes_back_while_it_leaves_is_started_anew(run: Run) -> None:
    async def test(case: Case) -> None:
        await case.in_force(1, A)
        await case.in_force(2)
        await case.in_force(3, A)
        old, new = case.made
        (state,) = case.supervisor.states()
        assert {(instance.instance, instance.draining) for instance in state.instances} == {(old.instance, True), (new.instance, False)}
        assert not state.leaving

    run(test)


def test_switched_off_it_stays_so_over_reloads(run: Run) -> None:
    async def test(case: Case) -> None:
        await case.in_force(1, B)
        disabling = asyncio.create_task(case.supervisor.disable("b"))
        await turns()
        assert case.supervisor.status("b") == (False, False)
        case.workers.clear()
        assert await disabling
        await case.in_force(2, B2)
        assert (case.made[1].enabled, case.made[1].starts) == (False, 0)
        assert await case.supervisor.enable("b")
        assert (case.made[1].enabled, case.made[1].starts) == (True, 1)
        assert case.supervisor.status("b") == (True, True)
        assert not await case.supervisor.enable("other")
        assert not await case.supervisor.disable("other")
        assert case.supervisor.status("other") is None

    run(test)


def test_several_changes_of_one_turn_are_told_at_once(run: Run) -> None:
    async def test(case: Case) -> None:
        case.supervisor.prepare(1, {"a": A, "b": B})
        case.supervisor.commit(1, 0.0)
        assert case.published == []
        await asyncio.sleep(0)
        assert [[state.name for state in states] for states in case.published] == [["a", "b"]]

    run(test)


def test_nothing_is_started_while_it_stops(run: Run) -> None:
    async def test(case: Case) -> None:
        await case.in_force(1, A)
        await case.supervisor.stop()
        case.supervisor.need(1, B)
        assert [plugin.definition for plugin in case.made] == [A]
        assert case.made[0].ended.is_set()

    run(test)
