"""The examples of the Go SDK for proxy-wasm, as their authors wrote them, under Headgate and under Envoy.

They are those of the SDK's version 0.16.0, the last whose Go module carries them, built with the present SDK as
``scripts/build_wasm_modules.sh`` says; later ones are modules of their own that no module proxy has.
"""

from __future__ import annotations

import pytest

from tests.conformance.programs import Programs
from tests.conformance.wasm_modules import built
from tests.conformance.wasm_oracle import Request, answer, outcomes, wasm_config
from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config, until

PLAIN: list[Request] = [
    ("GET", "/", {}, None),
    ("GET", "/a?b=c", {"Test": "other", "X-One": "1"}, None),
    ("POST", "/body", {}, b"some text"),
    ("GET", "/missing", {}, None),
]
BODILESS: list[Request] = [("GET", target, {"X-One": "1"}, None) for target in ("/", "/a?b=c", "/b", "/c", "/missing")]
"""The example sends a request's own fields in its call; under Envoy the service then waits for the body that Content-Length announces."""

BODIES: list[Request] = [
    *PLAIN,
    *(("POST", "/body", {"Buffer-Operation": operation}, b"some text") for operation in ("append", "prepend", "replace", "other")),
    ("POST", "/large", {"Buffer-Operation": "append"}, b"x" * 200_000),
    ("POST", "/empty", {}, b""),
]
HTTP: list[tuple[str, str, list[Request]]] = [
    ("helloworld", "", PLAIN),
    ("http_auth_random", "", BODILESS),
    ("http_body", "", BODIES),
    ("http_body", "echo", BODIES),
    ("http_headers", "", PLAIN),
    ("http_routing", "", PLAIN),
    ("metrics", "", PLAIN),
    ("postpone_requests", "", PLAIN[:2]),
    ("shared_data", "", PLAIN),
    ("shared_queue_sender", "http", PLAIN),
]
"""Name, configuration, requests."""

OTHER = {
    "dispatch_call_on_tick": "called 1 for contextID",
    "foreign_call_on_tick": "foreign function (compress) called",
    "network": "",
    "shared_queue_receiver": 'queue "q" registered',
    "vm_plugin_configuration": "plugin config: q",
}
"""Those that serve no HTTP, and what they say when they start or tick."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "configuration", "requests"), HTTP, ids=[f"{name} {said}".strip() for name, said, _ in HTTP])
def test_same_as_envoy(
    name: str, configuration: str, requests: list[Request], headgate: HeadgateFactory, backend: BackendFactory, programs: Programs
) -> None:
    module = built(f"sdk_{name}")
    of_envoy, of_headgate = outcomes(module, requests, configuration, headgate, backend, programs, cluster="httpbin")
    for expected, found in zip(of_envoy, of_headgate, strict=True):
        assert found == expected
    if name == "http_auth_random":
        assert {outcome.status for outcome in of_headgate} >= {200, 403}, "it lets some through"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", OTHER)
def test_what_serves_no_http_lets_no_request_through(
    name: str, headgate: HeadgateFactory, backend: BackendFactory, programs: Programs
) -> None:
    module = built(f"sdk_{name}")
    for outcome in outcomes(module, PLAIN[:1], "q", headgate, backend, programs, cluster="web_service"):
        assert [(one.status in (500, 503), one.sent) for one in outcome] == [(True, [])]


@pytest.mark.parametrize(("name", "said"), [(name, said) for name, said in OTHER.items() if said])
def test_what_serves_no_http_runs_all_the_same(name: str, said: str, headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend(answer)
    proxy = headgate(wasm_config(built(f"sdk_{name}"), upstream.address, upstream.address, "q", "web_service"))
    until(lambda: said in proxy.logs)


def test_sender_and_receiver_of_a_queue(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend(answer)
    receivers = [_vm("shared_queue_receiver", f"http_{way}_headers", "receiver") for way in ("request", "response")]
    idle = [{**receiver, "match": {"path": "/never"}} for receiver in receivers]
    proxy = headgate(simple_config(upstream.address, stream_filters=[*idle, _vm("shared_queue_sender", "http", "sender")]))
    assert proxy.get("/", headers={"X-Asked": "yes"}).status == 200
    until(lambda: 'dequeued data from http_request_headers(queueID=1): {"key": "x-asked","value": "yes"}' in proxy.logs)
    until(lambda: '{"key": "x-from","value": "backend"}' in proxy.logs)


def _vm(name: str, configuration: str, vm_id: str) -> dict[str, object]:
    config = {"vm_config": {"vm_id": vm_id, "code": {"local": {"filename": str(built(f"sdk_{name}"))}}}, "configuration": configuration}
    return {"type": "wasm", "name": f"{name} {configuration}", "config": config}
