from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headgate.api import Headers
from headgate.router import RewriteError

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeRoute, MakeStream, MakeTable, Rejected


def add(key: str, value: str, append: bool | None = None) -> dict[str, Any]:
    option: dict[str, Any] = {"header": {"key": key, "value": value}}
    return option if append is None else {**option, "append": append}


def request_action(*options: dict[str, Any], remove: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"cluster_name": "c", "request_headers_to_add": list(options), "request_headers_to_remove": list(remove)}


@pytest.mark.parametrize(
    ("present", "option", "expected"),
    [
        ({}, add("X-A", "1"), ["1"]),
        ({"x-a": "0"}, add("X-A", "1"), ["0,1"]),
        ({"x-a": ""}, add("X-A", "1"), ["1"]),
        ({"x-a": "0"}, add("X-A", "1", False), ["1"]),
        ({}, add("X-A", "1", False), ["1"]),
        ({}, add("X-A", ""), [""]),
        ({}, add("X-A", "%x-mosn-method%"), ["GET"]),
        ({"x-a": "0"}, add("X-A", "%x-mosn-method%"), ["0,GET"]),
        ({"x-a": "0"}, add("X-A", "%x-mosn-method%", False), ["GET"]),
        ({}, add("X-A", "m=%x-mosn-method%;p=%x-mosn-path%"), ["m=GET;p=/path"]),
        ({}, add("X-A", r"100\%"), ["100%"]),
        ({}, add("X-A", "%missing%"), []),
        ({"x-a": "0"}, add("X-A", "%missing%"), ["0"]),
        ({"x-a": "0"}, add("X-A", "%missing%", False), ["0"]),
        ({}, add("X-A", "%tenant%"), ["t1"]),
    ],
)
def test_add(present: dict[str, str], option: dict[str, Any], expected: list[str], make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route(route=request_action(option))
    stream = make_stream("/path", **present)
    stream.variables["tenant"] = "t1"
    route.finalize_request(stream)
    assert stream.request.headers.get_all("x-a") == expected


def test_several_fields_become_one(make_route: MakeRoute, make_stream: MakeStream) -> None:
    stream = make_stream(X_A="1")
    stream.request.headers.add("x-a", "2")
    make_route(route=request_action(add("X-A", "3"))).finalize_request(stream)
    assert stream.request.headers.get_all("x-a") == ["1,2,3"]
    stream.request.headers.add("x-a", "4")
    make_route(route=request_action(add("X-A", "5", False))).finalize_request(stream)
    assert stream.request.headers.get_all("x-a") == ["5"]


def test_cookies_are_not_joined(make_route: MakeRoute, make_stream: MakeStream) -> None:
    stream = make_stream()
    assert stream.response is not None
    stream.response.headers.add("Set-Cookie", "a=1")
    action = {"cluster_name": "c", "response_headers_to_add": [add("set-cookie", "b=2")]}
    make_route(route=action).finalize_response(stream)
    assert stream.response.headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_remove(make_route: MakeRoute, make_stream: MakeStream) -> None:
    stream = make_stream(X_A="1", X_B="2")
    stream.request.headers.add("x-a", "3")
    make_route(route=request_action(remove=("X-A", "x-c"))).finalize_request(stream)
    assert stream.request.headers.items() == [("host", "example.com"), ("x-b", "2")]


def test_levels_in_order_each_adds_then_removes(make_table: MakeTable, make_stream: MakeStream) -> None:
    def level(value: str, remove: str) -> dict[str, Any]:
        return {
            "request_headers_to_add": [add("X-Level", value)],
            "request_headers_to_remove": [remove],
            "response_headers_to_add": [add("X-Level", value)],
            "response_headers_to_remove": [remove],
        }

    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "c", **level("route", "x-1")}}
    host = {"domains": ["*"], "routers": [route], **level("host", "x-2")}
    table = make_table(host, **level("router", "x-3"))
    stream = make_stream(X_1="", X_2="", X_3="", X_4="")
    found = table.match(stream)
    assert found is not None and found.changes_request and found.changes_response
    found.finalize_request(stream)
    assert stream.request.headers.get_all("x-level") == ["route,host,router"]
    assert [name for name in stream.request.headers if name != "x-level"] == ["host", "x-4"]
    assert stream.response is not None
    stream.response.headers = Headers.of({"X-1": "", "X-2": "", "X-3": "", "X-4": ""})
    found.finalize_response(stream)
    assert list(stream.response.headers) == ["x-4", "x-level"]


def test_a_level_above_can_remove_what_a_level_below_added(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route({"prefix": "/"}, {"request_headers_to_remove": ["x-a"]}, route=request_action(add("X-A", "1")))
    stream = make_stream()
    route.finalize_request(stream)
    assert "x-a" not in stream.request.headers


def test_response_rules_of_answers_without_upstream(make_route: MakeRoute, make_stream: MakeStream) -> None:
    host = {"response_headers_to_add": [add("X-A", "1")]}
    for keys in ({"direct_response": {"status": 200}}, {"redirect": {"path_redirect": "/x"}}):
        stream = make_stream()
        make_route({"prefix": "/"}, host, **keys).finalize_response(stream)
        assert stream.response is not None and stream.response.headers.get("x-a") == "1"


def test_variables_see_the_request_before_it_is_rewritten(make_route: MakeRoute, make_stream: MakeStream) -> None:
    action = {**request_action(add("X-Was", "%authority% %x-mosn-path%")), "prefix_rewrite": "/new", "host_rewrite": "backend"}
    stream = make_stream("/old")
    make_route(route=action).finalize_request(stream)
    assert stream.request.headers.get("x-was") == "example.com /old"
    assert stream.request.target == "/newold" and stream.request.authority == "backend"


def test_without_rules_there_is_nothing_to_do(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route()
    assert not route.changes_request and not route.changes_response
    stream = make_stream()
    before = stream.request.headers.copy()
    route.finalize_request(stream)
    stream.response = None
    route.finalize_response(stream)
    assert stream.request.headers == before


def test_rules_leave_the_headers_unchanged_for_the_codec(make_route: MakeRoute, make_stream: MakeStream) -> None:
    # None of the codec's own fields can be named in a rule, so it need not look for them again.
    action = {
        **request_action(add("X-A", "1"), add("X-B", "%x-mosn-method%"), remove=("x-c",)),
        "prefix_rewrite": "/a",
        "host_rewrite": "b",
    }
    stream = make_stream(X_A="0", X_C="1")
    stream.request.headers.changed = False
    make_route(route=action).finalize_request(stream)
    assert not stream.request.headers.changed


def test_a_variable_that_would_split_the_message(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route(route=request_action(add("X-Path", "%x-mosn-path%")))
    with pytest.raises(RewriteError, match="header X-Path is to be"):
        route.finalize_request(make_stream("/a%0D%0AX-Admin:%20yes"))


def test_one_rule_that_fails_keeps_no_other_from_being_applied(make_route: MakeRoute, make_stream: MakeStream) -> None:
    host = {"response_headers_to_add": [add("X-B", "2")], "response_headers_to_remove": ["x-inner"]}
    action = {
        "cluster_name": "c",
        "response_headers_to_add": [add("X-Path", "%x-mosn-path%"), add("X-A", "1")],
        "response_headers_to_remove": ["x-secret"],
    }
    stream = make_stream("/%0A")
    assert stream.response is not None
    stream.response.headers = Headers.of({"X-Secret": "s", "X-Inner": "i"})
    with pytest.raises(RewriteError):
        make_route({"prefix": "/"}, host, route=action).finalize_response(stream)
    assert stream.response.headers.items() == [("x-a", "1"), ("x-b", "2")]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (request_action(add("a b", "x")), "route.request_headers_to_add[0].header: not a header name: 'a b'"),
        (request_action(add("a", "x\r\ny: z")), "route.request_headers_to_add[0].header: control character"),
        (request_action(add("a", "%x")), "route.request_headers_to_add[0].header.value: "),
        (request_action(add("a", "%%")), "route.request_headers_to_add[0].header.value: "),
        (request_action(add("Content-Length", "1")), "request_headers_to_add[0].header.key: Content-Length belongs to the protocol"),
        (request_action(add("transfer-encoding", "x")), "transfer-encoding belongs to the protocol"),
        (request_action(add("Host", "x")), "request_headers_to_add[0].header.key: Host cannot be set here (use host_rewrite)"),
        (request_action(remove=("Host",)), "route.request_headers_to_remove[0]: a request needs its Host"),
    ],
)
def test_errors(action: dict[str, Any], message: str, make_route: MakeRoute, rejected: Rejected) -> None:
    (line,) = rejected(make_route, route=action)
    assert message in line


def test_removing_what_belongs_to_the_protocol_is_no_error(
    make_route: MakeRoute, make_stream: MakeStream, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "headgate.router"):
        route = make_route(route=request_action(remove=("Connection",)))
    assert not route.changes_request
    assert "Connection belongs to the protocol" in caplog.text
