"""A filter that misbehaves costs its own request; that gets an answer, and everything else goes on.

Each under two workers, with good traffic beside it (on a listener without the filter) that loses nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.backends import Backend, Reply
from tests.integration.filters import misbehaving
from tests.integration.harness import Headgate, HeadgateFactory, alive, request, simple_config, until
from tests.integration.proxy.configs import two_listeners
from tests.integration.proxy.good_traffic import GoodTraffic
from tests.integration.proxy.wire import CutResponseError, Wire

EXTENSION = Path(misbehaving.__file__)

ENTRIES: list[dict[str, object]] = [
    {"type": "bad", "match": {"path_prefix": "/receive/"}},
    {"type": "bad", "name": "skipped", "match": {"path_prefix": "/allow/"}, "on_error": "allow"},
    {"type": "bad_sender", "match": {"path_prefix": "/send/"}},
    {"type": "bad_sender", "name": "skipped sender", "match": {"path_prefix": "/allow-send/"}, "on_error": "allow"},
    {"type": "bad_async", "match": {"path_prefix": "/async/"}, "timeout": "200ms"},
    {"type": "bad_async", "name": "skipped async", "match": {"path_prefix": "/allow-async/"}, "timeout": "200ms", "on_error": "allow"},
    {"type": "bad_async_sender", "match": {"path_prefix": "/async-send/"}, "timeout": "200ms"},
    {"type": "bad_body", "match": {"path_prefix": "/body/"}},
    {"type": "bad_end", "match": {"path_prefix": "/end/"}},
    {"type": "bad_awaitable", "match": {"path_prefix": "/awaitable/"}, "timeout": "200ms"},
]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """Two workers; the listener ``plain`` has no filters."""
    factory = HeadgateFactory(tmp_path_factory.mktemp("misbehaving"))
    backend = Backend(lambda request: Reply(body=request.target.encode()))
    config = two_listeners(simple_config(backend.address, top={"watchdog": {"warn_after": "100ms", "kill_after": "30s"}}), ENTRIES)
    yield factory(config, extensions=[EXTENSION], workers=2)
    factory.close()
    backend.stop()


ANSWERS = {
    "/receive/raises": 500,
    "/receive/exits": 500,
    "/receive/interrupts": 500,
    "/receive/recurses": 500,
    "/receive/replies_twice": 500,
    "/receive/swallows_second_reply": 202,
    "/receive/stops_silently": 500,
    "/receive/returns_nonsense": 500,
    "/receive/returns_foreign_status": 500,
    "/receive/terminates_late": 200,
    "/receive/replies_late": 200,
    "/receive/breaks_headers": 500,
    "/allow/raises": 200,
    "/allow/exits": 200,
    "/allow/replies_twice": 200,
    "/allow/returns_nonsense": 200,
    "/send/raises": 500,
    "/send/exits": 500,
    "/send/replies_twice": 500,
    "/send/swallows_second_reply": 202,
    "/send/returns_nonsense": 500,
    "/send/returns_foreign_status": 500,
    "/send/breaks_headers": 500,
    "/send/stops_silently": 200,
    "/allow-send/raises": 200,
    "/allow-send/returns_nonsense": 200,
    "/async/raises": 500,
    "/async/exits": 500,
    "/async/interrupts": 500,
    "/async/replies_twice": 500,
    "/async/stops_silently": 500,
    "/async/returns_nonsense": 500,
    "/async/hangs": 504,
    "/async/hangs_on": 504,
    "/async-send/raises": 500,
    "/async-send/exits": 500,
    "/async-send/replies_twice": 500,
    "/async-send/returns_nonsense": 500,
    "/async-send/hangs": 504,
    "/async-send/hangs_on": 504,
    "/allow-async/raises": 200,
    "/allow-async/hangs": 200,
    "/end/": 200,
    "/awaitable/": 500,
}


@pytest.mark.parametrize("target", list(ANSWERS))
def test_its_request_gets_an_answer_and_everything_else_goes_on(proxy: Headgate, target: str) -> None:
    workers = proxy.workers()
    with GoodTraffic(proxy.address("plain"), at_least=100) as traffic, Wire(proxy.address()) as neighbour:
        assert neighbour.get("/good").status == 200
        for _ in range(4):
            response = proxy.get(target)
            assert response.status == ANSWERS[target]
        assert neighbour.get("/good").status == 200
    traffic.assert_nothing_lost()
    assert proxy.workers() == workers


def test_failing_in_the_middle_of_a_request_body(proxy: Headgate) -> None:
    with GoodTraffic(proxy.address("plain"), at_least=100) as traffic:
        assert proxy.request("POST", "/body/request", body=b"x" * 10).status == 500
        assert proxy.request("POST", "/body/none", body=b"x" * 10).status == 200
    traffic.assert_nothing_lost()


def test_failing_in_the_middle_of_a_response_body(proxy: Headgate) -> None:
    """The head has gone out perhaps: then the response is cut; else it is a 500."""
    with GoodTraffic(proxy.address("plain"), at_least=100) as traffic, Wire(proxy.address()) as client:
        try:
            assert client.get("/body/response").status == 500
        except (CutResponseError, ConnectionResetError):
            assert client.at_end()
    traffic.assert_nothing_lost()


def test_blocking_is_told_with_file_and_line(proxy: Headgate) -> None:
    """The blocked worker's requests wait; the watchdog says who and where."""
    line = next(number for number, text in enumerate(EXTENSION.read_text().splitlines(), 1) if "# blocks here" in text)
    with GoodTraffic(proxy.address("plain"), at_least=100) as traffic:
        response = proxy.get("/receive/blocks")
        assert (response.status, response.body) == (200, b"at last")
    traffic.assert_nothing_lost()
    found = re.compile(rf"stream filter bad blocks the event loop .*misbehaving\.py:{line} in blocks")
    until(lambda: found.search(proxy.logs), "the watchdog's line in the log")


def test_stuck_worker_is_replaced(headgate: HeadgateFactory) -> None:
    """What waits in the stuck worker is lost with it, as is its own request; the other worker goes on, and a new one takes its place."""
    backend = Backend()
    watchdog = {"warn_after": "100ms", "kill_after": "2s"}
    config = two_listeners(simple_config(backend.address, top={"watchdog": watchdog}), ENTRIES)
    proxy = headgate(config, extensions=[EXTENSION], workers=2)
    before = proxy.workers()
    with Wire(proxy.address()) as victim, Wire(proxy.address()) as other:
        # Connections of which at least one is the other worker's: only requests on that one are expected to go on.
        others = [Wire(proxy.address()) for _ in range(16)]
        assert [client.get().status for client in (victim, other, *others)] == [200] * 18
        victim.send("GET /receive/blocks_for_ever HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: "stream filter bad blocks the event loop" in proxy.logs, "the worker is stuck")
        # From here on the stuck worker accepts nothing: what comes to its sockets waits there until they are lent to the other one.
        with GoodTraffic(proxy.address("plain")) as traffic, pytest.raises((CutResponseError, ConnectionResetError)):
            victim.response()
        traffic.assert_nothing_lost()
        survivors = 0
        for client in others:
            with contextlib.suppress(CutResponseError, ConnectionError):
                survivors += client.get().status == 200
            client.close()
        assert 0 < survivors < 17
    until(lambda: len(set(proxy.workers())) == 2 and set(proxy.workers()) != set(before), "a new worker serves in its place")
    after = set(proxy.workers())
    assert len(after & set(before)) == 1
    assert not any(alive(pid) for pid in set(before) - after)
    assert [request(proxy.address()).status for _ in range(100)] == [200] * 100
    assert proxy.metric("server_worker_kills_total") == 1
    backend.stop()


def test_quarantine_after_failures(headgate: HeadgateFactory) -> None:
    """A filter that fails all the time is set aside: by ``deny`` its requests get 503, by ``allow`` they pass without it."""
    backend = Backend()
    quarantine = {"max_failures": 3, "window": "60s", "backoff": "600s"}
    entries: list[dict[str, object]] = [
        {"type": "bad", "match": {"path_prefix": "/receive/"}, "quarantine": quarantine},
        {"type": "bad", "name": "skipped", "match": {"path_prefix": "/allow/"}, "on_error": "allow", "quarantine": quarantine},
    ]
    proxy = headgate(two_listeners(simple_config(backend.address), entries), extensions=[EXTENSION])
    with GoodTraffic(proxy.address("plain"), at_least=100) as traffic:
        assert [proxy.get("/receive/raises").status for _ in range(6)] == [500, 500, 500, 503, 503, 503]
        assert [proxy.get("/allow/raises").status for _ in range(6)] == [200] * 6
    traffic.assert_nothing_lost()
    assert proxy.logs.count("in quarantine for 600 s") == 2
    backend.stop()
