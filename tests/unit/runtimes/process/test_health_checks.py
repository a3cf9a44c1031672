"""A process that fails its health checks is replaced, whatever it speaks; a filter host answers the question in its loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.api import StreamFilterFactory
from headgate.api.plugin import PluginDefinition, PluginRestart
from headgate.api.registry import Registration
from headgate.observe.plugin_stats import PluginProcessStats
from headgate.runtimes.process import plugin_place
from headgate.runtimes.process.filter_host_connection import WorkerConnection
from headgate.runtimes.process.filter_host_entry import HostedFactory
from headgate.runtimes.process.handshake import Endpoint
from headgate.runtimes.process.isolation_messages import OVERHEAD, Frames, Hello, Ping, Pong, decode_from_host, encode
from headgate.runtimes.process.plugin_link import PluginLink
from headgate.runtimes.process.plugin_place import HEALTH_FAILURES, PluginPlace
from headgate.runtimes.process.plugin_room import PluginRoom


class Link(PluginLink):
    """Says what the test has it say, then that all is well."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers
        self.asked = 0

    async def check(self, timeout: float) -> str:
        self.asked += 1
        return self.answers.pop(0) if self.answers else ""


class Process:
    """In place of :class:`PluginProcess`."""

    started: list[Process]
    answers: Iterator[list[str]]

    def __init__(self) -> None:
        self.instance, self.pid, self.endpoint = f"auth#{len(self.started)}", 1, Endpoint("unix", "/s")
        self.link = Link(next(self.answers))
        self.exited = asyncio.Event()
        self.killed_for = ""
        self.lifetime = 100.0
        self.started.append(self)

    @classmethod
    async def start(cls, *arguments: object) -> Process:
        return cls()

    @property
    def running(self) -> bool:
        return not self.exited.is_set()

    async def stop(self) -> None:
        self.kill("stop")

    def kill(self, reason: str) -> None:
        self.killed_for = self.killed_for or reason
        self.exited.set()

    def describe_exit(self) -> str:
        return "was killed by SIGKILL"


def test_failures_in_a_row_replace_the_process(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    Process.started = []
    wrong = "health check: no answer within 5 s"
    # The first recovers in time, then fails once too often.
    Process.answers = iter([[*[wrong] * (HEALTH_FAILURES - 1), "", *[wrong] * HEALTH_FAILURES], []])
    monkeypatch.setattr(plugin_place, "PluginProcess", Process)
    stats = PluginProcessStats("auth")

    async def scenario() -> None:
        definition = PluginDefinition("auth", protocol="filter", health_interval=0.001, restart=PluginRestart(0.0, 0.0))
        place = PluginPlace(definition, PluginRoom(lambda: Path("/nowhere")), stats, lambda: None)
        async with asyncio.timeout(10.0):
            while len(Process.started) < 2 or Process.started[1].link.asked < HEALTH_FAILURES:
                await asyncio.sleep(0.001)
        await place.kill()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    first, second = Process.started
    assert (first.killed_for, first.link.asked) == ("unhealthy", 2 * HEALTH_FAILURES)
    assert second.killed_for == "stop"
    assert {reason: count for reason, count in stats.restarts.items() if count} == {"unhealthy": 1}
    assert f"plugin auth#0 (pid 1): {wrong} ({HEALTH_FAILURES} in a row)" in caplog.messages
    assert "plugin auth#0 (pid 1) is not healthy: it is replaced" in caplog.messages


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data


def no_factory(hello: Hello) -> HostedFactory:
    raise AssertionError(hello)


def test_a_filter_host_answers_without_being_told_anything_else() -> None:
    async def scenario() -> None:
        registration = Registration("auth", lambda parsed: StreamFilterFactory(), None, "here")
        connection = WorkerConnection(registration, no_factory)
        transport = Transport()
        connection.connection_made(transport)
        connection.data_received(encode(Ping(7), OVERHEAD) + encode(Ping(8), OVERHEAD))
        await asyncio.sleep(0)
        assert [decode_from_host(frame) for frame in Frames(OVERHEAD).feed(transport.written)] == [Pong(7), Pong(8)]

    asyncio.run(scenario())
