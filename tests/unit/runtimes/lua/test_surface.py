"""What scripts can do: Envoy's surface, call by call."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from headgate.api.registry import ExtensionScope, collecting
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter, stream_filter
from headgate.testing import Exchange, FilterTester, Reply

MakeTester = Callable[..., FilterTester]

CALL = '{[":method"]="GET", [":path"]="/sub?x=1", [":authority"]="inner", ["x-in"]="1"}'


def seen(exchange: Exchange, name: str) -> str | None:
    """A header that the upstream host saw with the request itself, the last one."""
    return exchange.upstream[-1].headers.get(name)


def test_the_articles_check(lua: MakeTester) -> None:
    tester = lua(request='if h:headers():get("user") ~= "admin" then h:respond({[":status"] = "403"}, "forbidden") end')
    denied = tester.request()
    assert (denied.status, denied.body, denied.upstream) == (403, b"forbidden", [])
    assert tester.request(headers={"User": "admin"}).status == 200
    assert (tester.stats.calls, tester.stats.replies, tester.stats.errors) == (2, 1, 0)


def test_headers_are_read(lua: MakeTester) -> None:
    tester = lua(
        request="""
        local r = h:headers()
        local parts = {tostring(r:get("A")), tostring(r:get("none")), r:getNumValues("a"), tostring(r:getAtIndex("a", 1)),
          tostring(r:getAtIndex("a", 2)), r:get(":path"), r:get(":method"), r:get(":authority"), r:get("host"), r:get(":scheme")}
        r:add("x-seen", table.concat(parts, "|"))"""
    )
    exchange = tester.request("GET", "/p?q", [("a", "1"), ("A", "2")])
    assert seen(exchange, "x-seen") == "1,2|nil|2|2|nil|/p?q|GET|example.test|example.test|http"


def test_headers_are_changed(lua: MakeTester) -> None:
    tester = lua(
        request="""
        local r = h:headers()
        r:remove("a") r:replace("b", "new") r:add("c", 1) r:add("c", "2")
        r:replace(":path", "/other") r:replace(":method", "PUT") r:replace(":authority", "elsewhere")"""
    )
    exchange = tester.request("GET", "/", {"a": "1", "b": "2"})
    request = exchange.upstream[0]
    assert (request.method, request.target, request.headers.get("host")) == ("PUT", "/other", "elsewhere")
    assert (request.headers.get("a"), request.headers.get("b"), request.headers.get_all("c")) == (None, "new", ["1", "2"])


def test_headers_are_iterated_with_pseudo_headers_first(lua: MakeTester) -> None:
    tester = lua(
        request="""
        local t = {} for k, v in pairs(h:headers()) do t[#t+1] = k.."="..v end
        h:respond({[":status"]="200"}, table.concat(t, ","))"""
    )
    assert tester.request("GET", "/x", {"A": "1"}).body == b":authority=example.test,:path=/x,:method=GET,:scheme=http,a=1"


def test_a_response_is_changed(lua: MakeTester) -> None:
    tester = lua(
        response="""
        local r = h:headers()
        r:add("x-was", r:get(":status")) r:replace(":status", "201") r:setHttp1ReasonPhrase("Very Good") r:remove("gone")"""
    )
    exchange = tester.request()
    assert (exchange.status, exchange.headers.get("x-was")) == (201, "200")
    assert exchange.raw.startswith(b"HTTP/1.1 201 Very Good\r\n")


@pytest.mark.parametrize("body", [b"abcdef", [b"abc", b"def"]], ids=["length", "chunks"])
def test_bodies_are_read_and_replaced(lua: MakeTester, body: bytes | list[bytes]) -> None:
    change = 'local b = h:body() h:headers():add("x-length", b:length()) b:setBytes("<" .. b:getBytes(1, 3) .. ">")'
    tester = lua(request=change, response=change, reply=Reply(body=[b"up", b"stream"]))
    exchange = tester.request("POST", "/", body=body)
    assert (exchange.upstream[0].body, seen(exchange, "x-length")) == (b"<bcd>", "6")
    assert (exchange.body, exchange.headers.get("x-length")) == (b"<pst>", "8")


def test_no_body_is_nil_unless_it_is_wrapped(lua: MakeTester) -> None:
    tester = lua(request='h:headers():add("x", tostring(h:body()) .. h:body(true):length())')
    assert seen(tester.request(), "x") == "nil0"


def test_a_body_that_nobody_asks_for_is_not_held_up(lua: MakeTester) -> None:
    tester = lua(request='if h:headers():get("read") then h:body() end', entry={"max_body": 4})
    assert tester.request("POST", "/", body=b"longer than four").status == 200
    assert tester.request("POST", "/", {"read": "1"}, body=b"longer than four").status == 413


def test_respond_ends_the_handler_and_takes_lists(lua: MakeTester) -> None:
    tester = lua(
        request='h:respond({[":status"]=200, ["set-cookie"]={"a","b"}, x=1}, "one") h:respond({[":status"]=500}, "two") error("no")'
    )
    exchange = tester.request()
    assert (exchange.status, exchange.body, exchange.headers.get_all("set-cookie")) == (200, b"one", ["a", "b"])
    assert tester.stats.errors == 0


def test_respond_after_the_body(lua: MakeTester) -> None:
    tester = lua(request='if h:body():getBytes(0, 1) == "x" then h:respond({[":status"]="400"}) end')
    assert tester.request("POST", "/", body=b"xyz").status == 400
    assert tester.request("POST", "/", body=b"abc").status == 200


def test_http_call(lua: MakeTester) -> None:
    tester = lua(
        request=f"""
        local headers, body = h:httpCall("upstream", {CALL}, "question", 1000)
        h:headers():add("x-sub", headers[":status"] .. headers["a"] .. body)""",
        reply=Reply(202, {"a": "1"}, b"answer"),
    )
    exchange = tester.request()
    sub = exchange.upstream[0]
    assert (sub.method, sub.target, sub.headers.get("host"), sub.headers.get("x-in"), sub.body) == (
        "GET",
        "/sub?x=1",
        "inner",
        "1",
        b"question",
    )
    assert seen(exchange, "x-sub") == "2021answer"


def test_calls_bodies_and_replies_in_any_order(lua: MakeTester) -> None:
    step = f'h:headers():add("x", h:httpCall("upstream", {CALL}, nil, 1000)[":status"])'
    tester = lua(request=f"{step} h:body():setBytes('new') {step}", response=f"{step} h:body():setBytes('down') {step}")
    exchange = tester.request("POST", "/", body=[b"1", b"2"])
    assert [request.target for request in exchange.upstream] == ["/sub?x=1", "/sub?x=1", "/", "/sub?x=1", "/sub?x=1"]
    assert (exchange.upstream[2].body, exchange.upstream[2].headers.get_all("x")) == (b"new", ["200", "200"])
    assert (exchange.body, exchange.headers.get_all("x")) == (b"down", ["200", "200"])


def test_http_call_with_several_values_and_without_waiting(lua: MakeTester) -> None:
    tester = lua(
        request=f"""
        h:httpCall("upstream", {CALL}, nil, 1000, true)
        local r = h:httpCall("upstream", {CALL}, nil, {{timeout_ms = 1000, return_duplicate_headers = true}})
        h:headers():add("x", type(r["a"]) .. r["b"])""",
        reply=Reply(raw=b"HTTP/1.1 200 OK\r\na: 1\r\na: 2\r\nb: 3\r\nContent-Length: 0\r\n\r\n"),
    )
    exchange = tester.request()
    assert (len(exchange.upstream), seen(exchange, "x")) == (3, "table3")


def test_http_call_without_an_answer(lua: MakeTester) -> None:
    tester = lua(
        request=f'local r, b = h:httpCall("upstream", {CALL}, nil, 30) h:respond({{[":status"]="200"}}, r[":status"] .. " " .. b)',
        reply=Reply(never=True),
    )
    assert tester.request().body == b"504 upstream request timeout"
    broken = lua(
        request=f'local r, b = h:httpCall("upstream", {CALL}, nil, 1000) h:respond({{[":status"]="200"}}, r[":status"] .. " " .. b)',
        reply=Reply(raw=b"no HTTP\r\n\r\n"),
    )
    assert broken.request().body == b"503 upstream failure"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (f'h:httpCall("nowhere", {CALL}, nil, 1000)', "http call cluster invalid"),
        ('h:httpCall("upstream", {}, nil, 1000)', "must include ':path', ':method', and ':authority'"),
        (f'h:httpCall("upstream", {CALL}, nil, -1)', "timeout must be >= 0"),
        (f'h:httpCall("upstream", {CALL.replace("GET", "G T")}, nil, 1000)', "not a method"),
    ],
)
def test_impossible_calls(lua: MakeTester, call: str, message: str, caplog: pytest.LogCaptureFixture) -> None:
    assert lua(request=f"local r = {call}").request().status == 500
    assert message in caplog.text


def test_a_call_longer_than_the_entrys_timeout_is_given_up(lua: MakeTester) -> None:
    tester = lua(request=f'h:httpCall("upstream", {CALL}, nil, 60000)', entry={"timeout": "50ms"}, reply=Reply(never=True))
    assert tester.request().status == 504
    assert tester.stats.timeouts == 1


def test_metadata_of_route_and_entry(lua: MakeTester) -> None:
    metadata = {"filter_metadata": {"lua": {"a": "1", "list": [1, 2, {"deep": 'q"\\\n'}]}}}
    tester = lua(
        request="""
        local m = h:metadata()
        local n = 0 for k, v in pairs(m) do n = n + 1 end
        local l = m:get("list")
        h:respond({[":status"]="200"}, m:get("a") .. #l .. l[3].deep .. n .. tostring(m:get("none")) .. h:filterContext():get("tenant")
          .. h:streamInfo():routeName() .. h:route():metadata():get("a"))""",
        config={"filter_context": {"tenant": "blue"}},
        route={"name": "r", "match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}, "metadata": metadata},
    )
    assert tester.request().body == b'13q"\\\n2nilbluer1'


def test_stream_info_and_connection(lua: MakeTester) -> None:
    tester = lua(
        request="""
        local s = h:streamInfo()
        h:respond({[":status"]="200"}, s:protocol() .. s:downstreamRemoteAddress():match("^[^:]+") .. tostring(h:connection():ssl())
          .. s:requestedServerName())"""
    )
    assert tester.request().body == b"HTTP/1.1192.0.2.1nil"


def test_nothing_is_known_of_a_connection_beside_its_streams(lua: MakeTester) -> None:
    tester = lua(
        request="""
        local c, s = h:connectionStreamInfo(), h:streamInfo()
        local n = 0 for _ in pairs(c:dynamicMetadata()) do n = n + 1 end
        h:respond({[":status"]="200"}, n .. tostring(c:dynamicMetadata():get("a")) .. tostring(c:dynamicTypedMetadata("a"))
          .. tostring(s:dynamicTypedMetadata("a")))"""
    )
    assert tester.request().body == b"0nilnilnil"


class Leaves(StreamFilter[object]):
    """Leaves values along the stream."""

    def on_receive(self, stream: Stream) -> None:
        stream.variables.update(text="t", flag=True, number=7, part=0.5, raw=b"\xff", fields={"a": "1", "b": 2}, other=[1])


def test_filter_state_is_what_filters_left_along_the_stream(lua: MakeTester) -> None:
    with collecting(scope := ExtensionScope()):
        stream_filter("leaves")(Leaves)
    tester = lua(
        request="""
        local s, t = h:streamInfo():filterState(), {}
        for _, name in ipairs({"text", "flag", "number", "part", "fields", "other", "none"}) do t[#t+1] = tostring(s:get(name)) end
        t[#t+1] = s:get("fields", "a") .. s:get("fields", "b") .. tostring(s:get("fields", "c")) .. tostring(s:get("text", "a"))
        h:respond({[":status"]="200"}, table.concat(t, "|") .. (s:get("raw") == "\\255" and "raw" or "?"))""",
        filters=[{"type": "leaves"}],
        scope=scope,
    )
    assert tester.request().body == b"t|true|7|0.5|nil|nil|nil|12nilnilraw"


def test_dynamic_metadata_goes_along_the_stream(lua: MakeTester) -> None:
    tester = lua(
        request='h:streamInfo():dynamicMetadata():set("me", "k", {a = {1, "x", true}})',
        response='local m = h:streamInfo():dynamicMetadata():get("me") h:headers():add("x", m.k.a[1] .. m.k.a[2] .. tostring(m.k.a[3]))',
    )
    assert tester.request().headers.get("x") == "1xtrue"


def test_logging(lua: MakeTester, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "headgate.lua")
    lua(request='h:logDebug("d") h:logInfo("i") h:logWarn("w\\255") h:logErr("e") h:logCritical("c") print("p", 1, nil)').request()
    assert [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "headgate.lua"] == [
        (logging.INFO, "script log: lua: i"),
        (logging.WARNING, "script log: lua: w\\xff"),
        (logging.ERROR, "script log: lua: e"),
        (logging.CRITICAL, "script log: lua: c"),
        (logging.INFO, "script log: lua: p\t1\tnil"),
    ]


def test_small_helpers(lua: MakeTester) -> None:
    tester = lua(
        request="""
        local ms, us = h:timestamp(), h:timestamp(EnvoyTimestampResolution.MICROSECOND)
        h:respond({[":status"]="200"}, h:base64Escape("a\\0b") .. #h:timestampString() .. tostring(us > ms * 999))"""
    )
    assert tester.request().body == b"YQBi13true"


@pytest.mark.parametrize(
    ("encoded", "told"),
    [
        *(("YQBi", "3a.b"), ("YWI=", "2ab"), ("YWI", "2ab"), ("YW I=", "2ab"), ("", "0")),
        *(("!!", "nil"), ("YWI=x", "nil"), ("_-8=", "nil"), ("Y", "nil"), ("YWI==", "nil"), ("Y===", "nil")),
    ],
)
def test_base64_is_undone(lua: MakeTester, encoded: str, told: str) -> None:
    tester = lua(request=f'local r = h:base64Decode("{encoded}") h:respond({{[":status"]="200"}}, r and #r .. r:gsub("%z", ".") or "nil")')
    assert tester.request().body == told.encode()


def test_a_changed_request_has_its_route_matched_again(lua: MakeTester) -> None:
    routes = [
        {"match": {"prefix": "/direct"}, "direct_response": {"status": 204}},
        {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
    ]
    redirect = 'h:headers():replace(":path", "/direct")'
    assert lua(request=redirect, routes=routes).request().status == 204
    assert lua(request=f"h:body() {redirect}", routes=routes).request("POST", "/", body=b"x").status == 204
    kept = lua(request=redirect, routes=routes, config={"clear_route_cache": False})
    assert kept.request().upstream[0].target == "/direct"
    assert lua(request=f"{redirect} h:clearRouteCache()", routes=routes, config={"clear_route_cache": False}).request().status == 204


def test_a_body_is_kept_when_the_route_is_matched_again(lua: MakeTester) -> None:
    tester = lua(request='h:headers():add("x", "1") h:body():setBytes("new body")')
    exchange = tester.request("POST", "/", body=b"old")
    assert (exchange.upstream[0].body, seen(exchange, "x")) == (b"new body", "1")
    assert tester.stats.errors == 0
