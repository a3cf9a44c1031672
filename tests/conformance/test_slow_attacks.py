"""slowhttptest attacks a listener; clients on the same listener are served all the time."""

from __future__ import annotations

import re

from tests.conformance.programs import Programs
from tests.integration.backends import BackendFactory, Reply
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until
from tests.integration.proxy.good_traffic import GoodTraffic

CONNECTIONS = 200


def attack(programs: Programs, proxy: Headgate, *arguments: str) -> str:
    """Attack with 200 connections, and give the last report of slowhttptest; good traffic beside it loses nothing."""
    host, port = proxy.address()
    with GoodTraffic(proxy.address(), at_least=200) as traffic:
        output = programs.run(
            "slowhttptest",
            *arguments,
            "-c",
            str(CONNECTIONS),
            "-r",
            str(CONNECTIONS),
            "-p",
            "20",
            "-v",
            "1",
            "-u",
            f"http://{host}:{port}/",
        )
    traffic.assert_nothing_lost()
    until(lambda: proxy.metric("downstream_connection_active") == 0, "every connection has been put away")
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", output)


def test_slow_headers(headgate: HeadgateFactory, backend: BackendFactory, programs: Programs) -> None:
    """Slowloris: the header timeout closes every connection long before the attack wants to end."""
    proxy = headgate(simple_config(backend().address, http1={"header_timeout": "1s"}), workers=2)
    report = attack(programs, proxy, "-H", "-i", "1", "-l", "40", "-x", "10")
    assert "No open connections left" in report, report


def test_slow_bodies(headgate: HeadgateFactory, backend: BackendFactory, programs: Programs) -> None:
    """Bodies of which nothing more comes for longer than the idle timeout: every connection is closed."""
    proxy = headgate(simple_config(backend().address, http1={"body_idle_timeout": "1s"}), workers=2)
    report = attack(programs, proxy, "-B", "-i", "30", "-l", "40", "-s", "8192", "-x", "10")
    assert "No open connections left" in report, report


def test_slow_readers(headgate: HeadgateFactory, backend: BackendFactory, programs: Programs) -> None:
    """Clients that read a few bytes a second hold their connections, and nothing else."""
    upstream = backend(lambda request: Reply(body=bytes(1024 * 1024)) if request.headers.get("x-good") is None else Reply())
    proxy = headgate(simple_config(upstream.address), workers=2)
    report = attack(programs, proxy, "-X", "-w", "1", "-y", "1", "-n", "1", "-z", "5", "-l", "5", "-k", "1")
    assert "Hit test time limit" in report or "No open connections left" in report, report
