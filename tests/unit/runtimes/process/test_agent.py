"""The generic agent with a plugin in memory: what it is sent, and what its answers do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import headgate.runtimes.builtin  # noqa: F401
from headgate.api import ConfigRejected
from headgate.api.plugin import PluginCall, PluginClient, PluginDefinition, PluginError, PluginHost, PluginReceiver, plugins_from
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.testing import Exchange, FilterTester, Reply

Answer = PluginResponse | PluginError | None
Responder = Callable[[PluginRequest], Answer]


class FakeCall(PluginCall):
    def __init__(self, cancelled: list[str]) -> None:
        self._cancelled = cancelled

    def cancel(self) -> None:
        self._cancelled.append("cancelled")


class FakeClient(PluginClient):
    def __init__(self, name: str, answer: Responder, later: bool) -> None:
        self.name = name
        self.requests: list[PluginRequest] = []
        self.timeouts: list[float] = []
        self.cancelled: list[str] = []
        self._answer = answer
        self._later = later

    def start(self, request: PluginRequest, timeout: float, receiver: PluginReceiver) -> PluginCall:
        self.requests.append(request)
        self.timeouts.append(timeout)
        answer = self._answer(request)
        if isinstance(answer, PluginResponse):
            self._deliver(receiver.on_plugin_response, answer)
        elif answer is not None:
            self._deliver(receiver.on_plugin_failure, answer)
        return FakeCall(self.cancelled)

    def _deliver(self, method: Callable[[Any], None], argument: object) -> None:
        if self._later:
            asyncio.get_running_loop().call_soon(method, argument)
        else:
            method(argument)


class FakeHost(PluginHost):
    online = True

    def __init__(self, answer: Responder, later: bool = True) -> None:
        self._answer = answer
        self._later = later
        self.definitions: list[PluginDefinition] = []
        self.clients: dict[str, FakeClient] = {}

    def register(self, definition: PluginDefinition) -> PluginClient:
        self.definitions.append(definition)
        return self.clients.setdefault(definition.name, FakeClient(definition.name, self._answer, self._later))

    @property
    def requests(self) -> list[PluginRequest]:
        return [request for client in self.clients.values() for request in client.requests]


Config = Mapping[str, object]
OK = PluginResponse()


def agent(host: PluginHost, config: Config, kind: str = "plugin", **arguments: Any) -> FilterTester:
    with plugins_from(host):
        return FilterTester(kind, config, **arguments)


def send(host: PluginHost, tester: FilterTester, method: str = "GET", target: str = "/", headers: Any = (), **arguments: Any) -> Exchange:
    with plugins_from(host):
        return tester.request(method, target, headers, **arguments)


def ask(answer: Answer | Responder, config: Config, *request: Any, later: bool = True, **arguments: Any) -> tuple[Exchange, FakeHost]:
    """One request through an agent; ``arguments`` of the tester, and ``body``, ``trailers`` of the request."""
    of_request = {key: arguments.pop(key) for key in ("body", "trailers") if key in arguments}
    host = FakeHost(answer if callable(answer) else lambda _: answer, later)
    tester = agent(host, config, **arguments)
    return send(host, tester, *request, **of_request), host


@pytest.mark.parametrize("later", [True, False], ids=["later", "at once"])
def test_checker_rejects_by_status(later: bool) -> None:
    def check(request: PluginRequest) -> Answer:
        return PluginResponse(status=0 if request.header.get("User") == "admin" else -1)

    exchange, host = ask(check, {"preset": "checker"}, "GET", "/", {"User": "admin", "host": "a"}, later=later)
    assert exchange.status == 200
    assert host.requests[0].header == {"User": "admin", "Host": "a"}
    assert (host.requests[0].body, host.requests[0].trailer, host.requests[0].type) == (b"", {}, "")
    exchange, _ = ask(check, {"preset": "checker"}, "GET", "/", {"User": "guest"}, later=later)
    assert exchange.status == 403
    assert not exchange.upstream


def test_checker_edits_nothing() -> None:
    exchange, host = ask(PluginResponse({"X-A": "1"}, {}, b"new", 7), {"preset": "checker"}, "POST", body=b"old")
    assert exchange.upstream[0].body == b"old"
    assert "x-a" not in exchange.upstream[0].headers
    assert host.requests[0].body == b""


def test_pluginfilter_edits_headers_and_body() -> None:
    answer = PluginResponse({"x-drop": "", "x-set": "new", "X-Add": "1"}, {}, b"replaced", -1)
    exchange, host = ask(answer, {}, "POST", "/", {"X-Drop": "1", "X-Set": "old"}, kind="pluginfilter", body=[b"ab", b"cd"])
    seen = exchange.upstream[0]
    assert (seen.headers.get("x-set"), seen.headers.get("x-add"), seen.headers.get("x-drop")) == ("new", "1", None)
    assert seen.body == b"replaced"
    assert host.requests[0].body == b"abcd"
    assert host.definitions[0].name == "pluginfilter"


def test_pluginfilter_edits_trailers() -> None:
    answer = PluginResponse(trailer={"X-Sum": "2", "x-gone": ""})
    exchange, host = ask(answer, {"preset": "pluginfilter"}, "POST", body=[], trailers={"X-Sum": "1", "X-Gone": "1"})
    assert exchange.upstream[0].trailers.items() == [("x-sum", "2")]
    assert host.requests[0].trailer == {"X-Sum": "1", "X-Gone": "1"}
    assert "X-Sum" not in host.requests[0].header  # other than in MOSN


def test_an_empty_body_replaces_nothing() -> None:
    exchange, _ = ask(OK, {"plugin": "p", "preset": "pluginfilter"}, "POST", body=b"kept")
    assert exchange.upstream[0].body == b"kept"


def test_trailers_can_be_added_where_there_were_none() -> None:
    exchange, _ = ask(PluginResponse(trailer={"X-T": "1"}), {"preset": "pluginfilter"}, "POST", body=[])
    assert exchange.upstream[0].trailers.items() == [("x-t", "1")]


def test_repeated_fields_are_joined_and_an_echo_leaves_them_alone() -> None:
    fields = [("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("Content-Type", "text/a")]
    exchange, host = ask(lambda request: PluginResponse(dict(request.header)), {"plugin": "p"}, "GET", "/", fields)
    assert {key: host.requests[0].header[key] for key in ("X-A", "Cookie", "Content-Type")} == {
        "X-A": "1, 2",
        "Cookie": "a=1; b=2",
        "Content-Type": "text/a",
    }
    assert exchange.upstream[0].headers.get_all("x-a") == ["1", "2"]


def test_bytes_that_are_no_text_reach_the_plugin_marked_and_the_host_unchanged() -> None:
    def echo(request: PluginRequest) -> Answer:
        return PluginResponse(dict(request.header))

    async def exchange(tester: FilterTester) -> bytes:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        client.send_raw(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: \xff\r\n\r\n")
        while not client.received:
            await asyncio.sleep(0)
        value = proxy.upstream.requests[0].headers.get("x-a") or ""
        return value.encode("utf-8", "surrogateescape")

    host = FakeHost(echo)
    with plugins_from(host):
        assert asyncio.run(exchange(agent(host, {"plugin": "p"}))) == b"\xff"
    assert host.requests[0].header["X-A"] == "\ufffd"


def test_which_headers_are_sent_and_how_they_are_named() -> None:
    headers = {"User": "a", "X-One": "1", "X-Two": "2", "Authorization": "secret"}
    config = {"plugin": "p", "header_choice": {"include": ["user", "X-*"], "exclude": ["X-TWO"]}, "header_names": "lower"}
    _, host = ask(OK, config, "GET", "/", headers)
    assert host.requests[0].header == {"user": "a", "x-one": "1"}
    _, host = ask(OK, {"plugin": "p", "header_choice": {"exclude": ["authorization"]}}, "GET", "/", headers)
    assert "Authorization" not in host.requests[0].header
    _, host = ask(OK, {"plugin": "p", "send": []}, "GET", "/", headers)
    assert host.requests[0].header == {}


def test_attributes() -> None:
    names = ["method", "path", "authority", "scheme", "peer-address", "listener", "route", "cluster", "host", "phase", "status"]
    config = {"plugin": "p", "attributes": names, "phases": ["AFTER_CHOOSE_HOST"], "send": [], "request_type": "check"}
    _, host = ask(OK, config, "PUT", "/a?b=c", {"Host": "example"})
    request = host.requests[0]
    assert request.type == "check"
    assert request.header.pop(":peer-address")
    assert request.header == {
        ":method": "PUT",
        ":path": "/a?b=c",
        ":authority": "example",
        ":scheme": "http",
        ":listener": "listener",
        ":route": "",
        ":cluster": "upstream",
        ":host": "127.0.0.1:2",
        ":phase": "AFTER_CHOOSE_HOST",
        ":status": "",
    }


def test_attributes_can_be_changed_and_echoed() -> None:
    def answer(request: PluginRequest) -> Answer:
        return PluginResponse({**request.header, ":path": "/new?x", ":authority": "other", ":method": "PATCH"})

    exchange, _ = ask(answer, {"plugin": "p", "attributes": ["path", "route", "listener"]}, "GET", "/old", {"Host": "a"})
    seen = exchange.upstream[0]
    assert (seen.method, seen.target, seen.headers.get("host")) == ("PATCH", "/new?x", "other")


def test_before_send_sees_and_edits_the_response() -> None:
    answer = PluginResponse({":status": "202", "X-Secret": "", "X-New": "1"}, {}, b"changed")
    config = {"plugin": "p", "phases": ["BEFORE_SEND"], "send": ["headers", "body"], "attributes": ["status", "phase"]}
    exchange, host = ask(answer, config, reply=Reply(201, {"X-Secret": "s"}, b"body"))
    assert host.requests[0].header == {"X-Secret": "s", "Content-Length": "4", ":status": "201", ":phase": "BEFORE_SEND"}
    assert host.requests[0].body == b"body"
    assert (exchange.status, exchange.body, exchange.headers.get("x-new"), exchange.headers.get("x-secret")) == (202, b"changed", "1", None)


def test_set_cookie_is_not_joined() -> None:
    reply = Reply(raw=b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n")
    exchange, host = ask(lambda request: PluginResponse(request.header), {"plugin": "p", "phases": ["BEFORE_SEND"]}, reply=reply)
    assert host.requests[0].header["Set-Cookie"] == "b=2"
    assert exchange.headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_a_response_can_be_rejected_but_a_reply_is_not_rejected_again() -> None:
    phases = ["BEFORE_ROUTE", "BEFORE_SEND"]
    exchange, host = ask(PluginResponse(status=-1), {"plugin": "p", "phases": ["BEFORE_SEND"]})
    assert exchange.status == 403
    exchange, host = ask(PluginResponse(status=-1), {"plugin": "p", "phases": phases, "answer": {"reject": {"reply_status": 429}}})
    assert exchange.status == 429
    assert len(host.requests) == 2


def test_every_phase() -> None:
    phases = ["BEFORE_ROUTE", "AFTER_ROUTE", "AFTER_CHOOSE_HOST", "BEFORE_SEND"]
    exchange, host = ask(OK, {"plugin": "p", "phases": phases, "attributes": ["phase"]})
    assert exchange.status == 200
    assert [request.header[":phase"] for request in host.requests] == phases


@pytest.mark.parametrize(
    ("reject", "answer", "expected"),
    [
        (
            {"statuses": [3, 4], "reply_status": 401, "headers": {"WWW-Authenticate": "Basic"}, "body": "who?"},
            {"status": 4},
            (401, b"who?"),
        ),
        ({"statuses": [3, 4]}, {"status": -1}, (200, b"upstream")),
        ({"statuses": [], "unless": [0, 1]}, {"status": 2}, (403, b"")),
        ({"statuses": [], "unless": [0, 1]}, {"status": 1}, (200, b"upstream")),
        ({"statuses": [429], "reply_status": 0, "answer_body": True, "body": "x"}, {"status": 429, "body": b"slow"}, (429, b"slow")),
        ({"reply_status": 0, "answer_body": True, "body": "x"}, {"status": -1}, (403, b"x")),
    ],
)
def test_rejections(reject: dict[str, object], answer: dict[str, Any], expected: tuple[int, bytes]) -> None:
    exchange, _ = ask(PluginResponse(**answer), {"plugin": "p", "answer": {"reject": reject}})
    assert (exchange.status, exchange.body) == expected
    if "headers" in reject:
        assert exchange.headers.get("www-authenticate") == "Basic"


def test_the_answers_headers_in_the_reply() -> None:
    answer = PluginResponse({"Location": "/login", ":path": "/x"}, status=-1)
    exchange, _ = ask(answer, {"plugin": "p", "answer": {"reject": {"reply_status": 302, "answer_headers": True}}})
    assert (exchange.status, exchange.headers.get("location")) == (302, "/login")


@pytest.mark.parametrize(
    "answer",
    [
        {"header": {"X-Good": "1", "X-A": "a\r\nX-Evil: 1"}},
        {"header": {"X-Good": "1", "a b": "1"}},
        {"header": {"X-Good": "1", ":path": "no slash"}},
        {"header": {"X-Good": "1", ":route": "x"}},
        {"header": {"X-Good": "1", ":method": "G T"}},
        {"header": {"X-Good": "1"}, "trailer": {"X-T": "\0"}},
        {"header": {"X-Good": "1"}, "trailer": {":path": "/x"}},
    ],
)
def test_an_answer_that_may_not_stand_is_the_plugins_fault_and_changes_nothing(
    answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    config = {"plugin": "p", "preset": "pluginfilter"}
    exchange, _ = ask(PluginResponse(**answer), config)
    assert exchange.status == 500
    assert "plugin p: its answer cannot be used: " in caplog.text
    exchange, _ = ask(PluginResponse(**answer), config, entry={"on_error": "allow"})
    assert exchange.status == 200
    assert "x-good" not in exchange.upstream[0].headers


@pytest.mark.parametrize("kind", ["disabled", "unavailable", "overflow", "died", "rpc", "protocol"])
@pytest.mark.parametrize("later", [True, False])
def test_a_failed_call_is_the_policys(kind: str, later: bool) -> None:
    error = PluginError(kind, "no answer")
    assert ask(error, {"plugin": "p"}, later=later)[0].status == 500
    assert ask(error, {"plugin": "p"}, entry={"on_error": "allow"}, later=later)[0].status == 200


@pytest.mark.parametrize("answer", [None, PluginError("timeout", "too late")], ids=["silent", "said by the client"])
def test_a_call_that_takes_too_long_is_a_timeout(answer: Answer) -> None:
    host = FakeHost(lambda _: answer)
    tester = agent(host, {"plugin": "p"}, entry={"timeout": "10ms"})
    assert send(host, tester).status == 504
    assert tester.stats.timeouts == 1
    assert host.clients["p"].timeouts == [0.01]
    assert host.clients["p"].cancelled == ([] if answer else ["cancelled"])
    assert ask(answer, {"plugin": "p"}, entry={"timeout": "10ms", "on_error": "allow"})[0].status == 200


def test_the_registration() -> None:
    _, host = ask(OK, {"plugin": "p", "args": ["-c", "x"]})
    assert (host.definitions[0].name, host.definitions[0].args) == ("p", ("-c", "x"))


def test_a_body_past_max_body_is_refused() -> None:
    exchange, host = ask(OK, {"plugin": "p", "send": ["body"]}, "POST", body=b"12345", entry={"max_body": 4})
    assert exchange.status == 413
    assert not host.requests


def test_a_route_may_ask_otherwise_and_another() -> None:
    override = {"plugin": "other", "attributes": ["path"], "answer": {"reject": {"statuses": [5]}}}
    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"plugin": override}}
    config = {"plugin": "p", "phases": ["AFTER_ROUTE"]}
    exchange, host = ask(PluginResponse(status=5), config, "GET", "/x", route=route)
    assert exchange.status == 403
    assert not host.clients["p"].requests
    assert host.clients["other"].requests[0].header[":path"] == "/x"


@pytest.mark.parametrize(
    ("config", "override", "message"),
    [
        ({"plugin": "p"}, {"send": ["body"]}, "only if the entry does so too"),
        ({"plugin": "p"}, {"phases": ["BEFORE_SEND"]}, "'phases' cannot differ"),
        ({"plugin": "p"}, {"preset": "nothing"}, "preset"),
        ({}, None, "the name of the plugin, is missing"),
        ({"plugin": "p", "phases": []}, None, "phases"),
        ({"plugin": "p", "phases": ["BEFORE_SEND", "BEFORE_SEND"]}, None, "twice"),
        ({"plugin": "p", "phases": ["SOMETIME"]}, None, "phases"),
        ({"plugin": "p", "unknown": 1}, None, "unknown"),
        ({"plugin": "p", "answer": {"reject": {"reply_status": 700}}}, None, "200 to 599"),
    ],
)
def test_what_is_refused_at_load(config: Config, override: Config | None, message: str) -> None:
    per_route = {"per_filter_config": {"plugin": override}} if override else {}
    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}, **per_route}
    with pytest.raises(ConfigRejected, match=message):
        agent(FakeHost(lambda _: OK), config, route=route)


def test_mosns_wire_with_canonical_names_is_what_its_checker_reads() -> None:
    """MOSN's demo compares ``header["User"]``, whatever the client wrote."""
    _, host = ask(OK, {"preset": "checker"}, "GET", "/", {"uSER": "admin", "x-a-1b": "1"})
    assert {"User", "X-A-1b"} <= set(host.requests[0].header)
