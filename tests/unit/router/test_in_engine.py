"""Routes at work: the real engine and codecs, only sockets are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headgate.testing import InMemoryProxy, ReceivedRequest, Reply

if TYPE_CHECKING:
    from headgate.testing.exchange import Exchange
    from tests.unit.conftest import Bench


def exchange(
    bench: Bench, routes: list[dict[str, Any]], target: str, headers: dict[str, str] | None = None, **virtual_host: Any
) -> tuple[Exchange, list[ReceivedRequest]]:
    async def scenario(proxy: InMemoryProxy) -> tuple[Exchange, list[ReceivedRequest]]:
        result = await proxy.connect("listener").exchange("GET", target, headers or {}, b"", None, 10)
        return result, proxy.upstream.requests

    return bench.run(scenario, Reply(200, {"X-Inner": "1"}, b"hello"), routes=routes, virtual_host=virtual_host)


def forward(match: dict[str, Any], **action: Any) -> dict[str, Any]:
    return {"match": match, "route": {"cluster_name": "upstream", **action}}


def test_a_rewritten_request_and_a_changed_response(bench: Bench) -> None:
    action = {
        "prefix_rewrite": "/v2",
        "host_rewrite": "backend.local",
        "request_headers_to_add": [{"header": {"key": "X-Route", "value": "api"}}],
        "response_headers_to_add": [{"header": {"key": "X-From", "value": "%upstream_host%"}}],
        "response_headers_to_remove": ["x-inner"],
    }
    response, (request,) = exchange(bench, [forward({"prefix": "/api"}, **action)], "/api/a%20b?q=1", {"X-Route": "client"})
    assert request.target == "/v2/a%20b?q=1"
    assert request.headers.get_all("host") == ["backend.local"]
    assert request.headers.get_all("x-route") == ["client,api"]
    assert request.headers.get_all("x-mosn-original-path") == ["/api/a%20b"]
    assert (response.status, response.body) == (200, b"hello")
    assert response.headers.get("x-from") == "127.0.0.1:2"
    assert "x-inner" not in response.headers


def test_redirect_and_direct_response_get_the_header_rules(bench: Bench) -> None:
    rules: dict[str, Any] = {"response_headers_to_add": [{"header": {"key": "X-Rule", "value": "1"}}]}
    routes = [
        {"match": {"path": "/old"}, "redirect": {"path_redirect": "/new", "response_code": 308}},
        {"match": {"prefix": "/"}, "direct_response": {"status": 503, "body": "closed"}},
    ]
    response, requests = exchange(bench, routes, "/OLD?q=1", **rules)
    assert (response.status, response.headers.get("location"), response.headers.get("x-rule")) == (308, "http://example.test/new?q=1", "1")
    assert requests == []
    response, requests = exchange(bench, routes, "/other", **rules)
    assert (response.status, response.body, response.headers.get("x-rule")) == (503, b"closed", "1")
    assert requests == []


@pytest.mark.parametrize(
    ("route", "target", "status"),
    [
        (forward({"prefix": "/a"}), "/b", 404),
        (forward({"regex": "a.*b"}), "/" + "a" * 5000, 414),
        (forward({"prefix": "/"}, regex_rewrite={"pattern": {"regex": "^/"}, "substitution": ""}), "/a", 500),
        (forward({"prefix": "/"}, request_headers_to_add=[{"header": {"key": "x", "value": "%x-mosn-path%"}}]), "/%0A", 500),
    ],
)
def test_what_cannot_be_routed_gets_an_answer(route: dict[str, Any], target: str, status: int, bench: Bench) -> None:
    response, requests = exchange(bench, [route], target)
    assert response.status == status
    assert requests == []
