"""The same scripts through Envoy's Lua filter and through ours: what the client and the host see must be the same."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.conformance.envoy_program import envoy_program
from tests.conformance.programs import free_port, listens
from tests.integration.backends import Backend, BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, request, simple_config, until

ROOT = Path(__file__).parents[2]
_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_OF_THE_PROXY = {
    "accept-encoding", "connection", "content-length", "date", "server", "transfer-encoding", "via",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-upstream-service-time", "x-envoy-internal", "x-forwarded-for", "x-forwarded-proto", "x-request-id",
}  # fmt: skip
"""Fields that each proxy adds or frames with in its own way."""

Case = tuple[str, str, Mapping[str, str], bytes | None]

_INNER = '[":path"] = "/inner?a=b", [":authority"] = "inner.test"'

SCRIPTS: dict[str, tuple[str, Sequence[Case]]] = {
    "the article's check": (
        """
function envoy_on_request(handle)
  if handle:headers():get("user") ~= "admin" then
    handle:respond({[":status"] = "403", ["x-why"] = "user"}, "forbidden")
  end
end""",
        [("GET", "/", {}, None), ("GET", "/", {"User": "admin"}, None), ("POST", "/", {"User": "Admin"}, b"body")],
    ),
    "headers read and changed": (
        """
function envoy_on_request(handle)
  local h = handle:headers()
  h:add("x-a", tostring(h:get("A")))
  h:add("x-none", tostring((h:get("none"))))
  h:add("x-count", tostring(h:getNumValues("a")) .. tostring(h:getAtIndex("a", 0)) .. tostring((h:getAtIndex("a", 7))))
  h:remove("b")
  h:replace("c", "new")
  h:replace("d", "made")
  h:add("x-pseudo", h:get(":method") .. h:get(":path") .. h:get(":authority") .. h:get(":scheme"))
end""",
        [("GET", "/p?q=1", {"a": "1", "b": "2", "c": "3", "Host": "site.test"}, None)],
    ),
    "path, method and authority rewritten": (
        """
function envoy_on_request(handle)
  handle:headers():replace(":path", "/rewritten?" .. handle:headers():get(":path"):sub(2))
  handle:headers():replace(":method", "PUT")
  handle:headers():replace(":authority", "other.test")
end""",
        [("GET", "/abc", {}, None), ("POST", "/abc", {}, b"x")],
    ),
    "headers iterated": (
        """
function envoy_on_request(handle)
  local names = {}
  for key, value in pairs(handle:headers()) do
    if key:sub(1, 2) == "x-" and key:sub(1, 4) == "x-my" or key:sub(1, 1) == ":" then names[#names + 1] = key .. "=" .. value end
  end
  table.sort(names)
  handle:respond({[":status"] = "200"}, table.concat(names, "\\n"))
end""",
        [("GET", "/it", {"X-My-A": "1", "X-My-B": "two words", "Host": "h.test"}, None)],
    ),
    "response changed": (
        """
function envoy_on_response(handle)
  local h = handle:headers()
  h:add("x-status", h:get(":status"))
  h:replace(":status", "201")
  h:remove("x-gone")
  h:replace("x-kept", "changed")
end""",
        [("GET", "/", {}, None), ("GET", "/missing", {}, None)],
    ),
    "bodies": (
        """
function envoy_on_request(handle)
  local body = handle:body()
  if body == nil then handle:headers():add("x-body", "none") return end
  handle:headers():add("x-body", body:length() .. ":" .. body:getBytes(0, 2))
  body:setBytes("<" .. body:getBytes(0, body:length()) .. ">")
end
function envoy_on_response(handle)
  local body = handle:body(true)
  local text = body:getBytes(0, body:length())
  handle:headers():add("x-length", tostring(body:setBytes(text:upper() .. "!")))
end""",
        [("GET", "/", {}, None), ("POST", "/", {}, b"hello"), ("POST", "/", {}, b"x" * 50_000)],
    ),
    "a call to a cluster": (
        f"""
function envoy_on_request(handle)
  local headers, body = handle:httpCall("upstream", {{[":method"] = "POST", {_INNER}, ["x-mine"] = "1"}}, "question", 5000)
  handle:headers():add("x-inner", headers[":status"] .. " " .. headers["x-kept"] .. " " .. body)
  if body == "backend: question" then handle:headers():add("x-equal", "yes") end
end""",
        [("GET", "/", {}, None), ("POST", "/", {}, b"outer body")],
    ),
    "a reply made of a call's answer": (
        f"""
function envoy_on_request(handle)
  local headers, body = handle:httpCall("upstream", {{[":method"] = "GET", {_INNER}}}, nil, 5000)
  handle:respond({{[":status"] = "418", ["x-from"] = headers["x-kept"]}}, body .. "|" .. handle:headers():get(":path"))
end
function envoy_on_response(handle)
  handle:headers():add("x-way-back", "yes")
end""",
        [("GET", "/tea", {}, None)],
    ),
    "faults let the request pass": (
        """
function envoy_on_request(handle)
  handle:headers():add("x-before", "1")
  local what = handle:headers():get("do")
  if what == "error" then error("boom") end
  if what == "nil" then local x = nothing.at end
  if what == "yield" then coroutine.yield() end
  if what == "status" then handle:respond({[":status"] = "42"}, "") end
  if what == "bytes" then handle:body(true):getBytes(5, 100) end
  if what == "cluster" then handle:httpCall("nowhere", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, nil, 100) end
  handle:headers():add("x-after", "1")
end
function envoy_on_response(handle)
  handle:respond({[":status"] = "500"}, "too late")
end""",
        [("GET", "/", {"do": what}, None) for what in ("nothing", "error", "nil", "yield", "status", "bytes", "cluster")],
    ),
    "values along the stream": (
        """
local calls = 0
function envoy_on_request(handle)
  local info = handle:streamInfo()
  info:dynamicMetadata():set("mine", "key", "value")
  info:dynamicMetadata():set("mine", "number", 7)
  handle:headers():add("x-protocol", info:protocol())
  handle:headers():add("x-64", handle:base64Escape("a b\\255"))
  handle:headers():add("x-ssl", tostring((handle:connection():ssl())))
  handle:headers():add("x-time", tostring(#handle:timestampString()))
end
function envoy_on_response(handle)
  local mine = handle:streamInfo():dynamicMetadata():get("mine")
  handle:headers():add("x-mine", mine.key .. mine.number)
  handle:headers():add("x-none", tostring((handle:streamInfo():dynamicMetadata():get("other"))))
end""",
        [("GET", "/", {}, None)],
    ),
}


def answer(seen: RecordedRequest) -> Reply:
    """What the host says to it."""
    if seen.target == "/missing":
        return Reply(404, {"x-kept": "1", "x-gone": "1"}, b"no")
    return Reply(200, {"x-kept": "kept", "x-gone": "1"}, b"backend: " + seen.body[:100])


def address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def bootstrap(script: str, port: int, backend_port: int) -> dict[str, object]:
    """Envoy's configuration: one listener with the script, one cluster ``upstream``."""
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
    listener = {
        "name": "front",
        "address": address(port),
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
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


def start_envoy(folder: Path, script: str, backend: Backend, started: list[subprocess.Popen[bytes]]) -> tuple[str, int]:
    port = free_port()
    config = folder / "envoy.json"
    config.write_text(json.dumps(bootstrap(script, port, backend.port)))
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
