"""What scripts cannot do, and what it costs them to try."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from headgate.runtimes.lua.config import LuaScript
from headgate.runtimes.lua.host import LuaHost
from headgate.runtimes.lua.state import LuaScriptError, LuaState
from headgate.testing import FilterTester

MakeTester = Callable[..., FilterTester]


@pytest.mark.parametrize(
    "name",
    [
        *("os", "io", "debug", "package", "require", "module", "load", "loadstring", "loadfile", "dofile"),
        *("ffi", "jit", "collectgarbage", "gcinfo", "newproxy", "setfenv", "getfenv", "python"),
    ],
)
def test_what_reaches_the_process_is_not_there(lua: MakeTester, name: str) -> None:
    tester = lua(request=f'h:respond({{[":status"]="200"}}, type({name}) .. type(_G.{name}) .. type(string.dump))')
    assert tester.request().body == b"nilnilnil"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("while true do end", "instruction budget exceeded"),
        ("while true do pcall(function() while true do end end) end", "instruction budget exceeded"),
        ("local c = coroutine.wrap(function() while true do end end) while true do pcall(c) end", "instruction budget exceeded"),
        ("xpcall(function() while true do end end, function() while true do end end)", "instruction budget exceeded"),
        ("for i = 1, 1e9 do local s = ('x'):rep(2^22) end", "CPU time limit exceeded"),
        ("('a'):rep(40):find(('a*'):rep(30) .. 'b')", "instruction budget exceeded"),
        ("('a'):rep(4000):match('.-.-.-.-b')", "instruction budget exceeded"),
        ("('a'):rep(4000):gsub('.*.*.*b', '')", "instruction budget exceeded"),
        ("for _ in ('a'):rep(4000):gmatch('.-.-.-b') do end", "instruction budget exceeded"),
        ("local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end", "not enough memory"),
        ("local s = ('x'):rep(2^30)", "not enough memory"),
        ("local s = 'x' while true do s = s .. s end", "not enough memory"),
        ("local function f() return 1 + f() end f()", "stack overflow"),
        ("local function f() pcall(f) f() end f()", "LuaScriptError: script"),
        ("error('boom')", "script:2: boom"),
        ("error({})", "table: "),
        ("nothing.at = 1", "script:2: attempt to index global 'nothing'"),
        ("coroutine.yield()", "script:2: script performed an unexpected yield"),
        ("coroutine.wrap(function() h:body() end)()", "cannot be made from a coroutine"),
        ("coroutine.wrap(function() h:respond({[':status']='200'}) end)()", "cannot be called from a coroutine"),
        ("local c c = coroutine.create(function() coroutine.resume(c) error('inner') end) error(select(2, coroutine.resume(c)))", "inner"),
        ("h:headers():add('a\\nb', '1')", "script:2: not a header name"),
        ("h:headers():replace('a', 'x\\0y')", "script:2: control character in the value"),
        ("h:headers():replace(':path', '/a b')", "may not stand in a request target"),
        ("h:headers():add({}, '1')", "script:2: bad argument 'key' (string expected, got table)"),
        ("h:respond({[':status']='99'})", ":status must be between 200-599"),
        ("h:respond({['a']='1'})", ":status must be between 200-599"),
        ("h:respond({[':status']='200', ['a\\n']='1'})", "not a header name"),
        ("h.headers()", "object used outside of proper scope"),
        ("h:body(true):getBytes(0, 10)", "index/length must be >= 0"),
        ("setmetatable('', {})", "bad argument"),
        ("setmetatable({}, {__gc = function() end})", "finalizers are not allowed"),
        ("local s = {} s[1] = s h:streamInfo():dynamicMetadata():set('a', 'b', s)", "nested too deeply"),
    ],
)
def test_faults_cost_the_request_and_name_the_line(lua: MakeTester, caplog: pytest.LogCaptureFixture, code: str, message: str) -> None:
    tester = lua(request=f"\n{code}", entry={"name": "script"})
    assert tester.request().status == 500
    assert tester.stats.errors == 1
    assert message.replace("script:2", "script:3") in caplog.text


def test_the_next_request_is_served_after_any_of_them(lua: MakeTester, caplog: pytest.LogCaptureFixture) -> None:
    code = """
    local what = h:headers():get("do")
    if what == "loop" then while true do end end
    if what == "hold" then held = {} for i = 1, 1e5 do held[i] = ("x"):rep(1e5) .. i end end
    if what == "deep" then local function f() return 1 + f() end f() end"""
    tester = lua(request=code)

    async def scenario() -> list[int]:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        asked = ("loop", "", "hold", "", "hold", "", "deep", "")
        statuses = [(await client.exchange("GET", "/", {"do": what}, b"", None, 10.0)).status for what in asked]
        client.leave()
        proxy.close()
        return statuses

    assert asyncio.run(scenario()) == [500, 200] * 4
    assert "its Lua state is replaced" in caplog.text


def test_on_error_allow_lets_the_request_pass(lua: MakeTester) -> None:
    assert lua(request="error('boom')", entry={"on_error": "allow"}).request().status == 200


def test_respond_on_the_responses_way_is_an_error(lua: MakeTester, caplog: pytest.LogCaptureFixture) -> None:
    assert lua(response='h:respond({[":status"]="200"})').request().status == 500
    assert "respond not currently supported in the response path" in caplog.text


def test_values_that_are_no_text_pass_unchanged(lua: MakeTester) -> None:
    tester = lua(request='local v = h:headers():get("raw") h:headers():add("copy", v .. #v)')
    value = b"\xff\xfe\x80".decode("utf-8", "surrogateescape")
    headers = tester.request(headers={"raw": "x"}).upstream[0].headers
    assert headers.get("copy") == "x1"

    async def scenario() -> bytes:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        client.send_raw(b"GET / HTTP/1.1\r\nHost: a\r\nRaw: \xff\xfe\x80\r\n\r\n")
        await asyncio.sleep(0.05)
        line = proxy.upstream.requests[0].headers.get("copy")
        client.leave()
        proxy.close()
        return (line or "").encode("utf-8", "surrogateescape")

    assert asyncio.run(scenario()) == value.encode("utf-8", "surrogateescape") + b"3"


def test_scripts_change_only_their_own_globals() -> None:
    state = LuaState(LuaHost("entry", {}), 16 << 20, 1_000_000, 1.0)
    first = LuaScript(
        b"function pairs() error('mine') end string.rep = nil table.insert = nil math = nil _G.type = nil tostring = nil error = nil",
        "first",
    )
    second = LuaScript(
        b"for k in pairs({1}) do assert(type(k) == 'number') end assert(tostring(math.floor(1.5)) == '1')"
        b" assert(('x'):rep(2) == 'xx' and string.rep('x', 2) == 'xx') table.insert({}, 1)"
        b" function envoy_on_request(h) assert(getmetatable('') == nil and getmetatable(h) == false) end",
        "second",
    )
    state.number(first)
    state.number(second)
    assert (state.handlers(first), state.handlers(second)) == ((False, False), (True, False))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"local x =\n\n", "s.lua:3: unexpected symbol near '<eof>'"),
        (b"\n\nerror('at load')", "s.lua:3: at load"),
        (b"while true do end", "s.lua:1: instruction budget exceeded"),
        (b"\x1bLJ\x02", "s.lua: compiled Lua is not accepted"),
        (b"coroutine.yield()", "s.lua:1: script performed an unexpected yield"),
    ],
)
def test_scripts_that_cannot_be_loaded(source: bytes, message: str) -> None:
    state = LuaState(LuaHost("entry", {}), 16 << 20, 1_000_000, 1.0)
    with pytest.raises(LuaScriptError) as raised:
        state.number(LuaScript(source, "s.lua"))
    assert str(raised.value) == message


def test_a_handle_is_of_no_use_in_another_request(lua: MakeTester, caplog: pytest.LogCaptureFixture) -> None:
    tester = lua(request='kept = kept or h h:logInfo("x") kept:headers():add("a", "1")')

    async def scenario() -> list[int]:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        statuses = [(await client.exchange("GET", "/", {}, b"", None, 10.0)).status for _ in range(2)]
        client.leave()
        proxy.close()
        return statuses

    assert asyncio.run(scenario()) == [200, 500]
    assert "object used outside of proper scope" in caplog.text


def test_bodies_beyond_the_memory_limit_cost_the_request_only(lua: MakeTester, caplog: pytest.LogCaptureFixture) -> None:
    """What is pushed into Lua past its limit would end the process."""
    request = "local b = h:body() local t = {} for i = 1, 30 do t[i] = b:getBytes(0, b:length() - i) end"
    tester = lua(request=request, config={"memory_limit": "2MiB"})
    assert tester.request("POST", "/", body=b"x" * 1_000_000).status == 500
    assert "not enough memory" in caplog.text


@pytest.mark.parametrize(
    "push", ['h:headers():get("host")', "h:base64Escape('abc')", 'h:httpCall("upstream", {CALL}, nil, 1000)', "h:body(true)"]
)
def test_nothing_is_pushed_into_a_full_state(lua: MakeTester, push: str) -> None:
    push = push.replace("CALL", '[":method"]="GET", [":path"]="/", [":authority"]="a"')
    more = "pcall(function() while true do held[#held+1] = ('x'):rep(size) .. #held end end)"
    fill = f"held = {{}} pcall(function() for size = 1e5, 1, -1e3 do {more} end end)"
    tester = lua(request=f"{fill} local x = {push}", config={"memory_limit": "2MiB", "cpu_time": "5s"})
    assert tester.request().status in (200, 500)
    assert tester.request().status in (200, 500)


def test_another_thread_runs_on_while_a_script_loops(lua: MakeTester) -> None:
    """lupa gives the interpreter's lock back while Lua runs, and takes it again however Lua returns."""
    tester = lua(request="local ok, e = pcall(h.headers) local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end")
    assert tester.request().status == 500
    ran = threading.Event()
    thread = threading.Thread(target=ran.set)
    thread.start()
    assert ran.wait(10.0)
    thread.join()
    logging.getLogger("headgate.lua").debug("still here")
