"""``bodyChunks`` and ``trailers``: bodies that pass while a script looks at them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest

from headgate.testing import FilterTester, ReceivedRequest, Reply

MakeTester = Callable[..., FilterTester]

CALL = 'h:httpCall("upstream", {[":method"]="GET", [":path"]="/sub", [":authority"]="inner"}, nil, 1000)'
MARK = 'for c in h:bodyChunks() do c:setBytes("<" .. c:getBytes(0, c:length()) .. ">") end'


def test_each_chunk_is_seen_as_it_arrives(lua: MakeTester) -> None:
    tester = lua(request=MARK, response=MARK, reply=Reply(body=[b"up", b"stream"]))
    exchange = tester.request("POST", "/", body=[b"ab", b"cd", b"e"])
    assert exchange.upstream[0].body == b"<ab><cd><e>"
    assert exchange.body == b"<up><stream>"


def test_a_body_of_one_piece_is_one_chunk(lua: MakeTester) -> None:
    tester = lua(request=MARK, response=MARK, reply=Reply(body=b"up"))
    exchange = tester.request("POST", "/", body=b"abc")
    assert (exchange.upstream[0].body, exchange.body) == (b"<abc>", b"<up>")


def test_a_long_body_is_not_kept(lua: MakeTester) -> None:
    count = "n = 0 for c in h:bodyChunks() do n = n + c:length() end h:logWarn(n)"
    tester = lua(request=count, response=count, entry={"max_body": 10}, reply=Reply(body=[b"x" * 100] * 50))
    exchange = tester.request("POST", "/", body=[b"y" * 100] * 50)
    assert exchange.status == 200
    assert (len(exchange.upstream[0].body), len(exchange.body)) == (5000, 5000)


def test_the_rest_passes_once_the_script_has_ended(lua: MakeTester) -> None:
    stop = 'for c in h:bodyChunks() do c:setBytes("first") break end'
    tester = lua(request=stop, response=stop, reply=Reply(body=[b"1", b"2", b"3"]))
    exchange = tester.request("POST", "/", body=[b"a", b"b", b"c"])
    assert (exchange.upstream[0].body, exchange.body) == (b"firstbc", b"first23")


def test_without_a_body_there_is_no_chunk_and_the_head_waits(lua: MakeTester) -> None:
    none = 'local n = 0 for c in h:bodyChunks() do n = n + 1 end h:trailers() h:headers():add("x", n)'
    tester = lua(request=none, response=none, reply=Reply(204))
    exchange = tester.request()
    assert (exchange.upstream[0].headers.get("x"), exchange.headers.get("x")) == ("0", "0")


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ('h:headers():add("a", "1")', "header map can no longer be modified"),
        ('h:headers():replace("a", "1")', "header map can no longer be modified"),
        ('h:headers():remove("a")', "header map can no longer be modified"),
        ('h:respond({[":status"]="400"})', "respond() cannot be called if headers have been continued"),
        ("h:body()", "cannot call body() after body streaming has started"),
        ("h:bodyChunks()", "cannot call bodyChunks after body processing has begun"),
        ("kept = kept or c kept:length()", "object used outside of proper scope"),
    ],
)
def test_what_cannot_be_done_any_more(lua: MakeTester, then: str, message: str, caplog: pytest.LogCaptureFixture) -> None:
    tester = lua(request=f"kept = nil for c in h:bodyChunks() do {then} end")
    assert tester.request("POST", "/", body=[b"a", b"b"]).status == 500
    assert message in caplog.text


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ("for c in h:bodyChunks() do end", "h:body()", "cannot call body() after body has been streamed"),
        ("h:body()", "h:bodyChunks()", "cannot call bodyChunks after body processing has begun"),
        ("for c in h:bodyChunks() do kept = c end", "kept:length()", "object used outside of proper scope"),
        ("local t = h:trailers()", "h:headers():add('a', '1')", "header map can no longer be modified"),
    ],
)
def test_what_comes_too_late(lua: MakeTester, first: str, then: str, message: str, caplog: pytest.LogCaptureFixture) -> None:
    assert lua(request=f"{first} {then}").request("POST", "/", body=b"ab").status == 500
    assert message in caplog.text


def test_trailers_are_read_and_changed_behind_a_passing_body(lua: MakeTester) -> None:
    read = """
        {first}
        local t = h:trailers()
        if t then t:replace("seen", t:get("sum")) t:remove("sum") end"""
    for first in ("", "for c in h:bodyChunks() do end", "for c in h:bodyChunks() do break end"):
        script = read.replace("{first}", first)
        tester = lua(request=script, response=script, entry={"max_body": 1}, reply=Reply(body=[b"abc"], trailers={"Sum": "8"}))
        exchange = tester.request("POST", "/", body=[b"ab", b"cd"], trailers={"Sum": "7"})
        request = exchange.upstream[0]
        assert (request.body, request.trailers.items()) == (b"abcd", [("seen", "7")])
        assert (exchange.body, exchange.trailers.items()) == (b"abc", [("seen", "8")])
        assert tester.request("POST", "/", body=b"abc").upstream[0].body == b"abc"


def test_chunks_wait_while_a_call_is_under_way(lua: MakeTester) -> None:
    asks = f"for c in h:bodyChunks() do local r, b = {CALL} c:setBytes(b .. c:getBytes(0, c:length())) end"

    def answer(request: ReceivedRequest) -> Reply:
        return Reply(body=b".") if request.target == "/sub" else Reply(body=[b"1", b"22", b"333"])

    tester = lua(request=asks, response=asks, reply=answer)
    exchange = tester.request("POST", "/", body=[b"a", b"bb", b"ccc"])
    assert [request.body for request in exchange.upstream if request.target == "/"] == [b".a.bb.ccc"]
    assert exchange.body == b".1.22.333"


def test_the_end_waits_for_a_call_as_well(lua: MakeTester) -> None:
    tester = lua(request=f"for c in h:bodyChunks() do end local r, b = {CALL} h:trailers():add('sub', b)", reply=Reply(body=b"answer"))
    exchange = tester.request("POST", "/", body=[b"a"], trailers={"t": "1"})
    assert exchange.upstream[-1].trailers.get("sub") == "answer"
    assert exchange.upstream[-1].body == b"a"


def test_no_more_than_max_body_waits(lua: MakeTester, caplog: pytest.LogCaptureFixture) -> None:
    never = lua(request=f"for c in h:bodyChunks() do {CALL} end", entry={"max_body": 100}, reply=Reply(never=True))
    assert never.request("POST", "/", body=[b"x" * 60] * 5).status == 500
    assert "more than max_body (100 bytes) came while httpCall was under way" in caplog.text


@pytest.mark.parametrize("call", ["", CALL], ids=["at once", "after a call"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_script_that_fails_loses_nothing_of_the_body(lua: MakeTester, at: int, call: str) -> None:
    fails = f"n = 0 for c in h:bodyChunks() do {call} n = n + 1 if n == {at} then error('no') end end if {at} == 4 then error('no') end"
    tester = lua(request=fails, entry={"on_error": "allow"})
    exchange = tester.request("POST", "/", body=[b"a", b"bb", b"ccc"])
    assert (exchange.status, exchange.upstream[-1].body) == (200, b"abbccc")
    assert tester.stats.errors == 1
    assert lua(request=fails).request("POST", "/", body=[b"a", b"bb", b"ccc"]).status == 500


def test_the_route_is_matched_again_before_the_head_goes(lua: MakeTester) -> None:
    routes = [
        {"match": {"prefix": "/direct"}, "direct_response": {"status": 204}},
        {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
    ]
    tester = lua(request=f'h:headers():replace(":path", h:headers():get("to")) {MARK}', routes=routes)
    assert tester.request("POST", "/", {"to": "/direct"}, body=b"x").status == 204
    exchange = tester.request("POST", "/", {"to": "/other"}, body=[b"x", b"y"])
    assert (exchange.upstream[0].target, exchange.upstream[0].body) == ("/other", b"<x><y>")


def test_a_reply_before_the_body_ends_is_seen_by_the_response_handler_alone(lua: MakeTester) -> None:
    tester = lua(request=MARK, response='h:headers():add("x", "1")', route={"match": {"prefix": "/"}, "direct_response": {"status": 204}})
    assert tester.request("POST", "/", body=[b"a", b"b"]).headers.get("x") == "1"


@pytest.mark.parametrize("wait", ["h:body()", "for c in h:bodyChunks() do end", "h:trailers()"])
def test_a_client_that_leaves_leaves_nothing_behind(lua: MakeTester, wait: str, caplog: pytest.LogCaptureFixture) -> None:
    tester = lua(request=f'local big = ("x"):rep(1e5) .. h:headers():get("n") {wait} return big', config={"memory_limit": "4MB"})

    async def leave_often() -> int:
        proxy = tester.proxy()
        for number in range(200):
            client = proxy.connect("listener")
            client.send_raw(b"POST / HTTP/1.1\r\nHost: a\r\nn: %d\r\nContent-Length: 5\r\n\r\nab" % number)
            await asyncio.sleep(0)
            client.leave()
            await asyncio.sleep(0)
        last = await proxy.connect("listener").exchange("POST", "/", {"n": "x"}, b"abc", None, 10.0)
        proxy.close()
        return last.status

    assert asyncio.run(leave_often()) == 200
    assert "its Lua state is replaced" not in caplog.text


def test_a_request_leaves_no_circle_behind(lua: MakeTester) -> None:
    script = f"""
        local what = h:headers():get("what")
        if what == "body" then h:body() elseif what == "chunks" then {MARK} elseif what == "call" then {CALL} end"""
    tester = lua(request=script, response="h:headers():add('x', '1')")

    async def leftovers(what: str) -> int:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        await client.exchange("POST", "/", {"what": what}, b"abc", None, 10.0)
        await asyncio.sleep(0)
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                await client.exchange("POST", "/", {"what": what}, b"abc", None, 10.0)
            await asyncio.sleep(0)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            found = sum(type(thing).__name__ in ("LuaFilter", "LuaBothWays", "LuaRun", "ActiveStream") for thing in gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        proxy.close()
        return found

    for what in ("head", "body", "chunks", "call"):
        assert asyncio.run(leftovers(what)) == 0, what
