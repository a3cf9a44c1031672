"""A filter host that hangs is found out and replaced, as a plugin is."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

import headgate.runtimes.builtin  # noqa: F401
from headgate.runtimes.process.filter_host_link import FilterHostLink
from headgate.runtimes.process.handshake import Endpoint
from headgate.runtimes.process.isolation_endpoint import HostAddress
from tests.integration.backends import BackendFactory
from tests.integration.filters.isolation_places import EXTENSION, Isolated, OneHost
from tests.integration.harness import Headgate, HeadgateFactory, alive, simple_config, until

SOONER = "import headgate.runtimes.process.isolation as isolation\n\nisolation.HEALTH_INTERVAL = 0.3\n"
"""An extension by which workers ask for checks more often than each ten seconds."""


def link_to(host: OneHost) -> FilterHostLink:
    known: list[HostAddress] = []
    host.watch(known.append)
    return FilterHostLink(Endpoint(known[0].network, known[0].address))


def test_what_the_check_finds(host: OneHost, isolated: Isolated) -> None:
    isolated("t-where")

    async def scenario() -> None:
        link = link_to(host)
        await link.open(5.0)
        assert await link.check(5.0) == ""
        assert not await link.shut_down(5.0)
        assert host.process is not None
        host.process.send_signal(signal.SIGSTOP)
        try:
            assert await link.check(0.2) == "health check: no answer within 0.2 s"
        finally:
            host.process.send_signal(signal.SIGCONT)
        assert await link.check(5.0) == ""
        host.kill()
        assert await link.check(5.0) == "health check: Connection refused"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "found"), [(b"", "health check: it closed the connection"), (b"x" * 100, "health check: it answered with something else")]
)
def test_another_answer(answer: bytes, found: str, tmp_path: Path) -> None:
    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(answer)
        writer.close()

    async def scenario() -> None:
        path = str(tmp_path / "s")
        async with await asyncio.start_unix_server(answered, path):
            assert await FilterHostLink(Endpoint("unix", path)).check(5.0) == found

    asyncio.run(scenario())


@pytest.mark.parametrize(("policy", "status"), [("deny", 504), ("allow", 200)])
@pytest.mark.parametrize("stopped", [False, True], ids=["a filter blocks for ever", "stopped"])
def test_a_process_that_hangs_is_replaced(
    stopped: bool, policy: str, status: int, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path
) -> None:
    sooner = tmp_path / "sooner.py"
    sooner.write_text(SOONER)
    entry = {
        "type": "t-misbehaves",
        "isolation": "process",
        "timeout": "100ms",
        "on_error": policy,
        "quarantine": {"max_failures": 0},
    }
    config = simple_config(backend().address, stream_filters=[entry], top={"extensions": [EXTENSION, str(sooner)]})
    proxy = headgate(config, workers=2)
    assert proxy.get("/").status == 200 and proxy.get("/raise").status == (500 if policy == "deny" else 200)
    before = _pid(proxy)
    if stopped:
        os.kill(before, signal.SIGSTOP)
    else:
        assert proxy.get("/stuck").status == status
    assert proxy.get("/").status == status
    until(lambda: not alive(before), "the process has been ended")
    until(lambda: proxy.get("/terminated").status == 200 and _up(proxy), "another serves")
    assert _pid(proxy) != before
    assert proxy.get("/raise").status == (500 if policy == "deny" else 200)
    assert [value for name, value in proxy.metrics().items() if "plugin_restarts" in name and "unhealthy" in name] == [1.0]
    until(lambda: "health check: no answer within 0.5 s (3 in a row)" in proxy.logs)
    until(lambda: "is not healthy: it is replaced" in proxy.logs)


def _up(proxy: Headgate) -> bool:
    (host,) = proxy.status()["plugins"]
    return bool(host["up"])


def _pid(proxy: Headgate) -> int:
    (host,) = proxy.status()["plugins"]
    (process,) = host["instances"]
    return int(process["pid"])
