"""``headgate.plugin.serve``, called by grpcio's client."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.protocols.grpc.plugin_codec import decode_response, encode_request
from tests.integration.harness import alive, until
from tests.integration.plugin.plugin_process import PluginStarter


def plugin_call(channel: grpc.Channel) -> grpc.UnaryUnaryMultiCallable[PluginRequest, PluginResponse]:
    return channel.unary_unary("/proto.Plugin/Call", encode_request, decode_response)


def raw_method(channel: grpc.Channel, path: str) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
    return channel.unary_unary(path)


def call(
    channel: grpc.Channel, type: str = "", body: bytes = b"", header: dict[str, str] | None = None, timeout: float = 30.0
) -> PluginResponse:
    return plugin_call(channel)(PluginRequest(header, None, body, type), timeout=timeout)


@pytest.mark.parametrize(
    "serve",
    [
        "serve(check)",
        "serve(check_later)",
        "serve(Checker())",
        "serve(lambda request: check_later(request))",
        "serve(check, threads=4)",
        "serve(check_later, threads=4)",
        "serve(check, network='tcp')",
    ],
)
def test_every_kind_of_service_answers_grpcio(plugin: PluginStarter, serve: str) -> None:
    started = plugin(serve)
    channel = plugin.channel(started)
    response = call(channel, header={"user": "admin", "a": "ü"})
    assert (response.header, response.status) == ({"user": "admin", "a": "ü"}, 0)
    assert call(channel, header={"user": "x"}).status == -1
    with ThreadPoolExecutor(20) as pool:
        bodies = [response.body for response in pool.map(lambda number: call(channel, body=b"%d" % (number % 2)), range(100))]
    assert bodies == [b"%d" % (number % 2) for number in range(100)]
    assert started.end() == 0


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="hg-", dir="/tmp") as folder:
        yield Path(folder)


def test_the_line_and_the_socket_are_private(plugin: PluginStarter) -> None:
    started = plugin()
    path = plugin.sockets / f"plugin-{started.process.pid}.sock"
    assert started.line == f"1|1|unix|{path}|grpc"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    started.end()
    assert not path.exists()


@pytest.mark.parametrize("long", [False, True], ids=["short", "too long for a socket"])
def test_without_a_directory_it_makes_a_private_one(plugin: PluginStarter, short_folder: Path, long: bool) -> None:
    temporary = short_folder / ("t" * (100 if long else 1))
    temporary.mkdir()
    started = plugin(PLUGIN_UNIX_SOCKET_DIR="", TMPDIR=str(temporary))
    path = Path(started.line.split("|")[3])
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.parent.parent == (Path("/tmp") if long else temporary)
    started.end()
    assert not path.parent.exists()


def test_ports_are_of_the_range_that_the_proxy_gives(plugin: PluginStarter) -> None:
    address = plugin("serve(check, network='tcp')", PLUGIN_MIN_PORT="24000", PLUGIN_MAX_PORT="24900").address
    assert address.startswith("127.0.0.1:")
    assert 24000 <= int(address.partition(":")[2]) <= 24900


@pytest.mark.parametrize("size", [0, 16379, 70_000, 1024 * 1024, 5_000_000])
def test_bodies_of_any_size(plugin: PluginStarter, size: int) -> None:
    channel = plugin.channel(plugin())
    with ThreadPoolExecutor(3) as pool:
        assert {response.body for response in pool.map(lambda _: call(channel, body=b"x" * size), range(3))} == {b"x" * size}


def test_a_request_over_the_limit_is_refused(plugin: PluginStarter) -> None:
    channel = plugin.channel(plugin("serve(check, max_message=1000)"))
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, body=b"x" * 100_000)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert call(channel, body=b"x" * 900).body == b"x" * 900


@pytest.mark.parametrize("serve", ["serve(check)", "serve(check_later)", "serve(check, threads=2)"])
@pytest.mark.parametrize(("type", "said"), [("raise", "a fault of the author's"), ("nothing", "returned NoneType, not a Response")])
def test_a_fault_of_the_service_costs_its_call(plugin: PluginStarter, serve: str, type: str, said: str) -> None:
    started = plugin(serve)
    channel = plugin.channel(started)
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, type)
    assert raised.value.code() == grpc.StatusCode.INTERNAL
    assert call(channel, body=b"0").body == b"0"
    until(lambda: said in started.log(), "the log names the fault")


def test_a_request_that_is_none_is_refused(plugin: PluginStarter) -> None:
    method = raw_method(plugin.channel(plugin()), "/proto.Plugin/Call")
    with pytest.raises(grpc.RpcError) as raised:
        method(b"\xff\xff\xff", timeout=30.0)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_stray_print_goes_to_the_log(plugin: PluginStarter) -> None:
    started = plugin()
    call(plugin.channel(started), "print")
    until(lambda: "a stray line" in started.log(), "the line is in the log")
    assert started.process.stdout is not None
    assert started.process.stdout.read() == b""


def test_an_abandoned_call_is_cancelled(plugin: PluginStarter) -> None:
    started = plugin("serve(check_later)")
    channel = plugin.channel(started)
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, body=b"1000", timeout=0.2)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert started.end() == 0  # and does not wait for it


def test_health(plugin: PluginStarter) -> None:
    channel = plugin.channel(plugin())
    request, answer = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    check = raw_method(channel, "/grpc.health.v1.Health/Check")
    for service in ("plugin", ""):
        assert answer.FromString(check(request(service=service).SerializeToString(), timeout=30.0)).status == answer.SERVING
    with pytest.raises(grpc.RpcError) as raised:
        check(request(service="other").SerializeToString(), timeout=30.0)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND
    watch: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream("/grpc.health.v1.Health/Watch")
    states = watch(request(service="plugin").SerializeToString(), timeout=30.0)
    assert answer.FromString(next(iter(states))).status == answer.SERVING
    states.cancel()


def test_unknown_methods_are_unimplemented(plugin: PluginStarter) -> None:
    channel = plugin.channel(plugin())
    for path in ("/plugin.GRPCStdio/Other", "/proto.Plugin/Other"):
        with pytest.raises(grpc.RpcError) as raised:
            raw_method(channel, path)(b"", timeout=30.0)
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_what_go_plugins_client_does(plugin: PluginStarter) -> None:
    """It opens the broker's stream and holds it, and ends the plugin with Shutdown; calls under way are answered."""
    started = plugin("serve(check_later)")
    channel = plugin.channel(started)
    stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/plugin.GRPCBroker/StartStream")
    broker = stream(iter(()), timeout=60.0)
    broker.initial_metadata()
    under_way = plugin_call(channel).future(PluginRequest(None, None, b"0.3"), timeout=30.0)
    call(channel, body=b"0")
    assert raw_method(channel, "/plugin.GRPCController/Shutdown")(b"", timeout=30.0) == b""
    assert under_way.result().body == b"0.3"
    assert list(broker) == []
    assert started.process.wait(20.0) == 0


def test_sigterm_lets_calls_end(plugin: PluginStarter) -> None:
    started = plugin("serve(check_later)")
    channel = plugin.channel(started)
    call(channel, body=b"0")
    under_way = plugin_call(channel).future(PluginRequest(None, None, b"0.5"), timeout=30.0)
    call(channel, body=b"0")
    assert started.end() == 0
    assert under_way.result().body == b"0.5"


def test_a_second_sigterm_does_not(plugin: PluginStarter) -> None:
    started = plugin("serve(check_later, drain_timeout=1000)")
    channel = plugin.channel(started)
    under_way = plugin_call(channel).future(PluginRequest(None, None, b"1000"), timeout=60.0)
    call(channel, body=b"0")

    def ended() -> bool:
        started.process.send_signal(signal.SIGTERM)
        return started.process.poll() is not None

    until(ended, "it ends at once")
    assert started.process.returncode == 0
    with pytest.raises(grpc.RpcError):
        under_way.result()


def test_an_interrupt_is_the_proxys_business(plugin: PluginStarter) -> None:
    started = plugin()
    channel = plugin.channel(started)
    call(channel)
    started.process.send_signal(signal.SIGINT)
    assert call(channel).status == -1


def test_it_ends_with_its_parent(plugin: PluginStarter) -> None:
    """Also when its service hangs."""
    program = plugin.write("serve(check)")
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys, time; subprocess.Popen([sys.executable, {str(program)!r}]); time.sleep(100)"],
        stdout=subprocess.PIPE,
        env=plugin.environment(),
    )
    assert parent.stdout is not None
    address = parent.stdout.readline().decode().split("|")[3]
    pid = int(Path(address).stem.partition("-")[2])
    channel = grpc.insecure_channel(f"unix:{address}")
    call(channel)
    hung = plugin_call(channel).future(PluginRequest(None, None, b"100", "wait"))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: not alive(pid), "the plugin has ended")
    hung.cancel()
    channel.close()
    parent.stdout.close()


def by_hand(plugin: PluginStarter, *arguments: str, serve: str = "serve(check)") -> subprocess.CompletedProcess[str]:
    environment = plugin.environment()
    del environment["MOSN_PLUGIN"]
    return subprocess.run(
        [sys.executable, plugin.write(serve), *arguments], env=environment, capture_output=True, text=True, timeout=50.0, check=False
    )


def test_run_by_hand_it_explains_itself(plugin: PluginStarter) -> None:
    result = by_hand(plugin)
    assert (result.returncode, result.stdout) == (1, "")
    assert "is a plugin of a proxy" in result.stderr
    assert '"name": "checker"' in result.stderr
    assert "--once" in result.stderr


@pytest.mark.parametrize("serve", ["serve(check)", "serve(check_later)"])
def test_one_request_by_hand(plugin: PluginStarter, serve: str) -> None:
    result = by_hand(plugin, "--once", '{"header": {"user": "admin"}, "body": "0"}', serve=serve)
    assert (result.returncode, result.stderr) == (0, "")
    assert '"status": 0' in result.stdout


def test_one_request_by_hand_beside_other_arguments(plugin: PluginStarter) -> None:
    result = by_hand(plugin, "-c", "some.json", "--once", '{"header": {"user": "admin"}, "body": "0"}')
    assert (result.returncode, result.stderr) == (0, "")
    assert '"status": 0' in result.stdout


def test_once_without_a_request_explains(plugin: PluginStarter) -> None:
    result = by_hand(plugin, "--once")
    assert (result.returncode, result.stdout) == (1, "")
    assert "is a plugin of a proxy" in result.stderr


@pytest.mark.parametrize("text", ["{", "[]", '{"headers": {}}', '{"header": []}'])
def test_a_request_by_hand_that_is_none(plugin: PluginStarter, text: str) -> None:
    result = by_hand(plugin, "--once", text)
    assert (result.returncode, result.stdout) == (2, "")
    assert "not a request" in result.stderr


def test_something_that_is_no_service(plugin: PluginStarter) -> None:
    result = by_hand(plugin, serve="serve(3)")
    assert "not int" in result.stderr
