"""What no type can tell: names that name nothing or two things, ranges, patterns, conditions that exclude each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.config import parse

Change = Callable[[str, object], dict[str, Any]]
Lines = Callable[..., list[str]]

S = "servers[0]"
L = "servers[0].listeners[0]"
CHAIN = f"{L}.filter_chains[0]"
PROXY = f"{CHAIN}.filters[0].config"
HTTP1 = f"{PROXY}.extend_config.Http1"
R = "servers[0].routers[0]"
HOST = f"{R}.virtual_hosts[0]"
ROUTE = f"{HOST}.routers[0]"
CLUSTERS = "cluster_manager.clusters"
CHAINS = [{"filters": [{"type": "proxy", "config": {"downstream_protocol": "Http1", "router_config_name": "r"}}]}]
LISTENER = {"name": "m", "address": "127.0.0.1:2047", "bind_port": True, "filter_chains": CHAINS}
ONE_OF = "needs one of 'route', 'redirect', 'direct_response', has"
TARGET = "needs one of 'cluster_name', 'cluster_variable', 'weighted_clusters', has"


def _route(**action: object) -> dict[str, object]:
    return {"match": {"prefix": "/"}, "route": action}


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        # servers
        ("servers", [], "servers: needs exactly one server, has none"),
        (f"{S}.default_log_level", "INFORM", f"{S}.default_log_level: unknown log level 'INFORM' (did you mean 'INFO'?)"),
        (
            f"{S}.default_log_level",
            "loud",
            f"{S}.default_log_level: unknown log level 'LOUD' (known: FATAL, ERROR, WARN, INFO, DEBUG, TRACE)",
        ),
        # plugins
        ("plugins", [{"name": "a/b"}], "plugins[0].name: not a name of a plugin: 'a/b' (letters, digits, '_', '-' and '.')"),
        ("plugins", [{"name": "a"}, {"name": "a"}], "plugins[1].name: plugin 'a' stands twice (the other is plugins[0])"),
        ("plugins", [{"name": "a", "command": [""]}], "plugins[0].command[0]: empty (name a program)"),
        ("plugins", [{"name": "a", "args": ["\0"]}], "plugins[0].args: a zero byte, which no program can be given"),
        ("plugins", [{"name": "a", "env": {"B=": "c"}}], "plugins[0].env: cannot be a variable of an environment: 'B='"),
        ("plugins", [{"name": "a", "call_timeout": "0s"}], "plugins[0].call_timeout: must be more than 0s"),
        ("plugins", [{"name": "a", "restart": {"backoff": "31s"}}], "plugins[0].restart.max_backoff: shorter than 'backoff'"),
        (
            "plugins",
            [{"name": "a", "log": "LOUDER"}],
            "plugins[0].log: unknown log level 'LOUDER' (known: FATAL, ERROR, WARN, INFO, DEBUG, TRACE, off)",
        ),
        ("watchdog", {"warn_after": "0s"}, "watchdog.warn_after: must be more than 0s"),
        ("watchdog", {"warn_after": "20s"}, "watchdog.kill_after: shorter than 'warn_after'"),
        ("extensions", [""], "extensions[0]: empty (name a module, a file or a folder)"),
        ("extensions", ["a.b", "a.b"], "extensions[1]: a.b stands twice"),
        ("extensions", ["./nope.py"], "extensions[0]: no such file or folder: /etc/headgate/nope.py"),
        ("extensions", ["nope.py"], "extensions[0]: no such file or folder: /etc/headgate/nope.py"),
        ("control_socket", "/" + "a" * 120, "control_socket: path of a unix socket is too long: 121 bytes (at most 107)"),
        (
            "admin",
            {"address": {"socket_address": {"address": "localhost", "port_value": 1}}},
            "admin.address.socket_address.address: not an IP address: 'localhost' (write 127.0.0.1 for this machine only)",
        ),
        (
            "admin",
            {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 70000}}},
            "admin.address.socket_address.port_value: 70000 is out of range (at most 65535)",
        ),
        ("admin", {}, "admin.address: required, but not given"),
        # listeners
        (f"{S}.listeners[1]", LISTENER | {"name": "l"}, f"{S}.listeners[1].name: listener 'l' stands twice (the other is {L})"),
        (f"{S}.listeners[1]", LISTENER | {"address": "127.0.0.1:2046"}, f"{S}.listeners[1].address: 127.0.0.1:2046 is taken (by {L})"),
        (f"{L}.address", "127.0.0.1", f"{L}.address: not an address: '127.0.0.1' (write it like 127.0.0.1:8080; the port is missing)"),
        (f"{L}.address", "127.0.0.1:99999", f"{L}.address: not a port: '99999' (a port is a number from 0 to 65535)"),
        (f"{L}.address", "/tmp/a.sock", f'{L}.address: not an ip:port: \'/tmp/a.sock\' (a unix socket needs "network": "unix")'),
        (f"{L}.connection_idle_timeout", "0s", f"{L}.connection_idle_timeout: must be more than 0s"),
        (f"{L}.filter_chains", [], f"{L}.filter_chains: needs exactly one filter chain, has none"),
        (f"{L}.filter_chains", CHAINS * 2, f"{L}.filter_chains: needs exactly one filter chain, has 2"),
        (f"{CHAIN}.filters", [], f'{CHAIN}.filters: needs a network filter (such as one of type "proxy")'),
        (
            f"{L}.filter_chains",
            [CHAINS[0] | {"tls_context": {}, "tls_context_set": [{}]}],
            f"{CHAIN}.tls_context_set: given beside 'tls_context' (only one of them can be)",
        ),
        # stream filters
        (
            f"{L}.stream_filters",
            [{"type": "a", "name": "x"}, {"type": "b", "name": "x"}],
            f"{L}.stream_filters[1].name: stream filter 'x' stands twice (the other is {L}.stream_filters[0])",
        ),
        (f"{L}.stream_filters", [{"type": "a", "timeout": "0s"}], f"{L}.stream_filters[0].timeout: must be more than 0s"),
        (
            f"{L}.stream_filters",
            [{"type": "a", "quarantine": {"max_failures": 1, "window": "0s"}}],
            f"{L}.stream_filters[0].quarantine.window: must be more than 0s",
        ),
        (
            f"{L}.stream_filters",
            [{"type": "a", "match": {}}],
            f"{L}.stream_filters[0].match: has no condition (remove it to match every request)",
        ),
        (
            f"{L}.stream_filters",
            [{"type": "a", "match": {"path_prefix": "api"}}],
            f"{L}.stream_filters[0].match.path_prefix: does not begin with '/': 'api' (no request would match)",
        ),
        (
            f"{L}.stream_filters",
            [{"type": "a", "match": {"methods": ["get"]}}],
            f"{L}.stream_filters[0].match.methods[0]: not an HTTP method: 'get' (write 'GET')",
        ),
        (
            f"{L}.stream_filters",
            [{"type": "a", "match": {"headers": [{"name": "x", "value": "(", "regex": True}]}}],
            f"{L}.stream_filters[0].match.headers[0].value: "
            "not a regular expression: missing ), unterminated subpattern at position 0: '('",
        ),
        (
            f"{L}.stream_filters",
            [{"type": "a", "path": "./a.py"}],
            f'{L}.stream_filters[0].path: only a filter of type "module", "native", "lua" or "wasm" has it',
        ),
        (f"{L}.stream_filters", [{"type": "module"}], f"{L}.stream_filters[0].path: missing (a Python file)"),
        (f"{L}.stream_filters", [{"type": "native"}], f"{L}.stream_filters[0].path: missing (a shared object)"),
        (
            f"{L}.stream_filters",
            [{"type": "native", "path": "./a.so", "factory": "f"}],
            f'{L}.stream_filters[0].factory: only a filter of type "module" has it',
        ),
        (
            f"{L}.stream_filters",
            [{"type": "wasm", "path": "./a.wasm", "config": {"path": "./b.wasm"}}],
            f"{L}.stream_filters[0].path: given beside 'config.path' (only one of them can be)",
        ),
        (
            f"{L}.stream_filters",
            [{"type": "a", "path": "./a.py", "go_plugin_config": {"so_path": "./b.so"}}],
            f"{L}.stream_filters[0].path: given beside 'go_plugin_config.so_path' (only one of them can be)",
        ),
        # proxy
        (f"{PROXY}.router_config_name", "rr", f"{PROXY}.router_config_name: no router 'rr' (did you mean 'r'?)"),
        (f"{PROXY}.router_config_name", "main", f"{PROXY}.router_config_name: no router 'main' (known: r)"),
        (f"{HTTP1}.max_header_size", 0, f"{HTTP1}.max_header_size: must be more than 0 (it cannot be without a limit)"),
        (f"{HTTP1}.header_timeout", "0s", f"{HTTP1}.header_timeout: must be more than 0s"),
        # routers
        (
            f"{S}.routers[1]",
            {"router_config_name": "r"},
            f"{S}.routers[1].router_config_name: router 'r' stands twice (the other is {R})",
        ),
        (f"{HOST}.domains", [], f'{HOST}.domains: needs a domain ("*" is every one)'),
        (
            f"{HOST}.domains",
            ["a.b", "A.b"],
            f"{HOST}.domains[1]: domain 'A.b' stands twice in this router (the other is {HOST}.domains[0])",
        ),
        (f"{HOST}.domains", ["http://a"], f"{HOST}.domains[0]: not a domain: 'http://a' (a domain has no scheme and no path)"),
        (f"{HOST}.domains", ["a.*"], f"{HOST}.domains[0]: not a domain: 'a.*' (an asterisk can only stand first, as in \"*.example.com\")"),
        (f"{HOST}.domains", [""], f"{HOST}.domains[0]: not a domain: ''"),
        (f"{HOST}.domains", ["a b"], f"{HOST}.domains[0]: not a domain: 'a b'"),
        (f"{HOST}.domains", ["a:0"], f"{HOST}.domains[0]: not a port: '0' (a port is a number from 1 to 65535)"),
        (f"{HOST}.request_headers_to_remove", ["a b"], f"{HOST}.request_headers_to_remove[0]: not a header name: 'a b'"),
        (
            f"{R}.response_headers_to_add",
            [{"header": {"key": "a", "value": "x\r\ny"}}],
            f"{R}.response_headers_to_add[0].header.value: control character in a header's value: 'x\\r\\ny'",
        ),
        (
            f"{HOST}.per_filter_config",
            {"auth": {}},
            f"{HOST}.per_filter_config.auth: no listener of this router has a stream filter 'auth' (known: none)",
        ),
        # matches
        (
            f"{ROUTE}.match",
            {"regex": "("},
            f"{ROUTE}.match.regex: not a regular expression: missing ), unterminated subpattern at position 0: '('",
        ),
        (f"{ROUTE}.match", {"prefix": "api"}, f"{ROUTE}.match.prefix: does not begin with '/': 'api' (no request would match)"),
        (
            f"{ROUTE}.match",
            {"prefix": "/", "path": "/a"},
            f"{ROUTE}.match: has prefix and path (MOSN would use 'prefix' alone; make it a route of its own)",
        ),
        (f"{ROUTE}.match", {"headers": [{"value": "x"}]}, f"{ROUTE}.match.headers[0].name: required, but not given"),
        (f"{ROUTE}.match", {"variables": [{"name": "v"}]}, f"{ROUTE}.match.variables[0]: needs 'value' or 'regex'"),
        (
            f"{ROUTE}.match",
            {"variables": [{"name": "v", "value": "1", "model": "xor"}]},
            f"{ROUTE}.match.variables[0].model: expected 'and' or 'or', got 'xor'",
        ),
        # actions
        (ROUTE, {"match": {"prefix": "/"}}, f"{ROUTE}: {ONE_OF} none"),
        (ROUTE, _route(cluster_name="c") | {"direct_response": {"status": 200}}, f"{ROUTE}: {ONE_OF} route and direct_response"),
        (f"{ROUTE}.route", {}, f"{ROUTE}.route: {TARGET} none"),
        (f"{ROUTE}.route.cluster_variable", "v", f"{ROUTE}.route: {TARGET} cluster_name and cluster_variable"),
        (f"{ROUTE}.route.cluster_name", "cc", f"{ROUTE}.route.cluster_name: no cluster 'cc' (did you mean 'c'?)"),
        (
            ROUTE,
            _route(weighted_clusters=[{"cluster": {"name": "c", "weight": 1}}, {"cluster": {"name": "nope", "weight": 1}}]),
            f"{ROUTE}.route.weighted_clusters[1].cluster.name: no cluster 'nope' (known: c)",
        ),
        (
            ROUTE,
            _route(weighted_clusters=[{"cluster": {"name": "c"}}]),
            f"{ROUTE}.route.weighted_clusters: the weights come to 0 (no cluster would be chosen)",
        ),
        (
            f"{ROUTE}.route.retry_policy",
            {"status_codes": [500, 5000]},
            f"{ROUTE}.route.retry_policy.status_codes[1]: not a status code: 5000",
        ),
        (f"{ROUTE}.route.prefix_rewrite", "v2", f"{ROUTE}.route.prefix_rewrite: does not begin with '/': 'v2' (write '/v2')"),
        (
            f"{ROUTE}.route.prefix_rewrite",
            "/a b",
            f"{ROUTE}.route.prefix_rewrite: a character that a path cannot hold: '/a b' (percent-encode it)",
        ),
        (f"{ROUTE}.route.host_rewrite", "a/b", f"{ROUTE}.route.host_rewrite: not a host: 'a/b'"),
        (
            f"{ROUTE}.route.regex_rewrite",
            {"pattern": {"regex": "["}},
            f"{ROUTE}.route.regex_rewrite.pattern.regex: not a regular expression: unterminated character set at position 0: '['",
        ),
        (
            ROUTE,
            {"redirect": {"response_code": 200, "path_redirect": "/"}},
            f"{ROUTE}.redirect.response_code: not a code for a redirect: 200 (one of 301, 302, 303, 307, 308)",
        ),
        (ROUTE, {"redirect": {}}, f"{ROUTE}.redirect: changes nothing (give 'path_redirect', 'host_redirect' or 'scheme_redirect')"),
        (ROUTE, {"redirect": {"scheme_redirect": "ftp"}}, f"{ROUTE}.redirect.scheme_redirect: expected http or https, got 'ftp'"),
        (ROUTE, {"direct_response": {"status": 99}}, f"{ROUTE}.direct_response.status: not a status code of an answer: 99 (200 to 599)"),
        (ROUTE, {"direct_response": {"status": 204, "body": "x"}}, f"{ROUTE}.direct_response.body: an answer with status 204 has no body"),
        (ROUTE, {"direct_response": {}}, f"{ROUTE}.direct_response.status: required, but not given"),
        # clusters
        (
            f"{CLUSTERS}[1]",
            {"name": "c", "hosts": [{"address": "10.0.0.1:1"}]},
            f"{CLUSTERS}[1].name: cluster 'c' stands twice (the other is {CLUSTERS}[0])",
        ),
        (f"{CLUSTERS}[0].connect_timeout", "0s", f"{CLUSTERS}[0].connect_timeout: must be more than 0s"),
        (f"{CLUSTERS}[0].lbconfig", {"choice_count": 0}, f"{CLUSTERS}[0].lbconfig.choice_count: must be at least 1"),
        (
            f"{CLUSTERS}[0].conn_buffer_limit_bytes",
            0,
            f"{CLUSTERS}[0].conn_buffer_limit_bytes: must be more than 0 (it cannot be without a limit)",
        ),
        (f"{CLUSTERS}[0].hosts[0].weight", 200, f"{CLUSTERS}[0].hosts[0].weight: 200 is out of range (1 to 128)"),
        (
            f"{CLUSTERS}[0].hosts[0].address",
            "10.0.0.1:0",
            f"{CLUSTERS}[0].hosts[0].address: not a port to connect to: '10.0.0.1:0' (a port is a number from 1 to 65535)",
        ),
        (
            f"{CLUSTERS}[0].hosts[1]",
            {"address": "127.0.0.1:8080"},
            f"{CLUSTERS}[0].hosts[1].address: 127.0.0.1:8080 stands twice in this cluster (the other is {CLUSTERS}[0].hosts[0])",
        ),
    ],
)
def test_refused(path: str, value: object, line: str, change: Change, errors: Lines) -> None:
    assert errors(change(path, value), base="/etc/headgate") == [line]


def test_two_servers(base: dict[str, Any], errors: Lines) -> None:
    base["servers"].append({})
    assert errors(base) == ["servers: needs exactly one server, has 2"]


def test_a_control_plane_needs_no_server(errors: Lines) -> None:
    assert errors({"dynamic_resources": {"ads_config": {}}}) == ["not supported yet: dynamic_resources (control planes over xDS)"]


def test_the_same_port_on_sockets_that_are_not_opened_or_chosen_by_the_kernel(change: Change, errors: Lines) -> None:
    change(f"{S}.listeners[1]", LISTENER | {"address": "127.0.0.1:2046", "bind_port": False})
    change(f"{S}.listeners[2]", LISTENER | {"name": "n", "address": "127.0.0.1:0"})
    assert errors(change(f"{S}.listeners[3]", LISTENER | {"name": "o", "address": "127.0.0.1:0"})) == []


def test_a_route_without_match_takes_everything(change: Change) -> None:
    config = parse(change(ROUTE, {"direct_response": {"status": 200}})).config
    match = config.servers[0].routers[0].virtual_hosts[0].routers[0].match
    assert (match.prefix, match.path, match.regex, match.headers, match.variables) == ("", "", "", [], [])


def test_a_route_without_target_beside_an_answer_is_none(change: Change) -> None:
    # MOSN's config_dump writes a route for every entry.
    config = parse(change(ROUTE, {"route": {"timeout": "0s"}, "direct_response": {"status": 200}})).config
    assert config.servers[0].routers[0].virtual_hosts[0].routers[0].route is None


def test_per_filter_config_by_type_and_by_name(change: Change, errors: Lines) -> None:
    change(f"{L}.stream_filters", [{"type": "auth", "name": "auth-api"}])
    change(f"{HOST}.per_filter_config", {"auth": {}, "auth-api": {}})
    assert errors(change(f"{ROUTE}.per_filter_config", {"auht": {}})) == [
        f"{ROUTE}.per_filter_config.auht: no listener of this router has a stream filter 'auht' (did you mean 'auth'?)"
    ]


def test_per_filter_config_of_a_router_that_nobody_uses(change: Change, errors: Lines) -> None:
    host = {"domains": ["*"], "per_filter_config": {"auth": {}}}
    assert errors(change(f"{S}.routers[1]", {"router_config_name": "spare", "virtual_hosts": [host]})) == []


@pytest.mark.parametrize(
    "domain", ["*", "a", "A.Example.COM:80", "*.example.com", "*example.com:8080", "[::1]", "[::1]:80", "10.0.0.1:80", "*:8080", "a_b"]
)
def test_domains(domain: str, change: Change, errors: Lines) -> None:
    assert errors(change(f"{HOST}.domains", [domain])) == []


@pytest.mark.parametrize("regex", [r"^/a\z", "[[:alpha:]]+", "(?P<id>[0-9]+)", "(?i)abc$"])
def test_regular_expressions_of_re2(regex: str, change: Change, errors: Lines) -> None:
    assert errors(change(f"{ROUTE}.match", {"regex": regex})) == []


def test_prefix_rewrite_wins(change: Change, warnings: Lines) -> None:
    change(f"{ROUTE}.route.prefix_rewrite", "/x")
    assert warnings(change(f"{ROUTE}.route.regex_rewrite", {"pattern": {"regex": "a"}})) == [
        f"{ROUTE}.route.regex_rewrite: no effect ('prefix_rewrite' wins over it)"
    ]


def test_hints_stay_cheap_with_thousands_of_wrong_names(base: dict[str, Any], errors: Lines) -> None:
    host = base["servers"][0]["routers"][0]["virtual_hosts"][0]
    host["routers"] = [_route(cluster_name=f"wrong{i}") for i in range(3000)]
    base["cluster_manager"]["clusters"] = [{"name": f"c{i}", "hosts": [{"address": "10.0.0.1:1"}]} for i in range(1000)]
    found = errors(base)
    assert len(found) == 3000
    assert found[0].endswith("(known: c0, c1, c10, c100, c101, c102, c103, c104)")
    assert found[-1] == f"{HOST}.routers[2999].route.cluster_name: no cluster 'wrong2999'"


def test_extensions_by_path(base: dict[str, Any], errors: Lines, tmp_path: Path) -> None:
    (tmp_path / "auth.py").touch()
    (tmp_path / "filters").mkdir()
    base["extensions"] = ["./auth.py", "filters/", "my.module", str(tmp_path / "auth.py")]
    (found,) = errors(base, base=tmp_path)
    assert found == f"extensions[3]: {tmp_path}/auth.py stands twice"
    base["extensions"].pop()
    assert parse(base, base=tmp_path).config.extensions == [f"{tmp_path}/auth.py", f"{tmp_path}/filters", "my.module"]
