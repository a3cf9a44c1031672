"""Modules of several languages and SDKs under Headgate and under Envoy: what client and backend see is the same."""

from __future__ import annotations

import pytest

from tests.conformance.programs import Programs
from tests.conformance.wasm_modules import built
from tests.conformance.wasm_oracle import Request, answer, outcomes, wasm_config
from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, until

CONFIGURATION = "from the configuration"

RUST: list[Request] = [
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
ADMIN: list[Request] = [
    ("GET", "/", {}, None),
    ("GET", "/", {"User": "guest"}, None),
    ("GET", "/a?b=c", {"User": "admin"}, None),
    ("GET", "/", {"USER": "admin", "X-Drop": "1", "X-Replaced": "old"}, None),
    ("POST", "/", {"user": "admin"}, b"body"),
    ("POST", "/", {"user": "nobody"}, b"body"),
]
"""For modules that let ``User: admin`` through."""


GO_SDK: list[Request] = [
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", _MODULES)
def test_same_as_envoy(name: str, headgate: HeadgateFactory, backend: BackendFactory, programs: Programs) -> None:
    of_envoy, of_headgate = outcomes(built(name), _MODULES[name], CONFIGURATION, headgate, backend, programs)
    for expected, found in zip(of_envoy, of_headgate, strict=True):
        assert found == expected


def test_a_module_for_the_first_abi_runs(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """The example of MOSN's host (C++, ABI 0.1.0, ``wasi_unstable``), which only looks. Envoy refuses it (two parameters)."""
    upstream = backend(answer)
    proxy = headgate(wasm_config(built("mosn"), upstream.address, upstream.address, CONFIGURATION))
    assert proxy.get("/").status == 200
    until(lambda: "onRequestHeaders" in proxy.logs)


def test_a_panic_costs_its_request(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend(answer)
    proxy = headgate(wasm_config(built("rust"), upstream.address, upstream.address, CONFIGURATION))
    assert proxy.get("/panic").status == 500
    assert proxy.get("/").status == 200
    until(lambda: "asked for" in proxy.logs)


def test_a_go_guest_lives_long(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """Its garbage collector runs, its output goes to the log, its contexts end."""
    upstream = backend(answer)
    proxy = headgate(wasm_config(built("go"), upstream.address, upstream.address, CONFIGURATION))
    for _ in range(300):
        assert proxy.get("/", headers={"User": "admin"}).status == 200
    assert upstream.requests[-1].headers["x-go"] == "/ 2", "the root context and the stream's own"
    until(lambda: "request 300" in proxy.logs)
