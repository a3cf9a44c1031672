from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from headgate.testing import FilterTester
from tests.unit.runtimes.wasm.wat_modules import module, on_request, write

CALLBACKS = {
    "proxy_on_context_create": "(param i32 i32)",
    "proxy_on_request_headers": "(param i32 i32 i32) (result i32)",
    "proxy_on_request_body": "(param i32 i32 i32) (result i32)",
    "proxy_on_response_headers": "(param i32 i32 i32) (result i32)",
    "proxy_on_response_body": "(param i32 i32 i32) (result i32)",
}


def _trap_in(name: str) -> str:
    if name != "proxy_on_context_create":
        return f'(func (export "{name}") {CALLBACKS[name]} unreachable)'
    # The root context is created with parent 0 and must live.
    return f'(func (export "{name}") (param i32 i32) (if (local.get 1) (then unreachable)))'


@pytest.mark.parametrize("name", list(CALLBACKS))
def test_a_trap_is_answered_by_policy(name: str, tmp_path: Path) -> None:
    config = write(tmp_path, _trap_in(name))
    denied = FilterTester("wasm", config).request("POST", body=b"body")
    assert denied.status == 500
    allowing = FilterTester("wasm", config, entry={"on_error": "allow"})
    assert allowing.request("POST", body=b"body").status == 200
    assert allowing.stats.errors >= 1
    assert FilterTester("wasm", {**config, "fail_open": True}).request("POST", body=b"body").status == 200


@pytest.mark.parametrize("name", ["proxy_on_done", "proxy_on_log", "proxy_on_delete"])
def test_a_trap_at_the_end_is_counted(name: str, tmp_path: Path) -> None:
    result = "(result i32)" if name == "proxy_on_done" else ""
    tester = FilterTester("wasm", write(tmp_path, f'(func (export "{name}") (param i32) {result} unreachable)'))
    assert tester.request().status == 200
    assert tester.stats.errors == 1


def test_a_trap_replaces_the_instance(tmp_path: Path) -> None:
    """The guest counts its requests and traps at the third; then it begins again at one."""
    body = on_request(
        """(global.set $seen (i32.add (global.get $seen) (i32.const 1)))
        (if (i32.eq (global.get $seen) (i32.const 3)) (then unreachable)) (i32.const 0)"""
    )
    tester = FilterTester("wasm", write(tmp_path, "(global $seen (mut i32) (i32.const 0))" + body))

    async def run() -> list[int]:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        statuses = [(await client.exchange("GET", "/", {}, b"", None, 5.0)).status for _ in range(5)]
        proxy.close()
        return statuses

    assert asyncio.run(run()) == [200, 200, 500, 200, 200]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("(loop (br 0)) (i32.const 0)", "ran past its time limit"),
        ("(drop (call $deep)) (i32.const 0)", "call stack exhausted"),
        ("(i32.load (i32.const -1))", "out of bounds memory access"),
        ("(i32.div_u (i32.const 1) (i32.const 0))", "divide by zero"),
    ],
)
def test_what_a_guest_may_not_do(code: str, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = write(tmp_path, "(func $deep (result i32) (i32.add (call $deep) (i32.const 1)))" + on_request(code))
    assert FilterTester("wasm", {**config, "call_timeout": 0.05}).request().status == 500
    assert message in caplog.text
    assert "stream filter wasm failed in on_receive" in caplog.text


def test_a_memory_bomb_hits_the_limit(tmp_path: Path) -> None:
    """memory.grow answers -1 at the limit: the guest here lets the request pass only if it does."""
    code = """(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
      (if (i32.gt_u (memory.size) (i32.const 32)) (then unreachable)) (i32.const 0)"""
    assert FilterTester("wasm", {**write(tmp_path, on_request(code)), "memory_limit": "2MiB"}).request().status == 200


def test_pointers_outside_of_the_memory(tmp_path: Path) -> None:
    """Every host function answers 6 (INVALID_MEMORY_ACCESS), whichever of its pointers is wrong; the guest traps on any other answer."""
    calls = [
        "(call $log (i32.const 2) (i32.const -8) (i32.const 16))",
        "(call $log (i32.const 2) (i32.const 65530) (i32.const 7))",
        "(call $get_header_map_value (i32.const 0) (i32.const -1) (i32.const 4) (i32.const 64) (i32.const 68))",
        "(call $get_header_map_value (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 65533) (i32.const 68))",
        "(call $get_header_map_value (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 64) (i32.const -4))",
        "(call $add_header_map_value (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 99999) (i32.const 1))",
        "(call $get_header_map_pairs (i32.const 0) (i32.const -1) (i32.const -1))",
        "(call $set_header_map_pairs (i32.const 0) (i32.const 0) (i32.const -1))",
        "(call $send_local_response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)"
        " (i32.const 0) (i32.const 0) (i32.const -1))",
        "(call $get_property (i32.const -1) (i32.const 1) (i32.const 64) (i32.const 68))",
        "(call $set_shared_data (i32.const 0) (i32.const 1) (i32.const -1) (i32.const 5) (i32.const 0))",
        "(call $define_metric (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 65535))",
        "(call $http_call (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)"
        " (i32.const 0) (i32.const 0) (i32.const 9) (i32.const -2))",
    ]
    code = "".join(f"(if (i32.ne {call} (i32.const 6)) (then unreachable))" for call in calls)
    exchange = FilterTester("wasm", write(tmp_path, on_request(code + "(i32.const 0)"), data={16: "user"})).request(headers={"User": "x"})
    assert exchange.status == 200


def test_an_allocator_that_lies(tmp_path: Path) -> None:
    """It gives an address outside of the memory: the host does not write there."""
    lying = '(func (export "malloc") (param i32) (result i32) (i32.const -16))'
    call = "(call $get_header_map_value (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 64) (i32.const 68))"
    code = f"(if (i32.ne {call} (i32.const 6)) (then unreachable)) (i32.const 0)"
    config = write(tmp_path, lying + on_request(code), data={16: "host"}, allocator=False)
    assert FilterTester("wasm", config).request().status == 200


def test_no_allocator(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    code = "(call $get_header_map_value (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 64) (i32.const 68))"
    assert FilterTester("wasm", write(tmp_path, on_request(code), data={16: "host"}, allocator=False)).request().status == 500
    assert "exports neither proxy_on_memory_allocate nor malloc" in caplog.text


@pytest.mark.parametrize(("value", "size"), [("a\\00b", 3), ("a\\0d\\0ab: c", 7), ("a\\07b", 3)])
def test_control_characters_in_a_header(value: str, size: int, tmp_path: Path) -> None:
    """The guest gets BAD_ARGUMENT, the message stays as it was."""
    code = f"""(if (i32.ne (call $add_header_map_value (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 32) (i32.const {size}))
      (i32.const 2)) (then unreachable)) (i32.const 0)"""
    exchange = FilterTester("wasm", write(tmp_path, on_request(code), data={16: "x-a", 32: value})).request()
    assert exchange.status == 200
    assert "x-a" not in exchange.upstream[0].headers


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    code = "(call $add_header_map_value (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 32) (i32.const 2))"
    exchange = FilterTester("wasm", write(tmp_path, on_request(code), data={16: "x-a", 32: "\\ff\\fe"})).request()
    assert exchange.upstream[0].headers["x-a"].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_a_second_reply_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    zeros = " ".join(["(i32.const 0)"] * 6)
    reply = f"(drop (call $send_local_response (i32.const {{}}) {zeros} (i32.const -1)))"
    exchange = FilterTester("wasm", write(tmp_path, on_request(reply.format(401) + reply.format(402) + "(i32.const 1)"))).request()
    assert exchange.status == 401
    assert "a second local response" in caplog.text


def test_a_pause_that_never_ends_runs_into_the_timeout(tmp_path: Path) -> None:
    tester = FilterTester("wasm", write(tmp_path, on_request("(i32.const 1)")), entry={"timeout": "100ms"})
    assert tester.request().status == 504
    assert tester.stats.timeouts == 1


def test_exit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "x.wat"
    text = module(on_request("(call $exit (i32.const 3)) (i32.const 0)"))
    file.write_text(text.replace("(module", '(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'))
    assert FilterTester("wasm", {"path": str(file)}).request().status == 500
    assert "the guest called exit(3)" in caplog.text
