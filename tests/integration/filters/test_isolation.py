"""The same filters in the worker and in a process of their own: the same requests, the same visible results.

The engine is the real one in memory (``FilterTester``), the process a real one, started as the supervisor would start it.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import headgate.runtimes.builtin  # noqa: F401
from headgate.api import ConfigRejected
from headgate.api.plugin import PluginClient, PluginDefinition, PluginHost, plugins_from
from headgate.runtimes.module.loader import load_extensions
from headgate.runtimes.process import isolation
from headgate.runtimes.process.isolation_endpoint import EndpointSource, HostAddress
from headgate.testing import Exchange, FilterTester, Reply
from tests.integration.harness import until

EXTENSION = str(Path(__file__).with_name("isolation_filters.py"))


class OneHost(PluginHost, EndpointSource, PluginClient):
    """Starts the one process that a test's entry asks for, and knows where it listens."""

    online = True

    def __init__(self, folder: Path) -> None:
        self.definition: PluginDefinition | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.name = ""
        self._folder = folder
        self._address = HostAddress()
        self._watchers: list[Callable[[HostAddress], None]] = []

    def register(self, definition: PluginDefinition) -> PluginClient:
        self.name = definition.name
        if self.definition is None:
            self.definition = definition
            self.launch()
        assert definition == self.definition
        return self

    def launch(self) -> None:
        assert self.definition is not None
        environment = {**os.environ, **dict(self.definition.env), "HEADGATE_PLUGIN_SOCKET_DIR": str(self._folder)}
        with (self._folder / "host.log").open("ab") as log:
            self.process = subprocess.Popen(self.definition.command, env=environment, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode().strip()
        core, app, network, address, protocol = line.split("|")
        assert (core, app, protocol) == ("1", "1", self.definition.protocol)
        self.tell(HostAddress(network, address))

    def tell(self, address: HostAddress) -> None:
        self._address = address
        for watcher in list(self._watchers):
            watcher(address)

    def watch(self, watcher: Callable[[HostAddress], None]) -> None:
        self._watchers.append(watcher)
        watcher(self._address)

    def unwatch(self, watcher: Callable[[HostAddress], None]) -> None:
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
            self.process.wait(20)
            assert self.process.stdout is not None
            self.process.stdout.close()
            print((self._folder / "host.log").read_text())


@pytest.fixture
def host(tmp_path: Path) -> Iterator[OneHost]:
    one = OneHost(tmp_path)
    yield one
    one.close()


class Place:
    """A FilterTester for a registered filter, inline or isolated."""

    def __init__(self, host: OneHost, isolated: bool) -> None:
        self.host = host
        self.isolated = isolated
        self.tester: FilterTester | None = None

    def __call__(self, name: str, config: dict[str, object] | None = None, **arguments: Any) -> Place:
        entry = {**arguments.pop("entry", {}), "isolation": "process" if self.isolated else "inline"}
        arguments.setdefault("scope", load_extensions([EXTENSION]))
        with plugins_from(self.host), pytest.MonkeyPatch.context() as patch:
            self._extensions(patch)
            self.tester = FilterTester(name, config, entry=entry, **arguments)
        return self

    def request(self, *arguments: Any, **named: Any) -> Exchange:
        assert self.tester is not None
        with plugins_from(self.host), pytest.MonkeyPatch.context() as patch:
            self._extensions(patch)
            return self.tester.request(*arguments, **named)

    def _extensions(self, patch: pytest.MonkeyPatch) -> None:
        # FilterTester's configuration names no extensions, as it is given the loaded scope; the process has to be told of the file.
        definition = isolation.host_definition
        patch.setattr(isolation, "host_definition", lambda entry: definition(dataclasses.replace(entry, extensions=(EXTENSION,))))


@pytest.fixture(params=[False, True], ids=["inline", "process"])
def filtered(request: pytest.FixtureRequest, host: OneHost) -> Place:
    """Makes testers, once for each place in which a filter can run."""
    return Place(host, request.param)


@pytest.fixture
def isolated(host: OneHost) -> Place:
    return Place(host, True)


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


def test_it_runs_elsewhere(isolated: Place) -> None:
    exchange = isolated("t-where").request("GET", "/")
    assert isolated.host.process is not None
    assert int(exchange.body) == isolated.host.process.pid


def test_a_header_that_would_split_the_message_is_the_filters_failure(isolated: Place) -> None:
    exchange = isolated("t-misbehaves").request("GET", "/header")
    assert exchange.status == 500
    assert not exchange.upstream


def test_a_stuck_filter_costs_its_time_limit(isolated: Place) -> None:
    assert isolated("t-misbehaves", entry={"timeout": "100ms"}).request("GET", "/stuck").status == 504
    isolated.host.kill()


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_a_process_that_dies_costs_the_calls_that_it_held(policy: str, status: int, isolated: Place) -> None:
    tester = isolated("t-misbehaves", entry={"on_error": policy})
    assert tester.request("GET", "/die").status == status
    assert isolated.host.process is not None and isolated.host.process.wait(20) == 1
    isolated.host.launch()
    assert tester.request("GET", "/").status == 200


def test_the_process_ends_when_told(host: OneHost, isolated: Place) -> None:
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


def test_secrets_are_in_neither_environment_nor_arguments(host: OneHost, isolated: Place) -> None:
    isolated("t-auth", {"User": "s3cret"})
    assert host.definition is not None
    assert "s3cret" not in json.dumps([host.definition.command, host.definition.env, host.definition.name])


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_switched_off_by_the_operator(policy: str, status: int, isolated: Place) -> None:
    tester = isolated("t-auth", {"User": "admin"}, entry={"on_error": policy})
    isolated.host.tell(HostAddress(enabled=False))
    assert tester.request("GET", "/").status == status


def test_a_process_that_does_not_come_up_stops_the_load(isolated: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "PATIENCE", 0.05)
    monkeypatch.setattr(isolated.host, "launch", lambda: isolated.host.tell(HostAddress(problem="exited with code 3")))
    with pytest.raises(ConfigRejected, match=r"isolation: .* its process cannot be started: exited with code 3"):
        isolated("t-auth")


def test_a_process_that_has_just_died_is_waited_for(isolated: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = isolated.host.launch

    def late() -> None:
        isolated.host.tell(HostAddress(problem="killed by SIGKILL"))
        threading.Timer(0.1, launch).start()

    monkeypatch.setattr(isolated.host, "launch", late)
    assert isolated("t-auth").request("GET", "/").status == 200
