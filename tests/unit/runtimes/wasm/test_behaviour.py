from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headgate.observe.custom_metrics import CUSTOM_METRICS
from headgate.runtimes.wasm.foreign import FOREIGN_FUNCTIONS, foreign_function
from headgate.testing import Exchange, FilterTester, ReceivedRequest, Reply
from tests.unit.runtimes.wasm.wat_modules import module, on_request, write

REPLY = "(drop (call $send_local_response (i32.const {}) {} (i32.const -1)))".format("{}", " ".join(["(i32.const 0)"] * 6))


def body_callback(direction: str, code: str) -> str:
    return f'(func (export "proxy_on_{direction}_body") (param i32 i32 i32) (result i32) {code} (i32.const 0))'


def add(kind: int, name: tuple[int, int], value: tuple[int, int]) -> str:
    numbers = " ".join(f"(i32.const {number})" for number in (kind, *name, *value))
    return f"(drop (call $add_header_map_value {numbers}))"


def test_trailers(tmp_path: Path) -> None:
    trailers = '(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) ' + add(1, (16, 3), (32, 1)) + "(i32.const 0))"
    tester = FilterTester("wasm", write(tmp_path, trailers, data={16: "x-t", 32: "1"}))
    exchange = tester.request("POST", body=[b"a"], trailers={"x-own": "2"})
    assert exchange.upstream[0].trailers.get("x-t") == "1"
    assert exchange.upstream[0].trailers.get("x-own") == "2"


def test_trailers_behind_a_buffered_body(tmp_path: Path) -> None:
    """The body says that it is not the end, then come the trailers; there the guest answers."""
    trailers = f'(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) {REPLY.format(418)} (i32.const 1))'
    config = write(tmp_path, body_callback("request", "(if (local.get 2) (then unreachable))") + trailers)
    assert FilterTester("wasm", config).request("POST", body=[b"a"], trailers={"x-own": "2"}).status == 418


def test_abi_0_1_0_takes_two_parameters_and_misses_nothing(tmp_path: Path) -> None:
    """A missing header is an empty one there; and the callback has no end_of_stream."""
    code = """(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
      (if (call $get_header_map_value (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 64) (i32.const 68)) (then unreachable))
      (i32.load (i32.const 68)))"""
    assert FilterTester("wasm", write(tmp_path, code, data={16: "none"}, abi="0_1_0")).request().status == 200


def test_abi_0_2_0_misses_what_is_not_there_and_allocates_with_malloc(tmp_path: Path) -> None:
    """A missing header is NOT_FOUND, the callback has end_of_stream, and what the host hands over lies where ``malloc`` says."""
    get = "(call $get_header_map_value (i32.const 0) (i32.const {}) (i32.const 4) (i32.const 64) (i32.const 68))"
    code = (
        '(func (export "malloc") (param i32) (result i32) (i32.const 1024))'
        + on_request(
            f"(if (i32.ne {get.format(16)} (i32.const 1)) (then unreachable)) (if {get.format(32)} (then unreachable))"
            " (if (i32.ne (i32.load (i32.const 64)) (i32.const 1024)) (then unreachable))"
            " (if (i32.ne (i32.load (i32.const 68)) (i32.const 3)) (then unreachable))"
            f" (if (i32.eqz (local.get $e)) (then {REPLY.format(418)} (return (i32.const 1)))) (i32.const 0)"
        )
        + body_callback("request", "")
    )
    tester = FilterTester("wasm", write(tmp_path, code, data={16: "none", 32: "some"}, abi="0_2_0", allocator=False))
    assert tester.request(headers={"Some": "abc"}).status == 200
    assert tester.request("POST", headers={"Some": "abc"}, body=b"a").status == 418, "the head is not the end"


def test_close_stream(tmp_path: Path) -> None:
    exchange = FilterTester("wasm", write(tmp_path, on_request("(drop (call $close_stream (i32.const 0))) (i32.const 1)"))).request()
    assert exchange.closed
    assert exchange.status == 0


CALL = """(drop (call $http_call (i32.const 256) (i32.const {cluster}) (i32.const 512) (i32.const {size}) (i32.const 0) (i32.const 0)
  (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 64)))"""
FIELDS = (
    "\\03\\00\\00\\00"
    "\\07\\00\\00\\00\\03\\00\\00\\00\\05\\00\\00\\00\\05\\00\\00\\00\\0a\\00\\00\\00\\01\\00\\00\\00"
    ":method\\00GET\\00:path\\00/auth\\00:authority\\00a\\00"
)
SIZE = 4 + 24 + 12 + 12 + 13


def call_module(on_response: str) -> str:
    answer = f'(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) {on_response})'
    return on_request(CALL.format(cluster=8, size=SIZE) + "(i32.const 1)") + answer


def _upstream(request: ReceivedRequest) -> Reply:
    return Reply(200, body=b"verdict" if request.target == "/auth" else b"page")


def test_an_http_call_holds_the_request(tmp_path: Path) -> None:
    code = call_module("(drop (call $continue_stream (i32.const 0)))")
    config = write(tmp_path, code, data={256: "upstream", 512: FIELDS})
    exchange = FilterTester("wasm", config, reply=_upstream).request()
    assert exchange.status == 200
    assert [request.target for request in exchange.upstream] == ["/auth", "/"]


def test_an_http_call_may_deny(tmp_path: Path) -> None:
    """The body's length, 7, comes with the answer: 407 is sent."""
    zeros = " ".join(["(i32.const 0)"] * 6)
    deny = f"(drop (call $send_local_response (i32.add (i32.const 400) (local.get 3)) {zeros} (i32.const -1)))"
    config = write(tmp_path, call_module(deny), data={256: "upstream", 512: FIELDS})
    assert FilterTester("wasm", config, reply=_upstream).request().status == 407


def test_the_answer_goes_to_the_root_context(tmp_path: Path) -> None:
    """By its number, as the Go SDK expects; what the callback does still acts on the stream."""
    root = "(global $root (mut i32) (i32.const 0))"
    create = """(func (export "proxy_on_context_create") (param i32 i32)
      (if (i32.eqz (local.get 1)) (then (global.set $root (local.get 0)))))"""
    check = "(if (i32.ne (local.get 0) (global.get $root)) (then unreachable)) (drop (call $continue_stream (i32.const 0)))"
    config = write(tmp_path, root + create + call_module(check), data={256: "upstream", 512: FIELDS})
    assert FilterTester("wasm", config, reply=_upstream).request().status == 200


def test_an_http_call_to_nowhere_fails(tmp_path: Path) -> None:
    """No headers tell the guest so."""
    code = call_module("(if (local.get 2) (then unreachable))" + REPLY.format(503))
    config = write(tmp_path, code, data={256: "nowhere!", 512: FIELDS})
    assert FilterTester("wasm", config).request().status == 503


def test_a_trap_in_the_answer_fails_the_waiting_request(tmp_path: Path) -> None:
    config = write(tmp_path, call_module("unreachable"), data={256: "upstream", 512: FIELDS})
    assert FilterTester("wasm", config, reply=_upstream).request().status == 500


def test_ticks_release_what_waits(tmp_path: Path) -> None:
    """A request pauses; the tick after it lets it go on, through the effective context."""
    code = (
        "(global $held (mut i32) (i32.const 0))"
        '(func (export "proxy_on_configure") (param i32 i32) (result i32)'
        " (drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1))"
        + on_request("(global.set $held (local.get 0)) (i32.const 1)")
        + """(func (export "proxy_on_tick") (param i32) (if (global.get $held) (then
            (drop (call $set_effective_context (global.get $held))) (drop (call $continue_stream (i32.const 0))))))"""
    )
    tester = FilterTester("wasm", write(tmp_path, code))
    assert tester.request().status == 200


def test_shared_data_and_cas(tmp_path: Path) -> None:
    """Set, read the number, set with it, and fail with the old one."""
    get = "(call $get_shared_data (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 68) (i32.const 72))"
    put = "(call $set_shared_data (i32.const 16) (i32.const 3) (i32.const 16) (i32.const 3) {})"
    old = "(local.set $old (i32.load (i32.const 72)))"
    code = (
        f"(local $old i32) (if {put.format('(i32.const 0)')} (then unreachable)) (if {get} (then unreachable)) {old}"
        f"(if {put.format('(local.get $old)')} (then unreachable))"
        f"(if (i32.ne {put.format('(local.get $old)')} (i32.const 8)) (then unreachable))"
        "(if (i32.ne (i32.load (i32.const 68)) (i32.const 3)) (then unreachable)) (i32.const 0)"
    )
    assert FilterTester("wasm", write(tmp_path, on_request(code), data={16: "key"})).request().status == 200


def test_a_queue_tells_its_owner(tmp_path: Path) -> None:
    code = (
        "(global $got (mut i32) (i32.const 200))"
        '(func (export "proxy_on_configure") (param i32 i32) (result i32)'
        " (call $register_shared_queue (i32.const 16) (i32.const 1) (i32.const 80)) drop (i32.const 1))"
        """(func (export "proxy_on_queue_ready") (param i32 i32)
            (if (call $dequeue_shared_queue (local.get 1) (i32.const 64) (i32.const 68)) (then unreachable))
            (global.set $got (i32.add (i32.const 400) (i32.load (i32.const 68)))))"""
        + on_request(
            """(if (i32.eq (global.get $got) (i32.const 200)) (then
               (drop (call $enqueue_shared_queue (i32.load (i32.const 80)) (i32.const 32) (i32.const 3))) (return (i32.const 0))))"""
            "(drop (call $send_local_response (global.get $got) " + " ".join(["(i32.const 0)"] * 6) + " (i32.const -1))) (i32.const 1)"
        )
    )
    tester = FilterTester("wasm", write(tmp_path, code, data={16: "q", 32: "abc"}))

    async def run() -> list[int]:
        proxy = tester.proxy()
        client = proxy.connect("listener")
        found = [(await client.exchange("GET", "/", {}, b"", None, 5.0)).status for _ in range(2)]
        proxy.close()
        return found

    assert asyncio.run(run()) == [200, 403]


def test_metrics(tmp_path: Path) -> None:
    code = """(if (call $define_metric (i32.const 0) (i32.const 16) (i32.const 9) (i32.const 64)) (then unreachable))
      (if (call $increment_metric (i32.load (i32.const 64)) (i64.const 5)) (then unreachable))
      (if (i32.ne (call $increment_metric (i32.const 99) (i64.const 5)) (i32.const 1)) (then unreachable))
      (if (i32.ne (call $increment_metric (i32.load (i32.const 64)) (i64.const -1)) (i32.const 2)) (then unreachable)) (i32.const 0)"""
    assert FilterTester("wasm", write(tmp_path, on_request(code), data={16: "hits_seen"})).request().status == 200
    groups = {group["type"]: group for group in CUSTOM_METRICS.snapshot()}
    assert groups["wasmcustom"]["counters"]["hits_seen"] == 5


def _property(path: str, tmp_path: Path, **request: object) -> Exchange:
    """The value of a property in a header of the response; 404 if it is not known."""
    size = len(path)
    code = (
        '(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)'
        f" (if (call $get_property (i32.const 16) (i32.const {size}) (i32.const 64) (i32.const 68)) (then {REPLY.format(404)}"
        " (return (i32.const 1))))"
        " (drop (call $add_header_map_value (i32.const 2) (i32.const 200) (i32.const 3)"
        " (i32.load (i32.const 64)) (i32.load (i32.const 68)))) (i32.const 0))"
    )
    data = {16: path.replace(".", "\\00"), 200: "x-p"}
    config = {**write(tmp_path, code + on_request("(i32.const 0)"), data=data), "name": "my-plugin", "root_id": "my-root"}
    return FilterTester("wasm", config).request(**request)  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("request.path", "/a?b=c"),
        ("request.url_path", "/a"),
        ("request.query", "b=c"),
        ("request.method", "GET"),
        ("request.scheme", "http"),
        ("request.host", "example.test"),
        ("request.useragent", "me"),
        ("request.headers.user-agent", "me"),
        ("response.headers.:status", "200"),
        ("source.address", "192.0.2.1:40000"),
        ("destination.address", "192.0.2.2:80"),
        ("upstream.address", "127.0.0.1:2"),
        ("cluster_name", "upstream"),
        ("xds.cluster_name", "upstream"),
        ("listener_name", "listener"),
        ("plugin_name", "my-plugin"),
        ("plugin_root_id", "my-root"),
    ],
)
def test_properties(path: str, value: str, tmp_path: Path) -> None:
    assert _property(path, tmp_path, target="/a?b=c", headers={"User-Agent": "me"}).headers.get("x-p") == value


def test_an_unknown_property(tmp_path: Path) -> None:
    assert _property("request.colour", tmp_path).status == 404


def test_a_foreign_function(tmp_path: Path) -> None:
    @foreign_function("double")
    def double(argument: bytes) -> bytes:
        return argument * 2

    code = """(if (call $call_foreign_function (i32.const 16) (i32.const 6) (i32.const 32) (i32.const 2) (i32.const 64) (i32.const 68))
      (then unreachable))
      (if (i32.ne (call $call_foreign_function (i32.const 16) (i32.const 3) (i32.const 32) (i32.const 2) (i32.const 64) (i32.const 68))
        (i32.const 1)) (then unreachable))
      (drop (call $add_header_map_value (i32.const 0) (i32.const 48) (i32.const 3) (i32.load (i32.const 64)) (i32.load (i32.const 68))))
      (i32.const 0)"""
    try:
        exchange = FilterTester("wasm", write(tmp_path, on_request(code), data={16: "double", 32: "ab", 48: "x-f"})).request()
        assert exchange.upstream[0].headers["x-f"] == "abab"
    finally:
        del FOREIGN_FUNCTIONS["double"]


CONFIGURED = (
    '(func (export "proxy_on_configure") (param i32 i32) (result i32)'
    " (drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (local.get 1) (i32.const 80) (i32.const 84))) (i32.const 1))"
    + on_request(
        "(drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 99) (i32.const 64) (i32.const 68)))"
        " (drop (call $add_header_map_value (i32.const 0) (i32.const 16) (i32.const 3)"
        " (i32.load (i32.const 64)) (i32.load (i32.const 68))))"
        " (i32.const 0)"
    )
)


@pytest.mark.parametrize(
    ("configuration", "seen"),
    [
        ("text", "text"),
        ({"a": 1}, '{"a": 1}'),
        ({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "inner"}, "inner"),
        ({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"b": 2}}, '{"b": 2}'),
        ({"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "aGk="}, "hi"),
    ],
)
def test_configuration_as_envoy_writes_it(configuration: object, seen: str, tmp_path: Path) -> None:
    path = write(tmp_path, CONFIGURED, data={16: "x-c"})["path"]
    vm = {"vm_id": "v", "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": path}}}
    exchange = FilterTester("wasm", {"vm_config": vm, "configuration": configuration}).request()
    assert exchange.upstream[0].headers["x-c"] == seen


def test_mosn_s_configuration_is_a_map(tmp_path: Path) -> None:
    code = '(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.eq (local.get 1) (i32.const 22)))'
    config = {"vm_config": {"engine": "wasmer", **write(tmp_path, code)}, "instance_num": 2, "root_context_id": 1, "key": "value"}
    assert FilterTester("proxywasm", config).request().status == 200  # 4 + 2 * 4 + "key\0" + "value\0"


def test_configuration_by_route(tmp_path: Path) -> None:
    config = {**write(tmp_path, CONFIGURED, data={16: "x-c"}), "configuration": "listener", "phase": "after_route"}
    routes: list[dict[str, object]] = [
        {"match": {"prefix": "/own"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"wasm": {"configuration": "route"}}},
        {"match": {"prefix": "/off"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"wasm": {"disabled": True}}},
        {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
    ]
    tester = FilterTester("wasm", config, routes=routes)
    seen = [tester.request(target=target).upstream[0].headers.get("x-c") for target in ("/own", "/off", "/")]
    assert seen == ["route", None, "listener"]


def test_environment(tmp_path: Path) -> None:
    """environ_sizes_get tells of one variable of 4 bytes (``A=b`` and its NUL)."""
    file = tmp_path / "x.wat"
    text = module(
        on_request(
            """(drop (call $sizes (i32.const 64) (i32.const 68)))
            (if (i32.ne (i32.load (i32.const 64)) (i32.const 1)) (then unreachable))
            (if (i32.ne (i32.load (i32.const 68)) (i32.const 4)) (then unreachable)) (i32.const 0)"""
        )
    )
    imported = '(module (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))'
    file.write_text(text.replace("(module", imported))
    vm = {"code": {"local": {"filename": str(file)}}, "environment_variables": {"key_values": {"A": "b"}}}
    assert FilterTester("wasm", {"vm_config": vm}).request().status == 200
