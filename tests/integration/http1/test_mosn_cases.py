"""MOSN's own tests, replayed: rows 1, 2, 9, 15, 20, 21, 23, 24, 25, 27, 32 and 33 of the reference's list, over HTTP/1.1.

CHAIN is client -> listener ``client`` -> listener ``listener`` -> backend, both listeners in one proxy.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from urllib.parse import unquote

import pytest

from headgate import quickstart
from tests.integration.backends import Backend, BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, simple_config, until
from tests.integration.proxy.configs import ROUTE, start_chain
from tests.integration.proxy.wire import Wire

AUTH_FILTER = Path(next(iter(quickstart.__path__))) / "auth_filter.py"


def test_row_1_simple_http1(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = start_chain(headgate, simple_config(upstream.address))
    for listener in ("client", "listener"):
        response = proxy.get(listener=listener)
        assert (response.status, response.headers["mosn-test-default"], response.body) == (200, "http1", b"default-http1")
    assert (len(upstream.requests), upstream.connections, upstream.closed) == (2, 1, 0)


TARGETS = (
    "/",
    "/aa",
    "/aa%20bb",
    "/aa+bb",
    "/1%41",
    "/%4a",
    "/aa%2fbb",
    "/aa%2Fbb/",
    "/a//b",
    "/a;b=c/d",
    "/~user/(x)",
    "/%E4%BD%A0%E5%A5%BD",
    "/?",
    "/?foo",
    "/?foo=bar",
    "/?foo=bar?",
    "/?foo=bar&foo=baz",
    "/?foo=%20%41",
    "/aa?+%3F%26",
    "/aa%3Fbb?x=/y/z",
)


def test_row_2_path_and_query_arrive_as_sent(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = start_chain(headgate, simple_config(upstream.address))
    with Wire(proxy.address("client")) as client:
        assert [client.get(target).status for target in TARGETS] == [200] * 20
    seen = [request.target.partition("?") for request in upstream.requests]
    sent = [target.partition("?") for target in TARGETS]
    assert [(unquote(path), query) for path, _, query in seen] == [(unquote(path), query) for path, _, query in sent]


def test_row_9_route_that_matches_a_header_only(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    route = {"match": {"headers": [{"name": "x-test-route", "value": "paas"}]}, "route": {"cluster_name": "upstream"}}
    proxy = headgate(simple_config(backend().address, routes=[route]))
    assert proxy.get(headers={"x-test-route": "paas"}).status == 200
    assert proxy.get().status == 404


def test_row_15_retry_on_another_host(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    bad = backend(lambda request: Reply(500))
    good = backend()
    retrying = {
        "match": {"prefix": "/"},
        "route": {"cluster_name": "upstream", "retry_policy": {"retry_on": True, "retry_timeout": "5s", "num_retries": 3}},
    }
    proxy = start_chain(headgate, simple_config(bad.address, good.address, routes=[retrying]))
    totals: list[int] = []
    for stop_bad in (False, True):
        if stop_bad:
            assert bad.requests
            bad.stop()
        for listener in ("client", "listener"):
            assert [proxy.get(listener=listener).status for _ in range(2)] == [200, 200]
            totals.append(len(good.requests))
    assert totals == [2, 4, 6, 8]


@pytest.mark.parametrize(("status", "body"), [(500, ""), (500, "internal error"), (200, "testdata")])
def test_row_20_direct_response(headgate: HeadgateFactory, status: int, body: str) -> None:
    proxy = headgate(simple_config(routes=[{"match": {"prefix": "/"}, "direct_response": {"status": status, "body": body}}]))
    response = proxy.get()
    assert (response.status, response.body) == (status, body.encode())


def test_row_21_redirect(headgate: HeadgateFactory) -> None:
    routes: list[dict[str, object]] = [
        {"match": {"prefix": "/path"}, "redirect": {"path_redirect": "/foo"}},
        {"match": {"prefix": "/host"}, "redirect": {"host_redirect": "foo.com", "response_code": 307}},
        {"match": {"prefix": "/scheme"}, "redirect": {"scheme_redirect": "https"}},
    ]
    proxy = headgate(simple_config(routes=routes))
    answers = [proxy.get(path, {"Host": "here.example"}) for path in ("/path", "/host", "/scheme")]
    assert [(answer.status, answer.headers["location"]) for answer in answers] == [
        (301, "http://here.example/foo"),
        (307, "http://foo.com/host"),
        (301, "https://here.example/scheme"),
    ]


def test_row_23_filter_configuration_per_route(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    def user(name: str) -> dict[str, object]:
        return {"after_route_auth": {"User": name}}

    hosts: list[dict[str, object]] = [
        {
            "name": "one",
            "domains": ["domain1.example"],
            "per_filter_config": user("vhostUser"),
            "routers": [{**ROUTE, "match": {"prefix": "/router"}, "per_filter_config": user("routerUser")}, ROUTE],
        },
        {"name": "rest", "domains": ["*"], "routers": [ROUTE]},
    ]
    config = simple_config(
        backend().address,
        stream_filters=[{"type": "after_route_auth", "config": {"User": "globalUser"}}],
        server={"routers": [{"router_config_name": "router", "virtual_hosts": hosts}]},
    )
    proxy = headgate(config, extensions=[AFTER_ROUTE_AUTH])
    statuses = {
        (host, path, name): proxy.get(path, {"Host": host, "User": name}).status
        for host, path in (("any.example", "/"), ("domain1.example", "/"), ("domain1.example", "/router"))
        for name in ("globalUser", "vhostUser", "routerUser")
    }
    assert [key for key, status in statuses.items() if status == 200] == [
        ("any.example", "/", "globalUser"),
        ("domain1.example", "/", "vhostUser"),
        ("domain1.example", "/router", "routerUser"),
    ]
    assert set(statuses.values()) == {200, 403}


AFTER_ROUTE_AUTH = """
from headgate.api import Phase, Status, Stream, StreamFilter, stream_filter


@stream_filter("after_route_auth", config=dict[str, str])
class AfterRouteAuth(StreamFilter[dict[str, str]]):
    phase = Phase.AFTER_ROUTE

    def on_receive(self, stream: Stream) -> Status:
        if stream.request.headers.get("User") == self.config["User"]:
            return Status.CONTINUE
        stream.reply(403)
        return Status.STOP
"""


def test_row_24_stream_filters_change_under_a_live_connection(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()

    def config(user: str) -> dict[str, object]:
        return simple_config(upstream.address, stream_filters=[{"type": "demo", "config": {"User": user}}])

    proxy = headgate(config("admin"), extensions=[AUTH_FILTER])
    with Wire(proxy.address()) as client:
        assert [client.get("/", f"User: {user}").status for user in ("admin", "root")] == [200, 403]
        assert proxy.reload(config("root")).ok
        assert [client.get("/", f"User: {user}").status for user in ("admin", "root")] == [403, 200]
        assert proxy.reload(simple_config(upstream.address)).ok
        assert client.get().status == 200


REROUTE = """
from headgate.api import Phase, Status, Stream, StreamFilter, stream_filter


@stream_filter("reroute")
class ReRoute(StreamFilter[object]):
    phase = Phase.AFTER_ROUTE

    def on_receive(self, stream: Stream) -> Status:
        if "service" in stream.request.headers:
            return Status.CONTINUE
        stream.request.headers.set("service", "test")
        return Status.REMATCH_ROUTE
"""


def test_row_25_route_is_matched_again(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    route = {"match": {"prefix": "/", "headers": [{"name": "service", "value": "test"}]}, "route": {"cluster_name": "upstream"}}
    proxy = headgate(
        simple_config(upstream.address, routes=[route], stream_filters=[{"type": "reroute", "match": {"path": "/with"}}]),
        extensions=[REROUTE],
    )
    assert proxy.request("POST", "/without", body=b"body").status == 404
    assert proxy.request("POST", "/with", body=b"body").status == 200
    assert (upstream.requests[0].body, upstream.requests[0].headers["service"]) == (b"body", "test")
    upstream.stop()
    assert proxy.request("POST", "/with", body=b"body").status == 502
    assert "Traceback" not in proxy.logs


def hear_out(connection: socket.socket) -> None:
    """Read to the end of the connection; answer nothing."""
    while connection.recv(65536):
        pass


TERMINATE = """
from headgate.api import Status, Stream, StreamFilter, stream_filter

held: list[Stream] = []
answers: list[bool] = []


@stream_filter("terminate")
class Terminate(StreamFilter[object]):
    def on_receive(self, stream: Stream) -> Status:
        if stream.request.path == "/trigger":
            answers.append(held[-1].terminate(504))
            stream.reply(200, body=str(answers))
            return Status.STOP
        held.append(stream)
        return Status.CONTINUE
"""


def test_row_27_terminate_a_held_stream(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend.raw(lambda connection, number: hear_out(connection))
    closed = Backend()
    closed.stop()
    proxy = headgate(simple_config(closed.address, stream_filters=[{"type": "terminate"}]), extensions=[TERMINATE])
    assert proxy.get("/held").status == 502
    assert proxy.get("/trigger").body == b"[False]"  # it has ended already: nothing happens
    assert proxy.reload(simple_config(upstream.address, stream_filters=[{"type": "terminate"}])).ok  # loads the filter's file anew
    with Wire(proxy.address()) as client:
        client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        until(upstream.open_connections, "the request waits for the backend")
        assert proxy.get("/trigger").body == b"[True]"
        assert client.response().status == 504
        until(lambda: upstream.closed == 1, "the request to the backend is cancelled")
        assert proxy.get("/trigger").body == b"[True, False]"
        assert client.get("/trigger").status == 200  # the client's connection lives on


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.mark.parametrize("hops", ["chain", "single"])
def test_row_32_every_method(headgate: HeadgateFactory, backend: BackendFactory, hops: str) -> None:
    upstream = backend()
    config = simple_config(upstream.address)
    proxy = start_chain(headgate, config) if hops == "chain" else headgate(config)
    with Wire(proxy.address("client" if hops == "chain" else "listener")) as client:
        assert [client.get(f"/{method}", method=method).status for method in METHODS] == [200] * len(METHODS)
    assert [(request.method, request.target) for request in upstream.requests] == [(method, f"/{method}") for method in METHODS]


def test_row_33_a_connection_whose_client_left_is_not_used_again(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    release = threading.Event()

    def answer(request: RecordedRequest) -> Reply:
        return Reply(body=request.target.encode(), wait=release if request.target == "/slow" else None)

    upstream = backend(answer)
    proxy = headgate(simple_config(upstream.address))
    client = Wire(proxy.address())
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    upstream.wait_for_requests(1)
    client.close()
    until(lambda: proxy.metric("upstream_request_local_reset") == 1, "the request to the backend is cancelled")
    assert proxy.get("/fast").body == b"/fast"
    release.set()
    assert proxy.get("/second").body == b"/second"
    assert [(request.target, request.connection) for request in upstream.requests] == [("/slow", 0), ("/fast", 1), ("/second", 1)]
