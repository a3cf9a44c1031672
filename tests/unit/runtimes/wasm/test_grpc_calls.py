"""gRPC calls of a guest, without a network: what goes out, and what the guest is told."""

from __future__ import annotations

import logging
from pathlib import Path
from struct import pack

import pytest

from headgate.api.errors import HeadgateError
from headgate.api.grpc_call import MAX_MESSAGE, GrpcCall, GrpcReceiver, GrpcRequest
from headgate.runtimes.wasm.abi import BAD_ARGUMENT, INTERNAL_FAILURE, NOT_FOUND, OK, PARSE_FAILURE
from headgate.runtimes.wasm.errors import GuestError, ModuleError
from headgate.runtimes.wasm.grpc_calls import MAX_CALLS
from headgate.runtimes.wasm.pairs import encode
from headgate.testing import FilterTester
from tests.unit.runtimes.wasm.grpc_guest import (
    CALLBACKS,
    CLOSE,
    METADATA,
    METHOD,
    RECEIVE,
    SERVICE,
    FakeClusters,
    Guest,
    callback,
)
from tests.unit.runtimes.wasm.wat_modules import on_request, write


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "headgate.wasm")
    return caplog


def _said(logged: pytest.LogCaptureFixture) -> list[str]:
    return [message.removeprefix("wasm p: ") for message in logged.messages]


def test_a_call_goes_out_and_its_answer_comes_in(logged: pytest.LogCaptureFixture) -> None:
    guest = Guest()
    assert guest.do("call", 4, 0, 1500) == OK
    (call,) = guest.clusters.calls
    request = call.request
    assert (request.cluster, request.path, request.timeout, request.authority) == ("grpc", b"/test.Echo/Say", 1.5, "")
    assert (request.metadata, request.max_message, call.sent) == ([], MAX_MESSAGE, [(b"hello", True)])
    assert guest.token % 2 == 1
    call.receiver.on_grpc_initial_metadata([(b"x-t", b"i")])
    call.receiver.on_grpc_message(b"an answer")
    call.receiver.on_grpc_trailing_metadata([(b"x-t", b"t")])
    assert guest.told[0] == 0, "nothing before it is known that the call succeeds"
    call.receiver.on_grpc_close(0, "")
    assert guest.told == (1, guest.root.id, guest.token, 9)
    assert _said(logged) == ["an answer"]
    assert guest.vm.grpc.under_way == 0
    assert guest.do("cancel", guest.token) == NOT_FOUND


def test_a_call_that_fails_has_a_status_and_a_message(logged: pytest.LogCaptureFixture) -> None:
    guest = Guest()
    guest.do("call", 4, 0, 0)
    call = guest.clusters.calls[0]
    assert call.request.timeout == 0.0
    call.receiver.on_grpc_close(5, "nobody here")
    assert guest.told == (1, guest.root.id, guest.token, 5)
    assert _said(logged) == ["nobody here"]
    assert guest.do("status") == 5
    assert guest.vm.memory.read_u32(80) == 0, "the message is there only while the guest is told"
    guest.do("call", 4, 0, 0)
    guest.clusters.calls[1].receiver.on_grpc_message(b"")
    guest.clusters.calls[1].receiver.on_grpc_close(0, "")
    assert guest.do("status") == 0


@pytest.mark.parametrize("messages", [0, 2])
def test_a_unary_answer_is_one_message(messages: int) -> None:
    guest = Guest()
    guest.do("call", 4, 0, 0)
    call = guest.clusters.calls[0]
    for _ in range(messages):
        call.receiver.on_grpc_message(b"a")
    if not messages:
        call.receiver.on_grpc_close(0, "")
    assert guest.told == (1, guest.root.id, guest.token, 13)
    assert call.cancelled == (messages == 2)


def test_a_stream_tells_everything(logged: pytest.LogCaptureFixture) -> None:
    guest = Guest()
    assert guest.do("stream", 4, 0) == OK
    token = guest.token
    assert token % 2 == 0
    assert token != 0
    (call,) = guest.clusters.calls
    assert call.sent == []
    call.receiver.on_grpc_initial_metadata([(b":status", b"200"), (b"x-t", b"first"), (b"x-t", b"second")])
    assert guest.told == (1, guest.root.id, token, 3)
    assert guest.do("send", token, 5, 0) == OK
    call.receiver.on_grpc_message(b"one")
    call.receiver.on_grpc_message(b"")
    assert guest.told == (3, guest.root.id, token, 0)
    assert guest.do("send", token, 2, 1) == OK
    call.receiver.on_grpc_trailing_metadata([(b"x-t", b"last"), (b"grpc-status", b"0")])
    assert guest.told == (4, guest.root.id, token, 2)
    call.receiver.on_grpc_close(0, "fine")
    assert guest.told == (5, guest.root.id, token, 0)
    assert _said(logged) == ["first", "one", "", "last", "fine"]
    assert call.sent == [(b"hello", False), (b"he", True)]
    assert guest.do("send", token, 5, 0) == NOT_FOUND


def test_close_ends_a_stream_on_this_side_and_gives_a_call_up() -> None:
    guest = Guest()
    guest.do("stream", 4, 0)
    stream = guest.token
    assert guest.do("close", stream) == OK
    assert guest.clusters.calls[0].sent == [(None, True)]
    guest.clusters.calls[0].receiver.on_grpc_message(b"still")
    assert guest.told[0] == 1
    guest.do("call", 4, 0, 0)
    assert guest.do("close", guest.token) == OK
    assert guest.clusters.calls[1].cancelled
    assert guest.do("close", guest.token) == NOT_FOUND
    assert guest.do("close", stream + 2) == NOT_FOUND


def test_what_is_cancelled_is_not_heard_of_again() -> None:
    guest = Guest()
    guest.do("stream", 4, 0)
    token = guest.token
    assert guest.do("cancel", token) == OK
    (call,) = guest.clusters.calls
    assert call.cancelled
    call.receiver.on_grpc_message(b"late")
    call.receiver.on_grpc_close(1, "")
    assert guest.told[0] == 0
    assert [guest.do("cancel", token), guest.do("send", token, 1, 0), guest.do("cancel", 99)] == [NOT_FOUND] * 3


def test_a_guest_may_cancel_from_within_the_news() -> None:
    code = callback("receive", "(drop (call $grpc_cancel (local.get 1)))") + CLOSE
    guest = Guest(code)
    guest.do("stream", 4, 0)
    (call,) = guest.clusters.calls
    call.receiver.on_grpc_message(b"enough")
    call.receiver.on_grpc_close(0, "")
    assert call.cancelled
    assert guest.told[0] == 1


def test_sending_where_nothing_can_be_sent() -> None:
    guest = Guest()
    guest.do("call", 4, 0, 0)
    assert guest.do("send", guest.token, 1, 0) == BAD_ARGUMENT, "a call, and no stream"
    guest.do("stream", 4, 0)
    guest.clusters.calls[1].full = True
    assert guest.do("send", guest.token, 1, 0) == BAD_ARGUMENT


@pytest.mark.parametrize(
    ("service", "status"), [(b"grpc", OK), (b"nowhere", PARSE_FAILURE), (b"", PARSE_FAILURE), (b"\xff\xfe\x00", PARSE_FAILURE)]
)
def test_a_cluster_by_its_name(service: bytes, status: int) -> None:
    guest = Guest()
    guest.put(SERVICE, service)
    assert guest.do("call", len(service), 0, 0) == status
    assert guest.do("stream", len(service), 0) == status
    assert len(guest.clusters.calls) == (2 if status == OK else 0)


def test_a_failure_at_once_is_told_after_the_guest_has_its_number() -> None:
    guest = Guest()
    guest.clusters.failure = (14, "no host")
    assert guest.do("call", 4, 0, 0) == OK
    assert guest.told == (1, guest.root.id, guest.token, 14)
    assert guest.vm.grpc.under_way == 0


def test_a_caller_that_fails_fails_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: FakeClusters, request: GrpcRequest, receiver: GrpcReceiver) -> GrpcCall:
        raise HeadgateError("broken")

    monkeypatch.setattr(FakeClusters, "start_grpc", start)
    guest = Guest()
    assert guest.do("call", 4, 0, 0) == OK
    assert guest.told == (1, guest.root.id, guest.token, 13)


@pytest.mark.parametrize(
    ("pairs", "sent"),
    [
        ([(b"X-One", b"1"), (b"x-one", b"2")], [(b"x-one", b"1"), (b"x-one", b"2")]),
        ([(b"raw-bin", b"\x00\x01\xff\x10")], [(b"raw-bin", b"AAH/EA")]),
        ([(b"raw-bin", b"")], [(b"raw-bin", b"")]),
        ([(b"user.agent_x-1", b"~ !")], [(b"user.agent_x-1", b"~ !")]),
    ],
)
def test_metadata_that_is_sent(pairs: list[tuple[bytes, bytes]], sent: list[tuple[bytes, bytes]]) -> None:
    guest = Guest()
    data = encode(pairs)
    guest.put(METADATA, data)
    assert guest.do("stream", 4, len(data)) == OK
    assert guest.clusters.calls[0].request.metadata == sent


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        (b":path", b"/", "made from its service and method"),
        (b"te", b"trailers", "gRPC's own"),
        (b"Content-Type", b"text/html", "gRPC's own"),
        (b"grpc-timeout", b"1S", "gRPC's own"),
        (b"grpc-encoding", b"gzip", "gRPC's own"),
        (b"connection", b"close", "gRPC's own"),
        (b"a b", b"1", "not a name"),
        (b"", b"1", "not a name"),
        (b"x", b"a\r\nb", "not a value"),
        (b"x", b"\xc3\xbc", "not a value"),
        (b"x", b" a", "not a value"),
        (b"x", b"y" * 65_536, "65569 bytes; 65536 are allowed"),
    ],
)
def test_metadata_that_may_not_be_sent(name: bytes, value: bytes, problem: str, logged: pytest.LogCaptureFixture) -> None:
    guest = Guest('(func (export "grow") (drop (memory.grow (i32.const 2))))')
    guest.do("grow")
    data = encode([(name, value)])
    guest.put(METADATA, data)
    assert guest.do("call", 4, len(data), 0) == INTERNAL_FAILURE
    assert problem in logged.text
    assert guest.clusters.calls == []


@pytest.mark.parametrize("authority", ["auth.test", "a b", "a\r\nb"])
def test_an_authority(authority: str) -> None:
    guest = Guest()
    envoy = b"\x0a\x04grpc\x12" + bytes([len(authority)]) + authority.encode()
    service = b"\x0a" + bytes([len(envoy)]) + envoy
    guest.put(SERVICE, service)
    good = authority == "auth.test"
    assert guest.do("call", len(service), 0, 0) == (OK if good else INTERNAL_FAILURE)
    assert [call.request.authority for call in guest.clusters.calls] == ([authority] if good else [])


def test_metadata_that_is_no_map() -> None:
    guest = Guest()
    guest.put(METADATA, pack("<I", 1000))
    assert guest.do("stream", 4, 8) == PARSE_FAILURE


@pytest.mark.parametrize("method", [b"a/b", b"a b", b"\x00\x01\x02", b"a?b"])
def test_methods_that_are_none(method: bytes) -> None:
    guest = Guest()
    guest.put(METHOD, method)
    assert guest.do("call", 4, 0, 0) == INTERNAL_FAILURE


def test_pointers_outside_of_the_memory() -> None:
    guest = Guest()
    assert guest.do("call", 0x7FFFFFFF, 0, 0) == 6
    assert guest.do("stream", 4, 0x7FFFFFFF) == 6
    guest.do("stream", 4, 0)
    assert guest.do("send", guest.token, 0x7FFFFFFF, 0) == 6


def test_calls_under_way_are_bounded() -> None:
    guest = Guest()
    for _ in range(MAX_CALLS // 2):
        assert [guest.do("call", 4, 0, 0), guest.do("stream", 4, 0)] == [OK, OK]
    assert len({id(call) for call in guest.clusters.calls}) == MAX_CALLS
    assert [guest.do("call", 4, 0, 0), guest.do("stream", 4, 0)] == [INTERNAL_FAILURE] * 2
    guest.do("cancel", 1)
    assert guest.do("call", 4, 0, 0) == OK


def test_the_messages_of_calls_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.runtimes.wasm.grpc_calls.MAX_REQUESTS", 12)
    guest = Guest()
    assert [guest.do("call", 4, 0, 0) for _ in range(3)] == [OK, OK, INTERNAL_FAILURE]
    guest.clusters.calls[0].receiver.on_grpc_close(1, "")
    assert guest.do("call", 4, 0, 0) == OK


def test_what_is_asked_for_while_configuring_begins_when_the_configuration_is_in_force() -> None:
    guest = Guest(running=False)
    assert guest.do("call", 4, 0, 0) == OK
    assert guest.do("stream", 4, 0) == OK
    stream = guest.token
    assert [guest.do("send", stream, 1, 0), guest.do("close", stream), guest.do("send", stream, 1, 0)] == [OK, OK, BAD_ARGUMENT]
    guest.do("stream", 4, 0)
    guest.do("cancel", guest.token)
    assert guest.clusters.calls == []
    guest.vm.grpc.go()
    assert [call.sent for call in guest.clusters.calls] == [[(b"hello", True)], [(b"h", False), (None, True)]]


def test_sends_while_configuring_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.runtimes.wasm.grpc_calls.MAX_EARLY", 10)
    guest = Guest(running=False)
    guest.do("stream", 4, 0)
    assert [guest.do("send", guest.token, 5, 0) for _ in range(3)] == [OK, OK, BAD_ARGUMENT]


def test_without_clusters_there_are_no_calls() -> None:
    guest = Guest(caller=False)
    assert guest.do("call", 4, 0, 0) == PARSE_FAILURE


def test_calls_end_with_the_vm() -> None:
    guest = Guest()
    guest.do("call", 4, 0, 0)
    guest.do("stream", 4, 0)
    guest.vm.close()
    assert all(call.cancelled for call in guest.clusters.calls)
    for call in guest.clusters.calls:
        call.receiver.on_grpc_message(b"late")
        call.receiver.on_grpc_close(0, "")


def test_a_trap_in_the_news_ends_the_vm_and_its_calls(logged: pytest.LogCaptureFixture) -> None:
    guest = Guest(callback("receive", "unreachable"))
    guest.do("call", 4, 0, 0)
    guest.do("stream", 4, 0)
    stream = guest.clusters.calls[1]
    stream.receiver.on_grpc_message(b"a")
    assert guest.vm.dead
    assert guest.clusters.calls[0].cancelled
    assert "proxy_on_grpc_receive: wasm trap" in logged.text
    with pytest.raises(GuestError):
        guest.do("call", 4, 0, 0)


def test_a_guest_without_the_callbacks_hears_nothing() -> None:
    guest = Guest("")
    guest.do("stream", 4, 0)
    receiver = guest.clusters.calls[0].receiver
    receiver.on_grpc_initial_metadata([])
    receiver.on_grpc_message(b"a")
    receiver.on_grpc_trailing_metadata([])
    receiver.on_grpc_close(3, "")
    assert guest.do("status") == 3


def test_a_callback_of_another_type_is_refused() -> None:
    with pytest.raises(ModuleError, match=r"proxy_on_grpc_close\(i32, i32\)"):
        Guest('(func (export "proxy_on_grpc_close") (param i32 i32))')


def test_what_sdks_before_the_first_abi_call_things(logged: pytest.LogCaptureFixture) -> None:
    """AssemblyScript's: no metadata, and another name for the trailing one."""
    start = f"""
      (func (export "call") (result i32)
        (call $old_call (i32.const {SERVICE}) (i32.const 4) (i32.const 1536) (i32.const 9) (i32.const {METHOD}) (i32.const 3)
          (i32.const 1664) (i32.const 5) (i32.const 250) (i32.const 64)))
      (func (export "stream") (result i32)
        (call $old_stream (i32.const {SERVICE}) (i32.const 4) (i32.const 1536) (i32.const 9) (i32.const {METHOD}) (i32.const 3)
          (i32.const 64)))"""
    imports = (
        f'(import "env" "proxy_grpc_call" (func $old_call (param {"i32 " * 10}) (result i32)))'
        f'(import "env" "proxy_grpc_stream" (func $old_stream (param {"i32 " * 7}) (result i32)))'
    )
    trailing = CALLBACKS.replace("proxy_on_grpc_receive_trailing_metadata", "proxy_on_grpc_trailing_metadata")
    guest = Guest(trailing, start=start, imports=imports)
    assert [guest.do("call"), guest.do("stream")] == [OK, OK]
    call, stream = guest.clusters.calls
    assert (call.request.timeout, call.sent, call.request.metadata) == (0.25, [(b"hello", True)], [])
    stream.receiver.on_grpc_trailing_metadata([(b"x-t", b"at the end")])
    assert _said(logged) == ["at the end"]
    assert guest.told[0] == 1


def test_news_of_a_call_act_on_the_stream_that_asked(tmp_path: Path) -> None:
    """In tests without sockets no host answers gRPC: the request that waits is answered with the call's status."""
    numbers = "(i32.const 2048) (i32.const 8) (i32.const 2064) (i32.const 1) (i32.const 2064) (i32.const 1)"
    call = f"(call $grpc_call {numbers} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))"
    zeros = " ".join(["(i32.const 0)"] * 6)
    reply = f"(drop (call $send_local_response (i32.add (i32.const 500) (local.get 2)) {zeros} (i32.const -1)))"
    closed = f'(func (export "proxy_on_grpc_close") (param i32 i32 i32) {reply})'
    config = write(tmp_path, on_request(f"(if {call} (then unreachable)) (i32.const 1)") + closed, data={2048: "upstream", 2064: "a"})
    assert FilterTester("wasm", config).request().status == 514


def test_metadata_is_read_only_and_there_only_while_told() -> None:
    code = callback(
        "receive_initial_metadata",
        "(i32.store (i32.const 112) (call $remove_header_map_value (i32.const 4) (i32.const 32) (i32.const 3)))"
        "(i32.store (i32.const 116) (call $get_header_map_pairs (i32.const 4) (i32.const 76) (i32.const 80)))"
        "(i32.store (i32.const 120) (call $get_header_map_pairs (i32.const 5) (i32.const 84) (i32.const 88)))"
        "(i32.store (i32.const 124) (call $get_buffer_bytes (i32.const 5) (i32.const 0) (i32.const 9) (i32.const 84) (i32.const 88)))",
    )
    guest = Guest(code + RECEIVE)
    guest.do("stream", 4, 0)
    metadata = [(b"x-t", b"1"), (b"raw-bin", b"AAEC")]
    guest.clusters.calls[0].receiver.on_grpc_initial_metadata(metadata)
    read = guest.vm.memory.read_u32
    assert [read(at) for at in (112, 116, 120, 124)] == [BAD_ARGUMENT, OK, BAD_ARGUMENT, NOT_FOUND]
    assert guest.vm.memory.read(read(76), read(80)) == encode(metadata)
