"""A guest that makes gRPC calls, and clusters that answer as a test says."""

from __future__ import annotations

from headgate.api.grpc_call import GrpcCall, GrpcReceiver, GrpcRequest
from headgate.api.upstream_call import UpstreamCaller
from headgate.runtimes.wasm.engine import engine, wat_to_wasm
from headgate.runtimes.wasm.module import Module
from headgate.runtimes.wasm.settings import PluginSettings, VmSettings
from headgate.runtimes.wasm.vm import Vm
from tests.unit.runtimes.wasm.wat_modules import module

# Where the guest's texts stand.
SERVICE, NAME, METHOD, MESSAGE, METADATA = 1024, 1536, 1600, 1664, 2048
_TOKEN = 64

START = f"""
  (func (export "call") (param $service i32) (param $metadata i32) (param $timeout i32) (result i32)
    (call $grpc_call (i32.const {SERVICE}) (local.get $service) (i32.const {NAME}) (i32.const 9) (i32.const {METHOD}) (i32.const 3)
      (i32.const {METADATA}) (local.get $metadata) (i32.const {MESSAGE}) (i32.const 5) (local.get $timeout) (i32.const {_TOKEN})))
  (func (export "stream") (param $service i32) (param $metadata i32) (result i32)
    (call $grpc_stream (i32.const {SERVICE}) (local.get $service) (i32.const {NAME}) (i32.const 9) (i32.const {METHOD}) (i32.const 3)
      (i32.const {METADATA}) (local.get $metadata) (i32.const {_TOKEN})))
  (func (export "send") (param $token i32) (param $length i32) (param $end i32) (result i32)
    (call $grpc_send (local.get $token) (i32.const {MESSAGE}) (local.get $length) (local.get $end)))
  (func (export "cancel") (param $token i32) (result i32) (call $grpc_cancel (local.get $token)))
  (func (export "close") (param $token i32) (result i32) (call $grpc_close (local.get $token)))
  (func (export "status") (result i32)
    (drop (call $get_status (i32.const 72) (i32.const 76) (i32.const 80))) (i32.load (i32.const 72)))
"""

_SAY = "(drop (call $log (i32.const 3) (i32.load (i32.const 76)) (i32.load (i32.const 80))))"
_NOTE = """(i32.store (i32.const 96) (local.get 0)) (i32.store (i32.const 100) (local.get 1)) (i32.store (i32.const 104) (local.get 2))
  (i32.store (i32.const 108) (i32.add (i32.load (i32.const 108)) (i32.const 1)))"""


def _field(kind: int) -> str:
    return f"(drop (call $get_header_map_value (i32.const {kind}) (i32.const 32) (i32.const 3) (i32.const 76) (i32.const 80))) {_SAY}"


def callback(name: str, code: str) -> str:
    """A callback for news of a call, which also notes what it was called with."""
    return f'(func (export "proxy_on_grpc_{name}") (param i32 i32 i32) {_NOTE} {code})'


RECEIVE = callback(
    "receive", f"(drop (call $get_buffer_bytes (i32.const 5) (i32.const 0) (local.get 2) (i32.const 76) (i32.const 80))) {_SAY}"
)
INITIAL = callback("receive_initial_metadata", _field(4))
TRAILING = callback("receive_trailing_metadata", _field(5))
CLOSE = callback("close", f"(drop (call $get_status (i32.const 72) (i32.const 76) (i32.const 80))) {_SAY}")
"""Each logs what it can read: the message, the field ``x-t``, the status message."""
CALLBACKS = RECEIVE + INITIAL + TRAILING + CLOSE


class FakeCall(GrpcCall):
    """A call as a cluster has it."""

    def __init__(self, request: GrpcRequest, receiver: GrpcReceiver) -> None:
        self.request = request
        self.receiver = receiver
        self.sent: list[tuple[bytes | None, bool]] = []
        self.cancelled = False
        self.full = False

    def send(self, message: bytes | None, end: bool) -> bool:
        if self.full:
            return False
        self.sent.append((message, end))
        return True

    def cancel(self) -> None:
        self.cancelled = True


class FakeClusters(UpstreamCaller):
    """One cluster, ``grpc``.

    :ivar calls: those that have begun
    :ivar failure: fails the next ones at once
    """

    def __init__(self) -> None:
        self.calls: list[FakeCall] = []
        self.failure: tuple[int, str] | None = None

    def has_cluster(self, cluster: str) -> bool:
        return cluster == "grpc"

    def start_grpc(self, request: GrpcRequest, receiver: GrpcReceiver) -> GrpcCall:
        call = FakeCall(request, receiver)
        self.calls.append(call)
        if self.failure is not None:
            receiver.on_grpc_close(*self.failure)
        return call


class Guest:
    """A VM with one root context.

    :param code: beside :data:`START`
    :param running: the configuration is in force
    :param imports: beside those that the code names
    """

    def __init__(self, code: str = CALLBACKS, running: bool = True, start: str = START, caller: bool = True, imports: str = "") -> None:
        self.clusters = FakeClusters()
        texts = {SERVICE: "grpc", NAME: "test.Echo", METHOD: "Say", MESSAGE: "hello", 32: "x-t"}
        wasm = wat_to_wasm(module(start + code, data=texts).replace("(module ", f"(module {imports}", 1))
        self.vm = Vm(Module.compile(engine(), wasm), VmSettings(), PluginSettings("p"), self.clusters if caller else None)
        self.root = self.vm.roots[0]
        if running:
            self.vm.grpc.go()

    def do(self, name: str, *numbers: int) -> int:
        """Have the guest do something."""
        return self.vm.call_named(self.root, name, *numbers)

    def put(self, at: int, data: bytes) -> None:
        """Write into the guest's memory."""
        self.vm.memory.write(at, data)

    @property
    def token(self) -> int:
        """Of the call that was begun last."""
        return self.vm.memory.read_u32(_TOKEN)

    @property
    def told(self) -> tuple[int, int, int, int]:
        """How often it was told something, and last with what: context, token, value."""
        read = self.vm.memory.read_u32
        return read(108), read(96), read(100), read(104)
