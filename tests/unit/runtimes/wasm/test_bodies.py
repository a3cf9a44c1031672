"""Bodies through a guest: in passing, which is the default, and as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from headgate.testing import Exchange, FilterTester, ReceivedRequest, Reply
from tests.unit.runtimes.wasm.test_behaviour import FIELDS, REPLY, SIZE, add, body_callback
from tests.unit.runtimes.wasm.wat_modules import on_request, write

Way = Literal["request", "response"]
WAYS = pytest.mark.parametrize("way", ["request", "response"])
MODES = pytest.mark.parametrize("mode", ["buffer", "stream"])

APPEND = "(drop (call $set_buffer_bytes (i32.const {kind}) (i32.const -1) (i32.const 0) (i32.const 16) (i32.const 1)))"
PAUSE_UNTIL_END = "(if (i32.eqz (local.get 2)) (then (return (i32.const 1))))"
PAUSE_AT_END = "(if (local.get 2) (then {} (return (i32.const 1))))"
CALL = f"""(drop (call $http_call (i32.const 256) (i32.const 8) (i32.const 512) (i32.const {SIZE}) (i32.const 0) (i32.const 0)
  (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 64)))"""
CALLS = {256: "upstream", 512: FIELDS}


def kind(way: Way) -> int:
    return 0 if way == "request" else 1


def on_call(code: str) -> str:
    return f'(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) {code})'


def body_of(exchange: Exchange, way: Way) -> bytes:
    return exchange.upstream[-1].body if way == "request" else exchange.body


def ask(tester: FilterTester, body: bytes | list[bytes] = b"question") -> Exchange:
    return tester.request("POST", body=body)


def page(body: bytes | list[bytes]) -> Callable[[ReceivedRequest], Reply]:
    return lambda request: Reply(200, body=b"verdict" if request.target == "/auth" else body)


@MODES
@pytest.mark.parametrize("pause", ["", PAUSE_UNTIL_END])
def test_bodies_change(mode: str, pause: str, tmp_path: Path) -> None:
    """With a length the last chunk is the end; so what is appended is appended once."""
    code = "".join(body_callback(way, pause + APPEND.format(kind=kind)) for kind, way in enumerate(("request", "response")))
    config = {**write(tmp_path, code, data={16: "!"}), "request_body": mode, "response_body": mode}
    exchange = ask(FilterTester("wasm", config, reply=Reply(body=b"answer")))
    assert exchange.upstream[0].body == b"question!"
    assert exchange.body == b"answer!"


@pytest.mark.parametrize(("pause", "seen"), [("", b"one!two!!"), (PAUSE_UNTIL_END, b"onetwo!")])
@WAYS
def test_chunks_of_unknown_number(way: Way, pause: str, seen: bytes, tmp_path: Path) -> None:
    """The end is a call of its own, behind the chunks; what the guest keeps until then goes on there."""
    config = write(tmp_path, body_callback(way, pause + APPEND.format(kind=kind(way))), data={16: "!"})
    exchange = ask(FilterTester("wasm", config, reply=Reply(body=[b"one", b"two"])), [b"one", b"two"])
    assert (exchange.status, body_of(exchange, way)) == (200, seen)


@WAYS
def test_a_large_body_passes_a_module_that_could_look_at_it(way: Way, tmp_path: Path) -> None:
    """As the SDKs' modules could, whether their filters do or not."""
    large = b"x" * (3 * 1024 * 1024)
    exchange = ask(FilterTester("wasm", write(tmp_path, body_callback(way, "")), reply=Reply(body=large)), large)
    assert (exchange.status, body_of(exchange, way)) == (200, large)


@WAYS
@pytest.mark.parametrize("body", [b"abc", [b"a", b"b", b"c"]])
def test_the_end_of_a_body_is_held_until_a_call_s_answer(way: Way, body: bytes | list[bytes], tmp_path: Path) -> None:
    """The answer is there: it changes the body, and lets it go."""
    code = body_callback(way, PAUSE_AT_END.format(CALL)) + on_call(
        APPEND.format(kind=kind(way)) + f"(drop (call $continue_stream (i32.const {kind(way)})))"
    )
    tester = FilterTester("wasm", write(tmp_path, code, data={16: "!", **CALLS}), reply=page(body))
    exchange = ask(tester, body)
    held = b"abc!" if isinstance(body, bytes) else b"!"  # without a length the chunks have passed before
    assert (exchange.status, exchange.complete) == (200, True)
    assert body_of(exchange, way) == (b"ab" + b"c!" if held == b"!" else held)
    assert "/auth" in [request.target for request in exchange.upstream]
    assert tester.stats.errors == 0


def test_what_is_held_may_be_denied(tmp_path: Path) -> None:
    code = body_callback("request", PAUSE_AT_END.format(CALL)) + on_call(REPLY.format(403))
    exchange = ask(FilterTester("wasm", write(tmp_path, code, data=CALLS), reply=page(b"page")), [b"a", b"b"])
    assert exchange.status == 403
    assert all(request.target == "/auth" for request in exchange.upstream), "the host never saw a complete request"


def test_a_trap_while_the_end_is_held_fails_the_request(tmp_path: Path) -> None:
    code = body_callback("request", PAUSE_AT_END.format(CALL)) + on_call("unreachable")
    tester = FilterTester("wasm", write(tmp_path, code, data=CALLS), reply=page(b"page"))
    assert ask(tester).status == 500
    assert tester.stats.errors == 1


def test_an_end_that_is_held_for_ever_is_over_with_the_timeout(tmp_path: Path) -> None:
    tester = FilterTester("wasm", write(tmp_path, body_callback("request", "(return (i32.const 1))")), entry={"timeout": "0.05s"})
    assert ask(tester).status == 504
    assert tester.stats.timeouts == 1


def test_what_was_kept_and_let_go_passes_with_the_next_chunk(tmp_path: Path) -> None:
    """The guest keeps chunks until an answer is there, which lets them go; those behind it it sees one by one, and marks them."""
    code = (
        "(global $asked (mut i32) (i32.const 0)) (global $answered (mut i32) (i32.const 0))"
        + body_callback(
            "request",
            f"(if (i32.eqz (global.get $asked)) (then (global.set $asked (i32.const 1)) {CALL} (return (i32.const 1))))"
            "(if (i32.eqz (global.get $answered)) (then (return (i32.const 1))))"
            "(if (i32.gt_u (local.get 1) (i32.const 1)) (then unreachable))" + APPEND.format(kind=0),
        )
        + on_call("(global.set $answered (i32.const 1)) (drop (call $continue_stream (i32.const 0)))")
    )
    tester = FilterTester("wasm", write(tmp_path, code, data={16: "!", **CALLS}), reply=page(b"page"))
    exchange = tester.request("POST", body=[b"x"] * 50)
    assert exchange.status == 200
    kept, _, behind = exchange.upstream[-1].body.partition(b"!")
    assert len(kept) > 1, "some were kept"
    assert (kept + behind).replace(b"!", b"") == b"x" * 50
    assert behind == b"x!" * (50 - len(kept)) + b"!"


@WAYS
def test_trailers_are_the_end(way: Way, tmp_path: Path) -> None:
    """No call says that the body has ended; the trailers' callback lets go what was kept."""
    trailers = f'(func (export "proxy_on_{way}_trailers") (param i32 i32) (result i32) '
    trailers += add(1 + 2 * kind(way), (32, 3), (48, 1)) + "(i32.const 0))"
    code = body_callback(way, "(if (local.get 2) (then unreachable)) (return (i32.const 1))") + trailers
    tester = FilterTester("wasm", write(tmp_path, code, data={32: "x-t", 48: "1"}), reply=Reply(body=[b"a", b"b"], trailers={"x-own": "2"}))
    exchange = tester.request("POST", body=[b"a", b"b"], trailers={"x-own": "2"})
    fields = exchange.upstream[0].trailers if way == "request" else exchange.trailers
    assert (exchange.status, body_of(exchange, way)) == (200, b"ab")
    assert (fields.get("x-own"), fields.get("x-t")) == ("2", "1")


def test_trailers_may_be_paused_on(tmp_path: Path) -> None:
    code = (
        body_callback("request", "(return (i32.const 1))")
        + f'(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) {CALL} (i32.const 1))'
        + on_call("(drop (call $continue_stream (i32.const 0)))")
    )
    tester = FilterTester("wasm", write(tmp_path, code, data=CALLS), reply=page(b"page"))
    exchange = tester.request("POST", body=[b"a", b"b"], trailers={"x-own": "2"})
    assert (exchange.status, exchange.upstream[-1].body, exchange.upstream[-1].trailers.get("x-own")) == (200, b"ab", "2")


@WAYS
def test_keeping_more_than_max_body(way: Way, tmp_path: Path) -> None:
    """Answered by its size; not counted against the module, as clients could have it set aside."""
    config = write(tmp_path, body_callback(way, PAUSE_UNTIL_END))
    tester = FilterTester("wasm", config, entry={"max_body": 10}, reply=Reply(body=[b"x" * 8, b"x" * 8]))
    exchange = ask(tester, [b"x" * 8, b"x" * 8])
    if way == "request":
        assert exchange.status == 413
    else:
        assert not exchange.complete
        assert exchange.closed
    assert tester.stats.errors == 0


def test_a_reply_from_a_chunk(tmp_path: Path) -> None:
    code = body_callback("request", f"{REPLY.format(418)} (return (i32.const 1))")
    exchange = ask(FilterTester("wasm", write(tmp_path, code)), [b"a", b"b"])
    assert (exchange.status, exchange.upstream) == (418, [])


@WAYS
def test_a_stream_is_closed_from_a_chunk(way: Way, tmp_path: Path) -> None:
    code = body_callback(way, "(drop (call $close_stream (i32.const 0)))")
    exchange = ask(FilterTester("wasm", write(tmp_path, code), reply=Reply(body=[b"a", b"b"])), [b"a", b"b"])
    assert (exchange.complete, exchange.closed) == (False, True)


@pytest.mark.parametrize(("opens", "status", "body"), [(False, 500, b""), (True, 200, b"ab")])
def test_a_trap_in_a_chunk(opens: bool, status: int, body: bytes, tmp_path: Path) -> None:
    """What the guest had kept passes with ``fail_open``."""
    code = "(global $seen (mut i32) (i32.const 0))" + body_callback(
        "request", "(if (global.get $seen) (then unreachable)) (global.set $seen (i32.const 1)) (return (i32.const 1))"
    )
    exchange = ask(FilterTester("wasm", {**write(tmp_path, code), "fail_open": opens}), [b"a", b"b"])
    assert exchange.status == status
    assert not body or exchange.upstream[0].body == body


def test_a_body_as_a_whole_beyond_max_body(tmp_path: Path) -> None:
    config = {**write(tmp_path, body_callback("request", "")), "request_body": "buffer"}
    assert FilterTester("wasm", config, entry={"max_body": 10}).request("POST", body=b"x" * 11).status == 413


def test_a_body_that_the_guest_is_not_asked_about(tmp_path: Path) -> None:
    config = {**write(tmp_path, body_callback("request", "unreachable")), "request_body": "none"}
    assert FilterTester("wasm", config).request("POST", body=b"x").status == 200


@MODES
def test_a_route_s_own_module_configuration_reaches_all_filters(mode: str, tmp_path: Path) -> None:
    """``disabled`` on a route holds for bodies, too."""
    code = on_request("(i32.const 0)") + body_callback("request", "unreachable") + body_callback("response", "unreachable")
    config = {**write(tmp_path, code), "phase": "after_route", "request_body": mode, "response_body": mode}
    routes: list[dict[str, object]] = [
        {"match": {"prefix": "/off"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"wasm": {"disabled": True}}},
        {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
    ]
    tester = FilterTester("wasm", config, routes=routes)
    assert [tester.request("POST", target=target, body=b"x").status for target in ("/off", "/")] == [200, 500]
