from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.api import Headers, RequestHead
from headgate.api.messages import checked_target
from headgate.router import RewriteError, SubjectTooLong
from headgate.router.path_text import encode_configured, offset_after
from headgate.router.rewrite import PrefixRewrite, build_prefix_rewrite

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeRoute, MakeStream, Rejected


def regex(pattern: str, substitution: str) -> dict[str, Any]:
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": substitution}}


@pytest.mark.parametrize(
    ("match", "action", "target", "expected"),
    [
        ({"prefix": "/api"}, {"prefix_rewrite": "/v2"}, "/api/x?y=1", "/v2/x?y=1"),
        ({"prefix": "/api/"}, {"prefix_rewrite": "/"}, "/api/x", "/x"),
        ({"prefix": "/api"}, {"prefix_rewrite": "/"}, "/api", "/"),
        ({"prefix": "/api"}, {"prefix_rewrite": "/"}, "/api/x", "//x"),  # to the letter, as in MOSN and Envoy
        ({"prefix": "/"}, {"prefix_rewrite": "/base/"}, "/x?", "/base/x?"),
        ({"prefix": "/a b"}, {"prefix_rewrite": "/c d"}, "/a%20b%2Fx", "/c%20d%2Fx"),
        ({"prefix": "/é"}, {"prefix_rewrite": "/e"}, "/%C3%A9%C3%A9", "/e%C3%A9"),
        ({"prefix": "/100%"}, {"prefix_rewrite": "/p"}, "/100%25/%41", "/p/%41"),
        ({"prefix": "/100%"}, {"prefix_rewrite": "/p"}, "/100%zz", "/pzz"),  # not an escape: it stands for itself
        ({"prefix": "/a"}, {"prefix_rewrite": "/%41"}, "/a/b", "/%41/b"),
        ({"path": "/Old"}, {"prefix_rewrite": "/new"}, "/old?q", "/new?q"),
        ({"prefix": "/"}, regex("^/user/([0-9]+)$", "/u/$1"), "/user/12?q", "/u/12?q"),
        ({"prefix": "/"}, regex("^/user/([0-9]+)$", "/u/$1"), "/other%20x", "/other%20x"),
        ({"regex": "^/(a+)/(b+)"}, regex("^/(a+)/(?P<second>b+)", r"/${second}/\1-$$"), "/aa/b/c", "/b/aa-$/c"),
        ({"prefix": "/"}, regex("b", "cc"), "/abab", "/accacc"),
        ({"prefix": "/"}, regex("/x/", "/"), "/a%20b/x/c", "/a%20b/c"),
        ({"prefix": "/"}, regex(r"\?", "!"), "/a%3Fb?c", "/a!b?c"),
        ({"prefix": "/"}, regex("^/a", "/b"), "/a%3F%23%25", "/b%3F%23%25"),
        ({"prefix": "/"}, regex("^/(.*)$", "/p/${1}x"), "/%ff%0A", "/%ff%0A"),  # "." is not a line end
        ({"prefix": "/"}, regex("^/a", "/b"), "/a%ff%0A", "/b%FF%0A"),
        ({"prefix": "/"}, regex("x*", "-"), "/axb", None),
        ({"prefix": "/api"}, {"prefix_rewrite": "/v2", **regex("^/api", "/v3")}, "/api", "/v2"),
    ],
)
def test_paths(
    match: dict[str, Any], action: dict[str, Any], target: str, expected: str | None, make_route: MakeRoute, make_stream: MakeStream
) -> None:
    route = make_route(match, route={"cluster_name": "c", **action})
    stream = make_stream(target)
    assert route.matcher.matches(stream.request.decoded_path, stream)
    if expected is None:
        with pytest.raises(RewriteError, match="'/axb' is rewritten to '-/-a-b-'"):
            route.finalize_request(stream)
        return
    route.finalize_request(stream)
    assert stream.request.target == expected
    original = target.partition("?")[0]
    assert stream.request.headers.get("x-mosn-original-path") == (None if expected == target else original)


def test_a_result_that_is_no_target(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route(route={"cluster_name": "c", **regex("^/", "")})
    with pytest.raises(RewriteError, match="the path '/a' is rewritten to 'a': a request target begins with '/'") as caught:
        route.finalize_request(make_stream("/a"))
    assert caught.value.status == 500


def test_a_path_that_is_too_long_for_its_expression(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route(route={"cluster_name": "c", **regex("a.*b", "c")})
    with pytest.raises(SubjectTooLong):
        route.finalize_request(make_stream("/" + "a" * 5000))


def test_a_client_cannot_choose_the_original_path(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route({"prefix": "/a"}, route={"cluster_name": "c", "prefix_rewrite": "/b"})
    stream = make_stream("/a", x_mosn_original_path="/forged")
    stream.request.headers.add("X-Mosn-Original-Path", "/forged/too")
    route.finalize_request(stream)
    assert stream.request.headers.get_all("x-mosn-original-path") == ["/a"]


def test_a_path_that_a_filter_changed_after_the_match(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route({"prefix": "/a"}, route={"cluster_name": "c", "prefix_rewrite": "/b"})
    stream = make_stream("/other")
    route.finalize_request(stream)
    assert stream.request.target == "/other"


def test_host_rewrite(make_route: MakeRoute, make_stream: MakeStream) -> None:
    route = make_route(route={"cluster_name": "c", "host_rewrite": "backend.local:81"})
    stream = make_stream()
    route.finalize_request(stream)
    assert stream.request.headers.get_all("host") == ["backend.local:81"]
    without = make_stream(host=None)
    route.finalize_request(without)
    assert without.request.authority == "backend.local:81"


@pytest.mark.parametrize(
    ("match", "action", "message"),
    [
        ({"prefix": "/"}, {"prefix_rewrite": "x"}, "route.prefix_rewrite: a path begins with '/'"),
        ({"prefix": "/"}, {"prefix_rewrite": "/x?y"}, "route.prefix_rewrite: '?' may not stand in a rewritten path"),
        ({"prefix": "/"}, {"prefix_rewrite": "/x#y"}, "route.prefix_rewrite: '#' may not stand in a rewritten path"),
        ({"regex": "/x"}, {"prefix_rewrite": "/x"}, "route.prefix_rewrite: there is no matched prefix to rewrite"),
        ({}, {"prefix_rewrite": "/x"}, "route.prefix_rewrite: there is no matched prefix to rewrite"),
        ({"prefix": "/"}, regex("(", "/"), "route.regex_rewrite.pattern.regex: not a regular expression"),
        ({"prefix": "/"}, regex("(a)", "/$2"), "route.regex_rewrite.substitution: the regular expression has no group '2'"),
        ({"prefix": "/"}, regex("(a)", "/$1x"), "has no group '1x' (write ${1}x"),
        ({"prefix": "/"}, regex("(a)", "/${b}"), "has no group 'b'"),
        ({"prefix": "/"}, regex("(a)", "/?$1"), "route.regex_rewrite.substitution: '?' may not stand in a rewritten path"),
        ({"prefix": "/"}, {"host_rewrite": "a b"}, "route.host_rewrite: not a host: 'a b'"),
        ({"prefix": "/"}, {"host_rewrite": "http://a"}, "route.host_rewrite: not a host"),
        ({"prefix": "/"}, {"host_rewrite": "a\r\nX: y"}, "route.host_rewrite: control character"),
    ],
)
def test_errors(match: dict[str, Any], action: dict[str, Any], message: str, make_route: MakeRoute, rejected: Rejected) -> None:
    (line,) = rejected(make_route, match, route={"cluster_name": "c", **action})
    assert message in line


_SEGMENTS = st.lists(st.sampled_from(["a", "/", "%20", "%2F", "%C3%A9", "%ff", "%", "%4", "%zz", "é"]), max_size=8).map(
    lambda parts: "/" + "".join(parts)
)


@given(_SEGMENTS, st.integers(0, 8), st.text(alphabet="ab /é%?".replace("?", ""), max_size=5).map(lambda text: "/" + text))
@example("/%C3%A9", 2, "/x")
def test_a_rewritten_prefix_is_the_only_difference(path: str, length: int, replacement: str) -> None:
    request = RequestHead("GET", path, Headers())
    prefix = request.decoded_path[:length]
    rest = path[offset_after(path, prefix) :]
    decoded = unquote_to_bytes(path)
    encoded_prefix = prefix.encode("utf-8", "surrogateescape")
    assert decoded == encoded_prefix + unquote_to_bytes(rest)
    rewritten = PrefixRewrite(prefix, encode_configured(replacement)).rewritten(request)
    assert rewritten == encode_configured(replacement) + rest


@given(st.text(max_size=12).map(lambda text: "/" + text.replace("?", "").replace("#", "")))
def test_whatever_is_configured_makes_a_valid_target(replacement: str) -> None:
    request = RequestHead("GET", "/a/b?c", Headers())
    build_prefix_rewrite(replacement, "/a", "path").apply(request)
    assert checked_target(request.target) == request.target
    assert request.query == "c"
