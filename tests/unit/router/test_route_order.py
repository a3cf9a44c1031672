from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import Headers, RequestHead, Stream
from headgate.api.stream import Address, ConnectionInfo
from headgate.config.models import RouteConfig
from headgate.router import Route, RouterTable
from headgate.router.route_builder import Level, build_route
from headgate.router.route_index import WORTHWHILE, RouteIndex
from headgate.router.virtual_host import VirtualHost

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeStream, MakeTable


def named(match: dict[str, Any], name: str) -> dict[str, Any]:
    return {"name": name, "match": match, "route": {"cluster_name": name}}


def matched(table: RouterTable, stream: Stream) -> str | None:
    route = table.match(stream)
    return None if route is None else route.info.name


def test_the_first_match_wins(make_table: MakeTable, make_stream: MakeStream) -> None:
    table = make_table(
        {"domains": ["*"], "routers": [named({"prefix": "/a"}, "1"), named({"path": "/ab"}, "2"), named({"prefix": "/"}, "3")]}
    )
    assert matched(table, make_stream("/ab")) == "1"
    assert matched(table, make_stream("/b")) == "3"


def test_other_virtual_hosts_are_not_tried(make_table: MakeTable, make_stream: MakeStream) -> None:
    table = make_table(
        {"domains": ["a.com"], "routers": [named({"prefix": "/a"}, "1")]}, {"domains": ["*"], "routers": [named({"prefix": "/"}, "2")]}
    )
    assert matched(table, make_stream("/a", host="a.com")) == "1"
    assert matched(table, make_stream("/b", host="a.com")) is None
    assert matched(table, make_stream("/b", host="b.com")) == "2"
    assert matched(table, make_stream("/b", host=None)) == "2"


def test_a_table_without_anything(make_table: MakeTable, make_stream: MakeStream) -> None:
    assert matched(make_table(), make_stream()) is None
    assert matched(make_table({"domains": ["*"]}), make_stream()) is None


def test_catch_all_is_only_what_takes_everything(make_table: MakeTable, make_stream: MakeStream) -> None:
    conditional = {"prefix": "/", "headers": [{"name": "x", "value": "1"}]}
    for match, target, expected in (
        ({"prefix": "/"}, "/a", "1"),
        ({}, "*", "1"),
        ({}, "/", "1"),
        ({"prefix": "/"}, "*", None),
        (conditional, "/", None),
    ):
        table = make_table({"domains": ["*"], "routers": [named(match, "1")]})
        assert matched(table, make_stream(target)) == expected


# --- the index against trying each

_TEXTS = st.text(alphabet="ab/", max_size=4).map(lambda text: "/" + text)
_HEADERS = st.sampled_from([[], [], [{"name": "x", "value": "1"}], [{"name": "x", "value": "2"}]])
_MATCHES = st.builds(
    lambda kind, text, headers: {kind: text, "headers": headers} if kind else {"headers": headers},
    st.sampled_from(["prefix", "prefix", "path", "path", "regex", ""]),
    _TEXTS,
    _HEADERS,
)


def routes_of(matches: list[dict[str, Any]]) -> list[Route]:
    findings: list[Any] = []
    level = Level("host", {}, [], [])
    routes = [
        build_route(RouteConfig.model_validate(named(match, str(i))), f"routers[{i}]", i, level, findings)
        for i, match in enumerate(matches)
    ]
    assert findings == []
    return routes


def stream_to(target: str, **headers: str) -> Stream:
    connection = ConnectionInfo(1, Address("192.0.2.1", 1), Address("192.0.2.2", 2), "listener")
    return Stream(1, RequestHead("GET", target, Headers.of(headers)), connection)


@given(st.lists(_MATCHES, max_size=20), _TEXTS, st.sampled_from(["1", "2", "3"]))
def test_the_index_keeps_the_order(matches: list[dict[str, Any]], path: str, value: str) -> None:
    routes = routes_of(matches)
    stream = stream_to(path, x=value)
    expected = next((route for route in routes if route.matcher.matches(path, stream)), None)
    assert RouteIndex(routes).first(path, stream) is expected
    assert VirtualHost("host", routes).match(stream) is expected


def test_paths_of_any_case_in_the_index() -> None:
    routes = routes_of([{"path": f"/Path{i}"} for i in range(2 * WORTHWHILE)])
    route = VirtualHost("host", routes).match(stream_to("/pATH7"))
    assert route is not None and route.info.name == "7"


class CountingRoutes(dict[str, Route]):
    """Counts look-ups."""

    lookups = 0

    def get(self, key: str, default: object = None) -> Route | None:  # type: ignore[override]  # only what the index uses
        CountingRoutes.lookups += 1
        return super().get(key)


@pytest.mark.parametrize("build", [lambda i: {"prefix": f"/service/{i:05}/"}, lambda i: {"path": f"/service/{i:05}"}])
def test_a_match_does_not_depend_on_the_number_of_routes(build: Callable[[int], dict[str, Any]]) -> None:
    counts = []
    for count in (100, 5000):
        routes = routes_of([build(i) for i in range(count)])
        random.Random(1).shuffle(routes)
        index = RouteIndex(routes)
        index._paths = CountingRoutes(index._paths)
        index._prefixes = CountingRoutes(index._prefixes)
        CountingRoutes.lookups = 0
        assert index.first("/service/00042", stream_to("/")) is not None or index.first("/service/00042/x", stream_to("/")) is not None
        counts.append(CountingRoutes.lookups)
    assert counts[0] == counts[1]
