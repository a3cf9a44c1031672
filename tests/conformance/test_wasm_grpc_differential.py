"""gRPC calls and streams of a module made with the Rust SDK, under Headgate and under Envoy: what the module learns of them is the same."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.conformance.envoy_wasm import start_envoy
from tests.conformance.programs import Programs
from tests.conformance.wasm_modules import built
from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, request, simple_config
from tests.integration.wasm.grpc_echo import echo_server

TARGETS = [
    "/grpc/call/Say?hello",
    "/grpc/call/Say",
    "/grpc/call/Metadata",
    "/grpc/call/Abort",
    "/grpc/call/Unknown",
    "/grpc/call/Sleep",
    "/grpc/call/Large?300000",
    "/grpc/to/grpc",
    "/grpc/service/grpc",
    "/grpc/to/nowhere",
    "/grpc/to/refusing",
    "/grpc/stream/Count?3",
    "/grpc/stream/Count?0",
    "/grpc/stream/Unknown",
    "/grpc/stream/Chat?hello",
    "/grpc/cancel?hello",
    "/grpc/close?hello",
]
_DEADLINE = "/grpc/call/Sleep"
Outcome = tuple[str, int, str | None, str]


@contextmanager
def _refusing() -> Iterator[str]:
    """An address where nobody listens, and nobody else will."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"


def _outcomes(address: tuple[str, int]) -> list[Outcome]:
    seen = [(target, request(address, "GET", target)) for target in TARGETS]
    return [(target, response.status, response.headers.get("x-grpc"), response.body.decode()) for target, response in seen]


def _without_its_own(outcome: Outcome) -> Outcome:
    """Envoy adds where a status comes from to its message, and leaves the percent-encoding of some in it. For a deadline that has passed it
    answers UNAVAILABLE (14), as it would a client; what gRPC has for that is DEADLINE_EXCEEDED (4)."""
    target, status, grpc_status, body = outcome
    body = unquote(body.replace("{via_upstream}", "").replace(" via_upstream", " "))
    return target, status, "4" if target == _DEADLINE and grpc_status == "14" else grpc_status, body


@pytest.mark.timeout(300)
def test_same_as_envoy(headgate: HeadgateFactory, backend: BackendFactory, programs: Programs) -> None:
    module = built("rust")
    upstream = backend().address
    with _refusing() as refusing, echo_server() as echo:
        clusters = {"grpc": f"127.0.0.1:{echo.port}", "refusing": refusing}
        of_envoy = _outcomes(start_envoy(programs, module, {"upstream": upstream, **clusters}, http2=tuple(clusters)))
        of_headgate = _outcomes(_start_headgate(headgate, module, upstream, clusters))
    assert of_headgate == [_without_its_own(outcome) for outcome in of_envoy]


def _start_headgate(headgate: HeadgateFactory, module: Path, upstream: str, clusters: dict[str, str]) -> tuple[str, int]:
    config = simple_config(upstream, stream_filters=[{"type": "wasm", "config": {"path": str(module)}}])
    for name, address in clusters.items():
        config["cluster_manager"]["clusters"].append({"name": name, "type": "STATIC", "hosts": [{"address": address}]})
    return headgate(config).address()
