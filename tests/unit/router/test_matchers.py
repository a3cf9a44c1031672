from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headgate.api import Stream
from headgate.router import Route, SubjectTooLong

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeRoute, MakeStream, Rejected


def takes(route: Route, stream: Stream) -> bool:
    return route.matcher.matches(stream.request.decoded_path, stream)


@pytest.mark.parametrize(
    ("match", "target", "expected"),
    [
        ({"prefix": "/"}, "/", True),
        ({"prefix": "/"}, "*", False),
        ({"prefix": "/api"}, "/api/x?y", True),
        ({"prefix": "/api"}, "/apix", True),
        ({"prefix": "/api"}, "/API", False),
        ({"prefix": "/api/"}, "/api", False),
        ({"prefix": "/a b"}, "/a%20b/c", True),
        ({"path": "/Foo"}, "/foo", True),
        ({"path": "/foo"}, "/FOO?x=1", True),
        ({"path": "/foo"}, "/foo/", False),
        ({"path": "/straße"}, "/stra%C3%9Fe", True),
        ({"path": "*"}, "*", True),
        ({"regex": "b.d"}, "/abcde", True),
        ({"regex": "^b"}, "/abc", False),
        ({"regex": "/a b$"}, "/a%20b", True),
        ({"regex": "/ok$"}, "/ok%0A", False),
        ({}, "/", True),
        ({}, "*", True),
    ],
)
def test_paths(match: dict[str, Any], target: str, expected: bool, make_route: MakeRoute, make_stream: MakeStream) -> None:
    assert takes(make_route(match), make_stream(target)) is expected


def test_the_first_kind_of_match_counts_alone(make_route: MakeRoute, make_stream: MakeStream) -> None:
    assert takes(make_route({"prefix": "/a", "path": "/b", "regex": "c"}), make_stream("/a"))
    assert not takes(make_route({"prefix": "/a", "path": "/b"}), make_stream("/b"))
    assert not takes(make_route({"path": "/b", "regex": "c"}), make_stream("/c"))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([{"name": "x-user", "value": "Ann"}], True),
        ([{"name": "X-USER", "value": "Ann"}], True),
        ([{"name": "x-user", "value": "ann"}], False),
        ([{"name": "x-user", "value": "A.*", "regex": True}], True),
        ([{"name": "x-user", "value": "A.*"}], False),
        ([{"name": "x-other", "value": ".*", "regex": True}], False),  # a header that is missing never matches
        ([{"name": "x-empty", "value": ""}], True),
        ([{"name": "x-user", "value": "Ann"}, {"name": "x-empty", "value": "no"}], False),
        ([{"name": "method", "value": "POST"}], True),
        ([{"name": "method", "value": "GET"}], False),
        ([{"name": "method", "value": "^P(OS|U)T$", "regex": True}], True),
    ],
)
def test_headers(headers: list[dict[str, Any]], expected: bool, make_route: MakeRoute, make_stream: MakeStream) -> None:
    stream = make_stream("/a", method="POST", X_User="Ann", X_Empty="")
    assert takes(make_route({"prefix": "/", "headers": headers}), stream) is expected
    assert not takes(make_route({"prefix": "/b", "headers": headers}), stream)


def test_of_several_headers_under_a_name_the_first_counts(make_route: MakeRoute, make_stream: MakeStream) -> None:
    stream = make_stream(X_User="guest")
    stream.request.headers.add("X-User", "admin")
    assert not takes(make_route({"headers": [{"name": "x-user", "value": "admin"}]}), stream)
    assert takes(make_route({"headers": [{"name": "x-user", "value": "guest"}]}), stream)


def test_rpc_rule(make_route: MakeRoute, make_stream: MakeStream) -> None:
    any_service = make_route({"headers": [{"name": "service", "value": ".*"}]})
    assert takes(any_service, make_stream(Service="com.example.Echo"))
    assert not takes(any_service, make_stream())
    assert not takes(any_service, make_stream(Service=""))
    assert takes(make_route({"headers": [{"name": "Service", "value": "a"}]}), make_stream(Service="a"))
    assert takes(make_route({"headers": [{"name": "service", "value": "^a", "regex": True}]}), make_stream(Service="ab"))
    # With another condition beside it, ".*" is a text like any other.
    assert not takes(make_route({"prefix": "/", "headers": [{"name": "service", "value": ".*"}]}), make_stream(Service="a"))


def variables(*conditions: tuple[str, str, str]) -> dict[str, Any]:
    return {"variables": [{"name": name, "value": value, "model": model} for name, value, model in conditions]}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([("x-mosn-method", "GET", "")], True),
        ([("x-mosn-method", "POST", "and")], False),
        ([("x-mosn-method", "GET", "and"), ("x-mosn-path", "/a", "")], True),
        ([("x-mosn-method", "GET", "AND"), ("x-mosn-path", "/b", "")], False),
        ([("x-mosn-method", "POST", "or"), ("x-mosn-path", "/a", "")], True),
        ([("x-mosn-method", "POST", "and"), ("x-mosn-path", "/a", "or"), ("tenant", "t1", "")], True),
        ([("x-mosn-method", "POST", "or"), ("x-mosn-path", "/a", "and"), ("tenant", "t2", "")], False),
        ([("x-mosn-method", "GET", "or"), ("x-mosn-path", "/b", "and"), ("tenant", "t2", "")], True),
        ([("x-mosn-method", "POST", "or")], False),
        ([("missing", "x", "")], False),
    ],
)
def test_variables(conditions: list[tuple[str, str, str]], expected: bool, make_route: MakeRoute, make_stream: MakeStream) -> None:
    stream = make_stream("/a")
    stream.variables["tenant"] = "t1"
    assert takes(make_route(variables(*conditions)), stream) is expected


def test_variables_by_regex_and_with_headers(make_route: MakeRoute, make_stream: MakeStream) -> None:
    assert takes(make_route({"variables": [{"name": "x-mosn-method", "regex": "^(GET|HEAD)$"}]}), make_stream())
    assert takes(make_route({"variables": [{"name": "missing", "regex": "^$"}]}), make_stream())
    both = make_route({**variables(("x-mosn-method", "GET", "")), "headers": [{"name": "x-user", "value": "Ann"}]})
    assert takes(both, make_stream(X_User="Ann"))
    assert not takes(both, make_stream())


def test_a_value_that_is_too_long_for_its_expression(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route({"prefix": "/", "headers": [{"name": "x-long", "value": "a.*b", "regex": True}]})
    with pytest.raises(SubjectTooLong) as header:
        takes(route, make_stream(X_Long="a" * 5000))
    assert header.value.status == 431
    with pytest.raises(SubjectTooLong) as path:
        takes(make_route({"regex": "a.*b"}), make_stream("/" + "a" * 5000))
    assert path.value.status == 414
    assert takes(make_route({"regex": "^/a+$"}), make_stream("/" + "a" * 5000))


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({"prefix": "api"}, "match.prefix: a path begins with '/'"),
        ({"prefix": "/api?x"}, "match.prefix: only the path is matched, without the query"),
        ({"path": "api"}, "match.path: a path begins with '/'"),
        ({"regex": "["}, "match.regex: not a regular expression: '['"),
        ({"headers": [{"name": "a", "value": "(", "regex": True}]}, "match.headers[0].value: not a regular expression"),
        ({"headers": [{"name": "", "value": "x"}]}, "match.headers[0].name: the name of a header is missing"),
        ({"variables": [{"name": "a"}]}, "match.variables[0]: a condition on a variable needs a value or a regex"),
        ({"variables": [{"name": "a", "regex": "*"}]}, "match.variables[0].regex: not a regular expression"),
        ({"variables": [{"name": "a", "value": "b", "model": "xor"}]}, "match.variables[0].model: expected 'and' or 'or', got 'xor'"),
        (
            {"dsl_expressions": [{"expression": "true"}]},
            "not supported yet: servers[0].routers[0].virtual_hosts[0].routers[0].match.dsl_expressions",
        ),
    ],
)
def test_errors(match: dict[str, Any], message: str, make_route: MakeRoute, rejected: Rejected) -> None:
    (line,) = rejected(make_route, match)
    assert message in line
    assert "servers[0].routers[0].virtual_hosts[0].routers[0]." in line
