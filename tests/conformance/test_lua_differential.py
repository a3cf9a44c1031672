"""The same scripts through Envoy's Lua filter and through ours: what the client and the host see must be the same."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conformance.envoy_program import envoy_program
from tests.conformance.lua_scripts import SCRIPTS, TLS_FACTS, Case
from tests.conformance.programs import free_port, listens
from tests.integration.backends import Backend, BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, request, simple_config, until
from tests.integration.tls.site import Site, connect, tls_config

ROOT = Path(__file__).parents[2]
_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_OF_THE_PROXY = {
    "accept-encoding", "connection", "content-length", "date", "server", "transfer-encoding", "via",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-upstream-service-time", "x-envoy-internal", "x-forwarded-for", "x-forwarded-proto", "x-request-id",
}  # fmt: skip
"""Fields that each proxy adds or frames with in its own way."""


def answer(seen: RecordedRequest) -> Reply:
    """What the host says to it."""
    if seen.target == "/missing":
        return Reply(404, {"x-kept": "1", "x-gone": "1"}, b"no")
    return Reply(200, {"x-kept": "kept", "x-gone": "1"}, b"backend: " + seen.body[:100])


def address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def bootstrap(script: str, port: int, backend_port: int, transport: Mapping[str, object] | None = None) -> dict[str, object]:
    """Envoy's configuration: one listener with the script, one cluster ``upstream``.

    :param transport: the listener's transport socket
    """
    manager = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "codec_type": "HTTP1",
        "http_filters": [
            {
                "name": "envoy.filters.http.lua",
                "typed_config": {"@type": f"{_FILTERS}.http.lua.v3.Lua", "default_source_code": {"inline_string": script}},
            },
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_FILTERS}.http.router.v3.Router"}},
        ],
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]}]
        },
    }
    chain: dict[str, object] = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    if transport is not None:
        chain["transport_socket"] = transport
    inspector = {"@type": f"{_FILTERS}.listener.tls_inspector.v3.TlsInspector"}
    listener = {
        "name": "front",
        "address": address(port),
        "listener_filters": [{"name": "envoy.filters.listener.tls_inspector", "typed_config": inspector}] if transport else [],
        "filter_chains": [chain],
    }
    cluster = {
        "name": "upstream",
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": {
            "cluster_name": "upstream",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(backend_port)}}]}],
        },
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


@pytest.fixture
def envoys(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that end with the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start_envoy(
    folder: Path,
    script: str,
    backend: Backend,
    started: list[subprocess.Popen[bytes]],
    transport: Mapping[str, object] | None = None,
) -> tuple[str, int]:
    port = free_port()
    config = folder / "envoy.json"
    config.write_text(json.dumps(bootstrap(script, port, backend.port, transport)))
    command = [envoy_program(), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    started.append(process)
    until(lambda: process.poll() is not None or listens(port), "Envoy listens")
    assert process.poll() is None, (folder / "envoy.log").read_text(errors="replace")
    return "127.0.0.1", port


def fields(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _OF_THE_PROXY}


def observe(proxy: tuple[str, int], backend: Backend, case: Case) -> object:
    """Send one request; what came back, and what the host saw on the way."""
    before = len(backend.requests)
    method, target, headers, body = case
    headers = {"Host": "front.test", **headers}
    response = request(proxy, method, target, headers, body)
    seen = [(r.method, r.target, fields(r.headers), r.body) for r in backend.requests[before:]]
    return response.status, fields(dict(response.headers.items())), response.body, seen


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_script_same_visible_results(
    name: str, headgate: HeadgateFactory, backend: BackendFactory, envoys: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    script, cases = SCRIPTS[name]
    host = backend(answer)
    # Envoy lets a request pass whose script failed; here that is a policy, and the stricter one is the default.
    entry = {"type": "lua", "on_error": "allow", "config": {"source": script}}
    ours = headgate(simple_config(host.address, stream_filters=[entry])).address()
    theirs = start_envoy(tmp_path, script, host, envoys)
    for case in cases:
        assert observe(ours, host, case) == observe(theirs, host, case), case


def test_what_scripts_know_of_tls(
    headgate: HeadgateFactory, backend: BackendFactory, envoys: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    site = Site(tmp_path / "site")
    client = site.write("client", site.authority.issue_cert("client.test", "ann@client.test", common_name='Ann, of "here"'))
    host = backend(answer)
    tls = {**site.server, "verify_client": True, "ca_cert": site.path("ca.pem")}
    entry = {"type": "lua", "config": {"source": TLS_FACTS}}
    ours = headgate(tls_config(host.address, tls=tls, stream_filters=[entry])).address()
    theirs = start_envoy(tmp_path, TLS_FACTS, host, envoys, _client_verifying(site))
    for certificate in (client, None):
        context = site.client_context(certificate)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        told = [_tell(proxy, context) for proxy in (ours, theirs)]
        assert told[0].splitlines() == told[1].splitlines()


def _client_verifying(site: Site) -> dict[str, object]:
    validation = {"trusted_ca": {"filename": site.path("ca.pem")}}
    pair = {"certificate_chain": {"filename": site.path("server.pem")}, "private_key": {"filename": site.path("server.key")}}
    context = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [pair], "validation_context": validation},
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _tell(proxy: tuple[str, int], context: ssl.SSLContext) -> str:
    with connect(proxy, context) as secured:
        connection = http.client.HTTPConnection(*proxy)
        connection.sock = secured
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
