from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest

from headgate.api import Stream
from headgate.router import RouterTable

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeStream, MakeTable, Rejected


def test_every_error_with_its_path(make_table: MakeTable, rejected: Rejected) -> None:
    bad = {"match": {"regex": "("}, "route": {}}
    lines = rejected(
        make_table,
        {"domains": ["a.com"], "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "c"}}, bad]},
        {"domains": ["A.com", "*"], "response_headers_to_add": [{"header": {"key": "a b"}}]},
        {"domains": []},
        request_headers_to_remove=["host"],
    )
    assert [line.split(": ")[0].removeprefix("servers[0].routers[0]") for line in lines] == [
        ".request_headers_to_remove[0]",
        ".virtual_hosts[0].routers[1].match.regex",
        ".virtual_hosts[0].routers[1].route",
        ".virtual_hosts[1].response_headers_to_add[0].header",
        ".virtual_hosts[1].domains[0]",
        ".virtual_hosts[2].domains",
    ]


def test_routes_stand_in_the_configuration_s_order(make_table: MakeTable) -> None:
    actions: list[dict[str, Any]] = [
        {"route": {"cluster_name": "a"}},
        {"redirect": {"path_redirect": "/x"}},
        {"direct_response": {"status": 200}},
    ]
    table = make_table({"domains": ["*"], "routers": [{"match": {"prefix": "/"}, **action} for action in actions]})
    assert [route.order for route in table.routes()] == [0, 1, 2]
    assert table.name == "r"


def blocks_of(table: RouterTable, stream: Stream) -> int:
    """Memory blocks that stay allocated or are in use at once by a thousand matches, as far as the interpreter counts them."""
    match = table.match
    match(stream)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(1000):
        match(stream)
    return sys.getallocatedblocks() - before


def test_the_common_case_needs_no_host_and_no_decoded_path(make_table: MakeTable, make_stream: MakeStream) -> None:
    table = make_table({"domains": ["*"], "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "c"}}]})
    stream = make_stream("/%41")
    (route,) = table.routes()
    assert table._default is table.virtual_hosts[0] and table.virtual_hosts[0].catch_all is route
    assert table.match(stream) is route
    assert blocks_of(table, stream) < 10


@pytest.mark.parametrize("host", ["a.example.com", "A.EXAMPLE.com:81", "b.example.com", "elsewhere.org"])
def test_hosts(host: str, make_table: MakeTable, make_stream: MakeStream) -> None:
    domains = ["a.example.com", "*.example.com", "*"]
    table = make_table(
        *[
            {"name": domain, "domains": [domain], "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "c"}}]}
            for domain in domains
        ]
    )
    route = table.match(make_stream(host=host))
    expected = {"a": "a.example.com", "A": "a.example.com", "b": "*.example.com", "e": "*"}[host[0]]
    assert route is not None and route.info.virtual_host == expected
