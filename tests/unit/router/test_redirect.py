from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from headgate.api.stream import TlsInfo
from headgate.router import REDIRECT

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeRoute, MakeStream, MakeTable, Rejected


@pytest.mark.parametrize(
    ("redirect", "host", "target", "scheme", "expected"),
    [
        ({"path_redirect": "/foo"}, "a.com:2046", "/x", "http", "http://a.com:2046/foo"),
        ({"path_redirect": "/foo"}, "a.com", "/x?q=1", "http", "http://a.com/foo?q=1"),
        ({"path_redirect": "/foo?p=2"}, "a.com", "/x?q=1", "http", "http://a.com/foo?p=2"),
        ({"path_redirect": "/foo?"}, "a.com", "/x?q=1", "http", "http://a.com/foo?"),
        ({"path_redirect": "/a b%20c"}, "a.com", "/", "http", "http://a.com/a%20b%20c"),
        ({"host_redirect": "foo.com"}, "a.com:81", "/a%20b?q", "http", "http://foo.com/a%20b?q"),
        ({"host_redirect": "foo.com:8080", "scheme_redirect": "https"}, "a.com:80", "/", "http", "https://foo.com:8080/"),
        ({"scheme_redirect": "https"}, "a.com", "/x", "http", "https://a.com/x"),
        ({"scheme_redirect": "HTTPS"}, "a.com:80", "/x", "http", "https://a.com/x"),
        ({"scheme_redirect": "https"}, "a.com:8080", "/x", "http", "https://a.com:8080/x"),
        ({"scheme_redirect": "https"}, "a.com:443", "/x", "http", "https://a.com:443/x"),
        ({"scheme_redirect": "http"}, "a.com:443", "/x", "https", "http://a.com/x"),
        ({"scheme_redirect": "http", "path_redirect": "/y"}, "a.com:80", "/x", "http", "http://a.com:80/y"),  # the same scheme
        ({"scheme_redirect": "https"}, "[::1]:80", "/x", "http", "https://[::1]/x"),
        ({"scheme_redirect": "https"}, "[::80]", "/x", "http", "https://[::80]/x"),
        ({"scheme_redirect": "https"}, None, "/x", "http", "https://192.0.2.2:8080/x"),
        ({"scheme_redirect": "https"}, "a.com", "*", "http", "https://a.com/"),
    ],
)
def test_location(
    redirect: dict[str, Any], host: str | None, target: str, scheme: str, expected: str, make_route: MakeRoute, make_stream: MakeStream
) -> None:
    route = make_route({}, redirect=redirect)
    assert route.kind == REDIRECT
    assert route.redirect_location(make_stream(target, host=host, scheme=scheme)) == expected


@pytest.mark.parametrize("required", ["ALL", "all", "NONE", ""])
def test_a_virtual_host_that_requires_tls(required: str, make_table: MakeTable, make_stream: MakeStream) -> None:
    table = make_table({"domains": ["*"], "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "c"}}], "require_tls": required})
    stream = make_stream("/a?b", host="a.com:80")
    route = table.match(stream)
    assert route is not None
    if required.upper() == "ALL":
        assert (route.redirect_code, route.redirect_location(stream)) == (301, "https://a.com/a?b")
        stream.connection.tls = TlsInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", "", False)
        route = table.match(stream)
    assert route is table.routes()[0]


def test_codes(make_route: MakeRoute) -> None:
    assert make_route(redirect={"path_redirect": "/x"}).redirect_code == 301
    assert make_route(redirect={"path_redirect": "/x", "response_code": 0}).redirect_code == 301
    for code in (301, 302, 303, 307, 308):
        assert make_route(redirect={"path_redirect": "/x", "response_code": code}).redirect_code == code


def test_other_kinds_have_none(make_route: MakeRoute, make_stream: MakeStream) -> None:
    assert make_route().redirect_location(make_stream()) == ""
    assert make_route().redirect_code == 0


@pytest.mark.parametrize(
    ("redirect", "message"),
    [
        ({"path_redirect": "/x", "response_code": 304}, "redirect.response_code: not a code of a redirect: 304"),
        ({"path_redirect": "x"}, "redirect.path_redirect: a path begins with '/'"),
        ({"path_redirect": "/x#y"}, "redirect.path_redirect: a character that a URL cannot hold"),
        ({"path_redirect": "/x?a b"}, "redirect.path_redirect: a character that a URL cannot hold"),
        ({"host_redirect": "a.com/x"}, "redirect.host_redirect: not a host: 'a.com/x'"),
        ({"host_redirect": "user@a.com"}, "redirect.host_redirect: not a host"),
        ({"scheme_redirect": "1x"}, "redirect.scheme_redirect: not a scheme: '1x'"),
        ({}, "redirect: a redirect that changes nothing"),
    ],
)
def test_errors(redirect: dict[str, Any], message: str, make_route: MakeRoute, rejected: Rejected) -> None:
    (line,) = rejected(make_route, redirect=redirect)
    assert message in line
