"""The same requests to a module under Envoy and under Headgate: what client and backend see.

What the proxies themselves add (``x-request-id``, ``server``, ...) and how they frame a message is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.envoy_wasm import start_envoy
from tests.conformance.programs import Programs
from tests.integration.backends import BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, request, simple_config

Request = tuple[str, str, dict[str, str], bytes | None]

_OWN = {"x-envoy-expected-rq-timeout-ms", "x-request-id", "x-forwarded-proto", "x-forwarded-for", "x-envoy-upstream-service-time"}
_OWN |= {"date", "server", "content-length", "transfer-encoding", "connection", "host", "via"}


class Outcome(NamedTuple):
    """What became of one request.

    :ivar sent: what the backend got: method, target, fields, body
    """

    method: str
    target: str
    status: int
    fields: dict[str, str]
    body: bytes
    sent: list[tuple[str, str, dict[str, str], bytes]]


def answer(seen: RecordedRequest) -> Reply:
    """The backend."""
    status = 404 if seen.target == "/missing" else 200
    return Reply(status, {"Content-Type": "text/plain", "X-From": "backend"}, b"answer to " + seen.target.encode())


def verdict(seen: RecordedRequest) -> Reply:
    """The service that modules call."""
    return Reply(200 if seen.target.endswith("allowed") else 403, {}, b"verdict on " + seen.target.encode())


def wasm_config(module: Path, upstream: str, called: str, configuration: str, cluster: str = "auth") -> dict[str, Any]:
    """Headgate's configuration.

    :param called: address of the service that the module calls
    :param cluster: the name under which it does
    """
    entry = {"type": "wasm", "config": {"path": str(module), "configuration": configuration}}
    config = simple_config(upstream, stream_filters=[entry])
    config["cluster_manager"]["clusters"].append({"name": cluster, "type": "STATIC", "hosts": [{"address": called}]})
    return config


def outcomes(
    module: Path,
    requests: Sequence[Request],
    configuration: str,
    headgate: HeadgateFactory,
    backend: BackendFactory,
    programs: Programs,
    cluster: str = "auth",
) -> tuple[list[Outcome], list[Outcome]]:
    """What becomes of each request under Envoy, and under Headgate.

    :param cluster: the name by which the module calls another service
    """
    found = []
    for host in ("envoy", "headgate"):
        upstream, called = backend(answer), backend(verdict)
        if host == "envoy":
            address = start_envoy(programs, module, {"upstream": upstream.address, cluster: called.address}, configuration)
        else:
            address = headgate(wasm_config(module, upstream.address, called.address, configuration, cluster)).address()
        results = []
        for method, target, headers, body in requests:
            before = len(upstream.requests)
            response = request(address, method, target, {"User-Agent": "t", **headers}, body)
            sent = [(seen.method, seen.target, _fields(seen.headers), seen.body) for seen in upstream.requests[before:]]
            results.append(Outcome(method, target, response.status, _fields(dict(response.headers.items())), response.body, sent))
        found.append(results)
    of_envoy, of_headgate = found
    return of_envoy, of_headgate


def _fields(fields: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in fields.items() if name.lower() not in _OWN}
