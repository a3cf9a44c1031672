"""Modules of several languages and SDKs under Headgate and under Envoy: what client and backend see is the same.

What the proxies themselves add (``x-request-id``, ``server``, ...) and how they frame a message is left out of the comparison.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.envoy_wasm import start_envoy
from tests.conformance.programs import Programs
from tests.conformance.wasm_modules import built
from tests.integration.backends import BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, request, simple_config, until

CONFIGURATION = "from the configuration"

_Request = tuple[str, str, dict[str, str], bytes | None]

RUST: list[_Request] = [
    ("GET", "/", {}, None),
    ("GET", "/?a=b&c=%20d", {"User-Agent": "tester", "X-Drop": "gone", "X-Echo-One": "1", "x-echo-two": "zwei"}, None),
    ("GET", "/rewrite/this?x=1", {}, None),
    ("POST", "/body", {"Content-Type": "text/plain"}, b"some text"),
    ("POST", "/body", {}, b"x" * 200_000),
    ("POST", "/empty", {}, b""),
    ("GET", "/deny", {}, None),
    ("POST", "/deny", {}, b"a body"),
    ("GET", "/missing", {}, None),
    ("HEAD", "/", {}, None),
    ("GET", "/call/allowed", {}, None),
    ("POST", "/call/allowed", {}, b"held until the answer is there"),
    ("GET", "/call/refused", {}, None),
]
ADMIN: list[_Request] = [
    ("GET", "/", {}, None),
    ("GET", "/", {"User": "guest"}, None),
    ("GET", "/a?b=c", {"User": "admin"}, None),
    ("GET", "/", {"USER": "admin", "X-Drop": "1", "X-Replaced": "old"}, None),
    ("POST", "/", {"user": "admin"}, b"body"),
    ("POST", "/", {"user": "nobody"}, b"body"),
]
"""For modules that let ``User: admin`` through."""


GO_SDK: list[_Request] = [
    ("GET", "/", {}, None),
    ("GET", "/?a=b&c=%20d", {"X-Drop": "gone", "X-Echo-One": "1", "x-echo-two": "zwei", "X-Added": "other"}, None),
    ("POST", "/body", {}, b"some text"),
    ("POST", "/body", {}, b"x" * 200_000),
    ("GET", "/deny", {}, None),
    ("GET", "/missing", {}, None),
    ("GET", "/call/allowed", {}, None),
    ("POST", "/call/allowed", {}, b"held until the answer is there"),
    ("GET", "/call/refused", {}, None),
]
_MODULES = {"rust": RUST, "assemblyscript": ADMIN, "go": ADMIN, "go_sdk": GO_SDK}


def _backend(seen: RecordedRequest) -> Reply:
    status = 404 if seen.target == "/missing" else 200
    return Reply(status, {"Content-Type": "text/plain", "X-From": "backend"}, b"answer to " + seen.target.encode())


def _auth(seen: RecordedRequest) -> Reply:
    return Reply(200 if seen.target.endswith("allowed") else 403, {}, b"verdict")


_OWN = {"x-envoy-expected-rq-timeout-ms", "x-request-id", "x-forwarded-proto", "x-forwarded-for", "x-envoy-upstream-service-time"}
_OWN |= {"date", "server", "content-length", "transfer-encoding", "connection", "host", "via"}


def _fields(fields: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in fields.items() if name.lower() not in _OWN}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", _MODULES)
def test_same_as_envoy(name: str, headgate: HeadgateFactory, backend: BackendFactory, programs: Programs) -> None:
    module = built(name)
    requests = _MODULES[name]
    outcomes = []
    for host in ("envoy", "headgate"):
        upstream, auth = backend(_backend), backend(_auth)
        if host == "envoy":
            clusters = {"upstream": upstream.address, "auth": auth.address}
            address = start_envoy(programs, module, clusters, CONFIGURATION)
        else:
            address = headgate(_config(module, upstream.address, auth.address)).address()
        results = []
        for method, target, headers, body in requests:
            before = len(upstream.requests)
            response = request(address, method, target, {"User-Agent": "t", **headers}, body)
            sent = [(seen.method, seen.target, _fields(seen.headers), seen.body) for seen in upstream.requests[before:]]
            results.append((method, target, response.status, _fields(dict(response.headers.items())), response.body, sent))
        outcomes.append(results)
    for of_envoy, of_headgate in zip(*outcomes, strict=True):
        assert of_headgate == of_envoy


def test_a_module_for_the_first_abi_runs(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """The example of MOSN's host (C++, ABI 0.1.0, ``wasi_unstable``), which only looks. Envoy refuses it (two parameters)."""
    upstream = backend(_backend)
    proxy = headgate(_config(built("mosn"), upstream.address, upstream.address))
    assert proxy.get("/").status == 200
    until(lambda: "onRequestHeaders" in proxy.logs)


def test_a_panic_costs_its_request(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend(_backend)
    proxy = headgate(_config(built("rust"), upstream.address, upstream.address))
    assert proxy.get("/panic").status == 500
    assert proxy.get("/").status == 200
    until(lambda: "asked for" in proxy.logs)


def test_a_go_guest_lives_long(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """Its garbage collector runs, its output goes to the log, its contexts end."""
    upstream = backend(_backend)
    proxy = headgate(_config(built("go"), upstream.address, upstream.address))
    for _ in range(300):
        assert proxy.get("/", headers={"User": "admin"}).status == 200
    assert upstream.requests[-1].headers["x-go"] == "/ 2", "the root context and the stream's own"
    until(lambda: "request 300" in proxy.logs)


def _config(module: Path, upstream: str, auth: str) -> dict[str, Any]:
    entry = {"type": "wasm", "config": {"path": str(module), "configuration": CONFIGURATION}}
    config = simple_config(upstream, stream_filters=[entry])
    config["cluster_manager"]["clusters"].append({"name": "auth", "type": "STATIC", "hosts": [{"address": auth}]})
    return config
