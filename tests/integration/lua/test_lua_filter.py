"""Scripts in a real proxy: the example, reload, faults at load and at work, and what is seen of them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import yaml

from tests.integration.backends import BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, simple_config, until
from tests.integration.tls.site import Site, tls_config
from tests.integration.tls.site import request as tls_request

EXAMPLE = Path(__file__).parents[3] / "examples" / "lua_auth"


def entry(**config: object) -> dict[str, Any]:
    return {"type": "lua", "config": config}


def test_the_example(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    config: dict[str, Any] = yaml.safe_load((EXAMPLE / "config.yaml").read_text())
    listener = config["servers"][0]["listeners"][0]
    listener["address"] = "127.0.0.1:0"
    config["cluster_manager"]["clusters"][0]["hosts"] = [{"address": upstream.address}]
    config["admin"]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    workspace = headgate.workspace(config)
    shutil.copy(EXAMPLE / "auth.lua", workspace.folder)  # its path is relative to the configuration file
    proxy = headgate(config)
    denied = proxy.get("/", listener="demo")
    assert (denied.status, denied.body) == (403, b"forbidden\n")
    assert not upstream.requests
    assert proxy.get("/", {"User": "admin"}, listener="demo").status == 200


def test_a_call_bodies_and_a_route_of_its_own(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    def respond(request: RecordedRequest) -> Reply:
        return Reply(200, {"x-user": "ann"}, b"checked") if request.target == "/check" else Reply(200, {}, b"got " + request.body)

    upstream = backend(respond)
    script = """
    function envoy_on_request(h)
      local headers, body = h:httpCall("upstream", {[":method"]="GET", [":path"]="/check", [":authority"]="auth"}, nil, 5000)
      h:headers():add("x-user", headers["x-user"] .. " " .. body)
      local b = h:body()
      if b then b:setBytes(b:getBytes(0, b:length()):reverse()) end
    end"""
    route = {"route": {"cluster_name": "upstream"}}
    proxy = headgate(
        simple_config(
            upstream.address,
            stream_filters=[entry(source=script)],
            routes=[
                {"match": {"prefix": "/off"}, **route, "per_filter_config": {"lua": {"disabled": True}}},
                {
                    "match": {"prefix": "/other"},
                    **route,
                    "per_filter_config": {
                        "lua": {"source_code": {"inline_string": "function envoy_on_response(h) h:headers():add('x-other', '1') end"}}
                    },
                },
                {"match": {"prefix": "/"}, **route},
            ],
        )
    )
    response = proxy.request("POST", "/", body=b"abc")
    assert (response.status, response.body) == (200, b"got cba")
    assert [request.target for request in upstream.requests] == ["/check", "/"]
    assert upstream.requests[1].headers["x-user"] == "ann checked"
    assert proxy.get("/off").headers.get("x-other") is None
    assert [request.target for request in upstream.requests[2:]] == ["/off"]
    assert proxy.get("/other").headers["x-other"] == "1"


def test_loops_and_bombs_cost_their_request(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    script = """
    function envoy_on_request(h)
      local what = h:headers():get("do")
      if what == "loop" then while true do end end
      if what == "bomb" then held = {} while true do held[#held + 1] = ("x"):rep(1e5) .. #held end end
    end"""
    proxy = headgate(simple_config(backend().address, stream_filters=[entry(source=script)]))
    workers = proxy.workers()
    for what in ("loop", "bomb", "loop", "bomb"):
        assert proxy.get("/", headers={"do": what}).status == 500
        assert proxy.get("/").status == 200
    assert proxy.workers() == workers
    until(lambda: "instruction budget exceeded" in proxy.logs)
    until(lambda: "its Lua state is replaced" in proxy.logs)


def test_a_changed_script_is_taken_up_and_a_faulty_one_changes_nothing(
    headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path
) -> None:
    script = tmp_path / "mark.lua"
    script.write_text("function envoy_on_response(h) h:headers():add('x-version', '1') end")
    proxy = headgate(simple_config(backend().address, stream_filters=[entry(path=str(script))]))
    assert proxy.get("/").headers["x-version"] == "1"
    script.write_text("function envoy_on_response(h) h:headers():add('x-version', '2') end")
    assert proxy.reload().ok
    until(lambda: proxy.get("/").headers["x-version"] == "2", "the new script runs")
    script.write_text("function envoy_on_response(h)\n  local x = = 1\nend")
    outcome = proxy.reload()
    assert not outcome.ok
    assert "mark.lua:2: unexpected symbol near '='" in outcome.errors[0]
    script.unlink()
    outcome = proxy.reload()
    assert not outcome.ok
    assert "mark.lua cannot be read: No such file or directory" in outcome.errors[0]
    assert proxy.get("/").headers["x-version"] == "2"


def test_a_fault_in_a_routes_script_is_found_at_load(headgate: HeadgateFactory) -> None:
    routes = [
        {
            "match": {"prefix": "/"},
            "route": {"cluster_name": "upstream"},
            "per_filter_config": {"lua": {"source_code": {"inline_string": "error('no')"}}},
        }
    ]
    result = headgate.check(simple_config(stream_filters=[entry(source="x = 1")], routes=routes))
    assert result.returncode == 1
    assert "lua (route):1: no" in result.stdout + result.stderr
    twice = headgate.check(simple_config(stream_filters=[entry(source="x = 1", path="a.lua")]))
    assert "only one of source and path can be given" in twice.stdout + twice.stderr
    none = headgate.check(simple_config(stream_filters=[entry()]))
    assert "no script: give 'source' or 'path'" in none.stdout + none.stderr


def test_what_a_script_knows_of_tls(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    site = Site(tmp_path)
    client = site.issue("client", "ann@client.test", common_name="Ann")
    script = """
    function envoy_on_request(h)
      local ssl = h:connection():ssl()
      if not ssl then h:respond({[":status"] = "200"}, "plain") end
      local id = ssl:sessionId()
      local said = {tostring(ssl:peerCertificatePresented()), tostring(ssl:peerCertificateValidated()), ssl:subjectPeerCertificate(),
        ssl:ciphersuiteId():match("^0x13%x%x$") or ssl:ciphersuiteId(), ssl:tlsVersion(), tostring(id:match("^%x*$") == id),
        tostring(ssl:validFromPeerCertificate() < os_time and ssl:expirationPeerCertificate() > os_time)}
      h:respond({[":status"] = "200"}, table.concat(said, "|"))
    end"""
    script = script.replace("os_time", str(int(time.time())))
    tls = {**site.server, "verify_client": True, "ca_cert": site.path("ca.pem")}
    proxy = headgate(tls_config(backend().address, tls=tls, stream_filters=[entry(source=script)]))
    known = tls_request(proxy.address(), site.client_context(client)).body.decode().split("|")
    assert known[:2] == ["true", "true"]
    assert "CN=Ann" in known[2]
    assert (known[3][:4], known[4:]) == ("0x13", ["TLSv1.3", "true", "true"])
    unknown = tls_request(proxy.address(), site.client_context()).body.decode().split("|")
    assert unknown[:3] == ["false", "false", ""]


def test_a_large_body_passes_a_script_in_chunks(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend(lambda request: Reply(200, {}, request.body))
    script = """
    local function pass(h) for c in h:bodyChunks() do c:setBytes(c:getBytes(0, c:length()):upper()) end end
    envoy_on_request, envoy_on_response = pass, pass"""
    tight = {**entry(source=script, memory_limit="4MB"), "max_body": 1000}
    proxy = headgate(simple_config(upstream.address, stream_filters=[tight]))
    response = proxy.request("POST", "/", body=b"abc" * 4_000_000)
    assert response.status == 200
    assert upstream.requests[0].body == b"ABC" * 4_000_000
    assert response.body == b"ABC" * 4_000_000
