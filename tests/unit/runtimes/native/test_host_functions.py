"""Every host function with every kind of argument, wrong ones included, called by a module written in C."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from headgate.observe.custom_metrics import CUSTOM_METRICS
from headgate.runtimes.native import abi
from headgate.testing import Exchange, FilterTester, Reply


def ask(module: Path, what: str, headers: Mapping[str, str] | None = None, **entry: object) -> Exchange:
    """One request that has the module do something."""
    tester = FilterTester("native", {}, entry={"path": str(module), **entry}, reply=Reply(headers={"X-Upstream": "u"}))
    return tester.request("GET", "/a?b=c", {"Do": what, "X-Gone": "old", **(headers or {})})


def metric(name: str) -> float:
    """A counter or gauge that the module defined."""
    for group in CUSTOM_METRICS.snapshot():
        if group["type"] == "native":
            return float(group["counters"].get(name, group["gauges"].get(name, 0)))
    return 0.0


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("set", abi.OK),
        ("add", abi.OK),
        ("remove", abi.OK),
        ("remove-missing", abi.NOT_FOUND),
        ("bad-name", abi.BAD_ARGUMENT),
        ("bad-value", abi.BAD_ARGUMENT),
        ("nul-value", abi.BAD_ARGUMENT),
        ("not-utf8", abi.OK),
        ("null", abi.BAD_ARGUMENT),
        ("huge", abi.BAD_ARGUMENT),
        ("method", abi.OK),
        ("bad-method", abi.BAD_ARGUMENT),
        ("target", abi.OK),
        ("bad-target", abi.BAD_ARGUMENT),
        ("early-response", abi.WRONG_HOOK),
        ("early-status", abi.WRONG_HOOK),
        ("chunk", abi.WRONG_HOOK),
        ("body", abi.WRONG_HOOK),
        ("trailer", abi.WRONG_HOOK),
        ("gone", abi.GONE),
        ("gone-terminate", abi.GONE),
        ("get", abi.OK),
        ("get-small", 3),
        ("get-null", abi.BAD_ARGUMENT),
        ("variable", abi.OK),
        ("variable-missing", abi.NOT_FOUND),
        ("peer", abi.OK),
        ("log", abi.BAD_ARGUMENT),
        ("log-null", abi.BAD_ARGUMENT),
        ("log-enabled", 1),
        ("metric", abi.OK),
        ("bad-metric", abi.BAD_ARGUMENT),
        ("metric-kind", abi.BAD_ARGUMENT),
        ("reply-status", abi.BAD_ARGUMENT),
        ("reply-null", abi.BAD_ARGUMENT),
        ("terminate-bad", abi.BAD_ARGUMENT),
        ("later-twice", 1),
        ("later-null", 0),
        ("plugin-unknown", abi.NOT_FOUND),
        ("plugin-register", abi.WRONG_HOOK),
        ("plugin-null", abi.BAD_ARGUMENT),
    ],
)
def test_what_a_function_answers_on_the_request_s_way(exercise: Path, what: str, number: int) -> None:
    exchange = ask(exercise, what)
    assert exchange.status == 200
    assert exchange.upstream[0].headers.get("x-result") == str(number)


def test_what_the_functions_did_to_the_request(exercise: Path) -> None:
    assert ask(exercise, "set").upstream[0].headers.get_all("x-new") == ["one"]
    assert ask(exercise, "add").upstream[0].headers.get_all("x-new") == ["one", "two"]
    assert "x-gone" not in ask(exercise, "remove").upstream[0].headers
    for refused in ("bad-name", "bad-value", "nul-value", "null", "huge"):
        upstream = ask(exercise, refused).upstream[0]
        assert "x-new" not in upstream.headers and "b" not in upstream.headers
    assert ask(exercise, "not-utf8").upstream[0].headers.get("x-new") == "a\udcff\udcfe"
    assert ask(exercise, "method").upstream[0].method == "PUT"
    assert ask(exercise, "target").upstream[0].target == "/else?x=1"
    assert ask(exercise, "bad-target").upstream[0].target == "/a?b=c"
    assert ask(exercise, "get").upstream[0].headers.get("x-got") == "old"
    assert ask(exercise, "variable").upstream[0].headers.get("x-got") == "42"
    assert ask(exercise, "peer").upstream[0].headers.get("x-got")


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("set", abi.OK),
        ("add", abi.OK),
        ("remove", abi.OK),
        ("status", abi.OK),
        ("bad-status", abi.BAD_ARGUMENT),
        ("seen", 200),
        ("body", abi.WRONG_HOOK),
        ("request", abi.TOO_LATE),
        ("get", abi.OK),
    ],
)
def test_what_a_function_answers_on_the_response_s_way(exercise: Path, what: str, number: int) -> None:
    exchange = ask(exercise, "", {"Back": what})
    assert exchange.status == (202 if what == "status" else 200)
    assert exchange.headers.get("x-result") == str(number)
    if what in ("set", "add"):
        assert exchange.headers.get("x-new") == {"set": "one", "add": "two"}[what]
    assert ("x-upstream" in exchange.headers) == (what != "remove")


def test_a_head_is_read_without_a_call(exercise: Path, exercise_buffer: Path) -> None:
    exchange = ask(exercise, "read")
    assert exchange.body == b"GET /a?b=c http 3 0 "
    tester = FilterTester("native", {}, entry={"path": str(exercise_buffer)})
    posted = tester.request("POST", "/x", {"Do": "read"}, body=[b"one", b"two"])
    assert posted.body.startswith(b"POST /x http ") and posted.body.endswith(b" 1 onetwo")


def test_bodies_are_replaced(exercise_buffer: Path) -> None:
    tester = FilterTester("native", {}, entry={"path": str(exercise_buffer)})
    exchange = tester.request("POST", "/x", {"Do": "body", "Back": "body"}, body=b"before")
    assert exchange.upstream[0].body == b"changed"
    assert exchange.upstream[0].headers.get("content-length") == "7"
    assert exchange.body == b"changed"


def test_chunks_and_trailers(exercise_chunks: Path) -> None:
    tester = FilterTester("native", {}, entry={"path": str(exercise_chunks)}, reply=Reply(body=[b"ab", b"cd"], trailers={"X-End": "1"}))
    exchange = tester.request("POST", "/x", body=[b"one", b"two"], trailers={"X-Sum": "5", "X-Drop": "1"})
    assert exchange.upstream[0].body == b"ONETWO"
    assert exchange.upstream[0].trailers.items() == [("x-sum", "seen")]
    assert exchange.body == b"ABCD"
    assert exchange.trailers.get("x-back") == "seen"
    assert tester.request("POST", "/x", body=[b"one", b"deny"]).status == 403


def test_replies_and_ends(exercise: Path) -> None:
    tea = ask(exercise, "reply")
    assert (tea.status, tea.body, tea.headers.get("x-a"), tea.headers.get("x-b"), tea.upstream) == (418, b"tea", "1", "2", [])
    assert ask(exercise, "reply-twice").status == 418
    assert ask(exercise, "stop").status == 500
    terminated = ask(exercise, "terminate")
    assert terminated.status == 0 and terminated.closed
    assert ask(exercise, "terminate-code").status == 503
    assert ask(exercise, "", {"Back": "reply"}).status == 418
    assert ask(exercise, "", {"Back": "terminate"}).status == 0
    assert ask(exercise, "rematch").upstream[0].headers.get("x-again") == "1"


@pytest.mark.parametrize("what", ["fail", "fail-silent", "nonsense", "later-unpromised"])
def test_a_module_s_failure_goes_by_the_entry_s_policy(exercise: Path, what: str) -> None:
    assert ask(exercise, what).status == 500
    assert ask(exercise, what, on_error="allow").status == 200


def test_a_failure_is_logged_in_the_module_s_words(exercise: Path, caplog: pytest.LogCaptureFixture) -> None:
    ask(exercise, "fail")
    assert "said so" in caplog.text


def test_a_verdict_from_a_thread(exercise: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "headgate.native"):
        assert ask(exercise, "later").status == 200
        limited = ask(exercise, "later-reply")
    assert (limited.status, limited.body, limited.headers.get("x-from")) == (429, b"later", "thread")
    assert ask(exercise, "later-fail").status == 500
    assert "from a thread" in caplog.text
    assert "not noticed" not in caplog.text and "paid twice" not in caplog.text


def test_a_verdict_that_never_comes_is_past_its_time_limit(exercise: Path) -> None:
    assert ask(exercise, "later-never", timeout="20ms").status == 504


def test_filters_are_created_and_destroyed_once_each_and_logged(exercise: Path) -> None:
    names = ("exercise.created", "exercise.destroyed", "exercise.logged")
    before = [metric(name) for name in names]
    for what in ("set", "reply", "fail", "terminate"):
        ask(exercise, what)
    created, destroyed, logged = [metric(name) - was for name, was in zip(names, before, strict=True)]
    assert created == destroyed == 4
    assert logged == 4


def test_metrics(exercise: Path) -> None:
    before = metric("exercise.count")
    ask(exercise, "metric")
    assert metric("exercise.count") == before + 5
    assert metric("exercise.gauge") == -3


def test_a_filter_that_cannot_be_made_is_a_failure(exercise: Path) -> None:
    tester = FilterTester("native", {"mode": "no-filter"}, entry={"path": str(exercise)})
    assert tester.request().status == 500
    assert tester.stats.errors == 1


def test_a_route_s_configuration_takes_the_place_of_the_entry_s(exercise: Path) -> None:
    routes: list[dict[str, object]] = [
        {"match": {"prefix": "/own"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"native": {"b": 2}}},
        {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
    ]
    tester = FilterTester("native", {"a": 1}, entry={"path": str(exercise)}, routes=routes)
    assert tester.request("GET", "/own", {"Do": "config"}).body == b'{"a":1,"b":2}'
    assert tester.request("GET", "/", {"Do": "config"}).body == b'{"a":1}'


def test_a_client_that_leaves_while_a_verdict_is_owed(exercise: Path) -> None:
    tester = FilterTester("native", {}, entry={"path": str(exercise), "timeout": "30s"})

    async def scenario() -> None:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        client.send_raw(b"GET / HTTP/1.1\r\nHost: a\r\nDo: later\r\n\r\n")
        await asyncio.sleep(0)
        client.leave()
        # The module's thread still completes it; nothing may come of that.
        created = metric("exercise.created")
        async with asyncio.timeout(10):
            while metric("exercise.destroyed") < created:
                await asyncio.sleep(0.001)
        proxy.close()

    asyncio.run(scenario())
