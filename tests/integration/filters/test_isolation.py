"""The same filters in the worker and in a process of their own: the same requests, the same visible results.

The engine is the real one in memory (``FilterTester``), the process a real one, started as the supervisor would start it.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import headgate.runtimes.builtin  # noqa: F401
from headgate.api import ConfigRejected
from headgate.runtimes.process import isolation
from headgate.runtimes.process.isolation_endpoint import HostAddress
from headgate.testing import Reply
from tests.integration.filters.isolation_places import Isolated, OneHost, Place
from tests.integration.harness import until

ROUTE = {
    "name": "named",
    "match": {"prefix": "/"},
    "route": {"cluster_name": "upstream"},
    "metadata": {"filter_metadata": {"mosn.lb": {"a": "b"}}},
}


def test_auth(filtered: Place) -> None:
    tester = filtered("t-auth", {"User": "admin"})
    denied = tester.request("GET", "/")
    assert (denied.status, denied.body, denied.headers.get("x-why")) == (403, b"forbidden\n", "auth")
    assert denied.headers.get("content-type") == "text/plain; charset=utf-8"
    assert not denied.upstream
    assert tester.request("GET", "/", {"user": "admin"}).status == 200
    assert tester.tester is not None and tester.tester.stats.replies == 1


def test_edits_of_both_heads(filtered: Place) -> None:
    tester = filtered("t-edit", {"drop": ["X-Drop"]}, reply=Reply(200, {"X-Secret": "s", "X-Kept": "k"}))
    exchange = tester.request("GET", "/a?b=c", [("Host", "example"), ("X-Drop", "1"), ("X-Drop", "2"), ("X-Keep", "1"), ("X-Keep", "2")])
    seen = exchange.upstream[0]
    assert (seen.method, seen.target) == ("PUT", "/edited/a?b=c")
    assert seen.headers.get_all("x-greeting") == ["hello", "twice"]
    assert "x-drop" not in seen.headers
    assert seen.headers.get_all("x-keep") == ["1", "2"]
    assert (exchange.status, exchange.headers.get("x-seen")) == (202, "['example', 1]")
    assert "x-secret" not in exchange.headers and exchange.headers.get("x-kept") == "k"


def test_a_route_has_its_own_configuration(filtered: Place) -> None:
    route = {**ROUTE, "per_filter_config": {"t-edit": {"greeting": "bonjour"}}}
    exchange = filtered("t-edit", {"greeting": "hi", "drop": ["X-Drop"]}, route=route).request("GET", "/", {"X-Drop": "1"})
    assert exchange.upstream[0].headers.get("x-greeting") == "bonjour"
    assert "x-drop" not in exchange.upstream[0].headers


def test_what_a_filter_sees(filtered: Place) -> None:
    exchange = filtered("t-facts", route=ROUTE).request(
        "POST", "/a%20b?c=d", [("Host", "example:80"), ("X-Twice", "1"), ("x-twice", "\u00e9")], body=b"1234"
    )
    facts = ast.literal_eval(exchange.body.decode())
    assert facts.pop("peer")
    assert facts.pop("metadata") is not None
    assert facts == {
        "route": "named",
        "vhost": "host",
        "cluster": "upstream",
        "host": True,
        "listener": "listener",
        "method": "POST",
        "path": "/a%20b",
        "query": "c=d",
        "authority": "example:80",
        "length": 4,
        "twice": ["1", "\u00e9"],
        "body": None,
    }


def test_whole_bodies(filtered: Place) -> None:
    exchange = filtered("t-wrap", reply=Reply(body=[b"x", b"y"])).request("POST", "/", body=[b"a", b"b"])
    assert exchange.upstream[0].body == b"[ab]"
    assert exchange.body == b"<xy>"


def test_a_body_past_max_body(filtered: Place) -> None:
    assert filtered("t-wrap", entry={"max_body": 3}).request("POST", "/", body=b"1234").status == 413


def test_a_response_past_max_body(filtered: Place) -> None:
    assert filtered("t-wrap", entry={"max_body": 3}, reply=Reply(body=b"1234")).request("GET", "/").status == 502


def test_chunks(filtered: Place) -> None:
    exchange = filtered("t-shout", reply=Reply(body=[b"x", b"y"])).request("POST", "/", body=[b"ab", b"c"])
    assert exchange.upstream[0].body == b"ABC"
    assert exchange.upstream[0].headers.get("x-body") == "None"
    assert exchange.body == b"XY"


def test_a_reply_from_a_chunk(filtered: Place) -> None:
    exchange = filtered("t-shout").request("POST", "/", body=b"evil")
    assert (exchange.status, exchange.body) == (403, b"EVIL")
    assert not exchange.upstream


def test_trailers(filtered: Place) -> None:
    tester = filtered("t-trailers", reply=Reply(body=[], trailers={"X-Out": "a"}))
    exchange = tester.request("POST", "/", body=[], trailers={"X-Sum": "1"})
    assert exchange.upstream[0].trailers.get("x-sum") == "1!"
    assert exchange.trailers.get("x-out") == "a!"


def test_async_handlers(filtered: Place) -> None:
    tester = filtered("t-async", entry={"timeout": "300ms"})
    exchange = tester.request("GET", "/")
    assert exchange.upstream[0].headers.get("x-async") == "1"
    assert exchange.headers.get("x-async") == "2"
    denied = tester.request("GET", "/deny")
    assert (denied.status, denied.body) == (401, b"who?")
    assert tester.request("GET", "/forever").status == 504
    assert tester.tester is not None and tester.tester.stats.timeouts == 1
    assert tester.request("GET", "/").status == 200


def test_deferred_verdicts(filtered: Place) -> None:
    tester = filtered("t-deferred")
    assert tester.request("GET", "/").status == 200
    assert tester.request("GET", "/fails").status == 500


@pytest.mark.parametrize("path", ["/raise", "/exit", "/number", "/silent", "/rechoose", "/twice", "/status"])
def test_a_filter_that_fails(path: str, filtered: Place) -> None:
    tester = filtered("t-misbehaves")
    assert tester.request("GET", path).status == 500
    assert tester.tester is not None and tester.tester.stats.errors == 1
    assert tester.request("GET", "/").status == 200


@pytest.mark.parametrize("path", ["/raise", "/number"])
def test_a_filter_that_fails_and_is_skipped(path: str, filtered: Place) -> None:
    assert filtered("t-misbehaves", entry={"on_error": "allow"}).request("GET", path).status == 200


def test_termination_without_a_response(filtered: Place) -> None:
    exchange = filtered("t-misbehaves").request("GET", "/terminate")
    assert (exchange.status, exchange.closed) == (0, True)


def test_quarantine(filtered: Place) -> None:
    tester = filtered("t-misbehaves", entry={"quarantine": {"max_failures": 1, "window": "10s", "backoff": "60s"}})
    assert tester.request("GET", "/raise").status == 500
    assert tester.tester is not None and tester.tester.stats.quarantines == 1


def test_a_route_is_matched_again(filtered: Place) -> None:
    routes = [
        {"match": {"prefix": "/first"}, "direct_response": {"status": 200, "body": "first"}},
        {"match": {"prefix": "/second"}, "direct_response": {"status": 200, "body": "second"}},
    ]
    assert filtered("t-rematch", routes=routes).request("GET", "/first").body == b"second"


@pytest.mark.parametrize(("path", "status"), [("/", 503), ("/thread", 504), ("/reply", 429)])
def test_ending_a_request_from_elsewhere(path: str, status: int, filtered: Place) -> None:
    assert filtered("t-gives-up", reply=Reply(never=True)).request("GET", path).status == status


def test_a_factory_that_adds_several(filtered: Place) -> None:
    exchange = filtered("t-several", {"mark": "!"}).request("GET", "/")
    assert exchange.upstream[0].headers.get_all("x-order") == ["first!", "second!", "first!"]
    assert exchange.headers.get_all("x-order") == ["sent!"]


def test_the_end(filtered: Place, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    filtered("t-ends", {"file": str(notes)}, reply=Reply(404)).request("GET", "/x")
    until(lambda: notes.read_text().endswith("destroyed\n"), "on_destroy")
    assert notes.read_text() == "receive /x\nlog 404\ndestroyed\n"


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [("t-several", {"raise": "1"}, "no such thing"), ("t-edit", {"greeting": 5}, "greeting")],
)
def test_what_is_refused_at_load(name: str, config: dict[str, object], message: str, filtered: Place) -> None:
    with pytest.raises(ConfigRejected, match=message):
        filtered(name, config)


# --- what only a process of its own does


def test_it_runs_elsewhere(isolated: Isolated) -> None:
    exchange = isolated("t-where").request("GET", "/")
    assert isolated.host.process is not None
    assert int(exchange.body) == isolated.host.process.pid


def test_a_header_that_would_split_the_message_is_the_filters_failure(isolated: Isolated) -> None:
    exchange = isolated("t-misbehaves").request("GET", "/header")
    assert exchange.status == 500
    assert not exchange.upstream


def test_a_stuck_filter_costs_its_time_limit(isolated: Isolated) -> None:
    assert isolated("t-misbehaves", entry={"timeout": "100ms"}).request("GET", "/stuck").status == 504
    isolated.host.kill()


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_a_process_that_dies_costs_the_calls_that_it_held(policy: str, status: int, isolated: Isolated) -> None:
    tester = isolated("t-misbehaves", entry={"on_error": policy})
    assert tester.request("GET", "/die").status == status
    assert isolated.host.process is not None and isolated.host.process.wait(20) == 1
    isolated.host.launch()
    assert tester.request("GET", "/").status == 200


def test_the_process_ends_when_told(host: OneHost, isolated: Isolated) -> None:
    isolated("t-where")
    assert host.process is not None
    host.process.send_signal(signal.SIGTERM)
    assert host.process.wait(20) == 0


def test_the_program_says_what_it_is() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HEADGATE_FILTER"}
    ran = subprocess.run(
        [sys.executable, "-m", "headgate.runtimes.process.filter_host"], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "a part of Headgate" in ran.stderr


def test_secrets_are_in_neither_environment_nor_arguments(host: OneHost, isolated: Isolated) -> None:
    isolated("t-auth", {"User": "s3cret"})
    assert host.definition is not None
    assert "s3cret" not in json.dumps([host.definition.command, host.definition.env, host.definition.name])


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_switched_off_by_the_operator(policy: str, status: int, isolated: Isolated) -> None:
    tester = isolated("t-auth", {"User": "admin"}, entry={"on_error": policy})
    isolated.host.tell(HostAddress(enabled=False))
    assert tester.request("GET", "/").status == status


def test_a_process_that_does_not_come_up_stops_the_load(isolated: Isolated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "PATIENCE", 0.05)
    monkeypatch.setattr(isolated.host, "launch", lambda: isolated.host.tell(HostAddress(problem="exited with code 3")))
    with pytest.raises(ConfigRejected, match=r"isolation: .* its process cannot be started: exited with code 3"):
        isolated("t-auth")


@pytest.mark.parametrize(("policy", "before"), [("deny", 500), ("allow", 200)])
def test_a_configuration_in_force_is_not_refused(policy: str, before: int, isolated: Isolated, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new worker may not fail to start because a process is down; that is asked for its chain when it has come up."""
    monkeypatch.setattr(isolation, "PATIENCE_IN_FORCE", 0.05)
    factory = isolation.isolated_factory
    monkeypatch.setattr(isolation, "isolated_factory", lambda entry, source: factory(entry, source, in_force=True))
    launch = isolated.host.launch
    monkeypatch.setattr(isolated.host, "launch", lambda: isolated.host.tell(HostAddress(problem="exited with code 3")))
    route = {**ROUTE, "per_filter_config": {"t-edit": {"greeting": "bonjour"}}}
    tester = isolated("t-edit", entry={"on_error": policy, "quarantine": {"max_failures": 0}}, route=route)
    assert tester.request("GET", "/").status == before
    launch()
    until(lambda: tester.request("GET", "/").status == 202, "it has been asked")
    assert tester.request("GET", "/").upstream[0].headers.get("x-greeting") == "bonjour"


def test_a_process_that_has_just_died_is_waited_for(isolated: Isolated, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = isolated.host.launch

    def late() -> None:
        isolated.host.tell(HostAddress(problem="killed by SIGKILL"))
        threading.Timer(0.1, launch).start()

    monkeypatch.setattr(isolated.host, "launch", late)
    assert isolated("t-auth").request("GET", "/").status == 200
