"""Values of the wrong type: each is told, with its path, and does not hide what else is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headgate.config import examine, parse

Change = Callable[[str, object], dict[str, Any]]
Lines = Callable[..., list[str]]

L = "servers[0].listeners[0]"
ROUTE = "servers[0].routers[0].virtual_hosts[0].routers[0]"
CLUSTER = "cluster_manager.clusters[0]"


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (f"{L}.name", 5, "expected text, got the number 5 (put it in quotes)"),
        (f"{L}.name", True, "expected text, got true (put it in quotes)"),
        (f"{L}.bind_port", "true", "expected true or false, got the text 'true' (remove the quotes)"),
        (f"{L}.bind_port", "maybe", "expected true or false, got the text 'maybe'"),
        (f"{L}.bind_port", 1, "expected true or false, got the number 1"),
        (f"{L}.max_connections", "5", "expected a whole number, got the text '5' (remove the quotes)"),
        (f"{L}.max_connections", 1.5, "expected a whole number, got the number 1.5"),
        (f"{L}.max_connections", -1, "-1 is out of range (at least 0)"),
        (f"{L}.max_connections", 1 << 32, "4294967296 is out of range (at most 4294967295)"),
        (f"{L}.network", "tpc", "expected 'tcp', 'udp' or 'unix', got 'tpc' (did you mean 'tcp'?)"),
        (f"{L}.type", "inbound", "expected 'ingress' or 'egress', got 'inbound'"),
        (f"{L}.connection_idle_timeout", 30, 'a duration needs a unit: 30 (write "30s" for seconds or "30ms" for milliseconds)'),
        (f"{L}.connection_idle_timeout", "30", 'not a duration: \'30\' (a unit is missing: "30s" or "30ms")'),
        (f"{L}.connection_idle_timeout", [], 'expected a duration (write it like "1s" or "150ms")'),
        (f"{L}.connection_idle_timeout", "-1s", "a duration cannot be negative: '-1s'"),
        (f"{L}.access_logs", {"log_path": "stdout"}, "expected a list, got a mapping (put it in square brackets)"),
        (f"{L}.access_logs", ["stdout"], "expected a mapping, got the text 'stdout'"),
        (f"{L}.stream_filters", "auth", "expected a list, got the text 'auth'"),
        (f"{ROUTE}.per_filter_config", {"a": 1}, "expected a mapping, got the number 1"),
        (f"{ROUTE}.match", "/", "expected a mapping, got the text '/'"),
        (f"{CLUSTER}.hosts", ["127.0.0.1:80"], "expected a mapping, got the text '127.0.0.1:80'"),
        (f"{CLUSTER}.conn_buffer_limit_bytes", "1 PiB", 'not a size: \'1 PiB\' (write a number of bytes, or "64KiB", "1MiB")'),
        (f"{CLUSTER}.lbconfig", {"active_request_bias": float("inf")}, "not a finite number"),
        ("servers[0].processor", "many", "not a number of workers: 'many' (write a number, or \"auto\" for one per core)"),
        ("servers[0].processor", -1, "-1 is out of range (at least 0)"),
        ("servers[0].mosn_server_name", "\ud800", "text that is not valid Unicode"),
        ("pid", 7, "expected text, got the number 7 (put it in quotes)"),
    ],
)
def test_wrong_type(path: str, value: object, line: str, change: Change, errors: Lines) -> None:
    (found,) = errors(change(path, value))
    where, _, what = found.partition(": ")
    assert where.startswith(path)
    assert what == line


def test_all_findings_at_once(base: dict[str, Any], errors: Lines) -> None:
    listener = base["servers"][0]["listeners"][0]
    listener["max_connections"] = "many"
    listener["connection_idle_timeout"] = "soon"
    listener["stream_filters"] = [{"type": "fault", "timeout": 5}, "auth", {"type": "b", "match": {"methods": [1]}}]
    base["servers"][0]["routers"][0]["virtual_hosts"][0]["routers"][0]["route"]["cluster_name"] = "nope"
    base["unheard_of"] = 1
    assert errors(base) == [
        "unheard_of: unknown key",
        f'{L}.stream_filters[0].timeout: a duration needs a unit: 5 (write "5s" for seconds or "5ms" for milliseconds)',
        f"{L}.stream_filters[1]: expected a mapping, got the text 'auth'",
        f"{L}.stream_filters[2].match.methods[0]: expected text, got the number 1 (put it in quotes)",
        f'{L}.connection_idle_timeout: not a duration: \'soon\' (write it like "1s", "150ms" or "1m30s"; units are ns, us, ms, s, m, h)',
        f"{L}.max_connections: expected a whole number, got the text 'many'",
        f"not supported yet: {L}.stream_filters[0].type (stream filter 'fault')",
        f"{L}.stream_filters[2].match: has no condition (remove it to match every request)",
        f"{ROUTE}.route.cluster_name: no cluster 'nope' (known: c)",
    ]


@pytest.mark.parametrize("value", [None, 1, "text", [], [{}], True])
def test_not_a_mapping(value: object, errors: Lines) -> None:
    assert errors(value) == ["a configuration is a mapping of keys to values"]


def test_wrong_types_in_a_proxy_filter(change: Change, errors: Lines) -> None:
    path = f"{L}.filter_chains[0].filters[0].config"
    config = {"downstream_protocol": "Http1", "router_config_name": "r", "extend_config": {"Http1": {"header_timeout": 5, "via": "no"}}}
    assert errors(change(path, config)) == [
        f'{path}.extend_config.Http1.header_timeout: a duration needs a unit: 5 (write "5s" for seconds or "5ms" for milliseconds)',
        f"{path}.extend_config.Http1.via: expected true or false, got the text 'no'",
    ]


def test_units_and_names_are_read(base: dict[str, Any]) -> None:
    server = base["servers"][0]
    server |= {"processor": "AUTO", "graceful_timeout": "1m30s", "default_log_level": "debug"}
    base["cluster_manager"]["clusters"][0]["conn_buffer_limit_bytes"] = "64KiB"
    config = parse(base).config
    assert config.servers[0].processor == 0
    assert config.servers[0].graceful_timeout == 90.0
    assert config.servers[0].default_log_level == "DEBUG"
    assert config.cluster_manager.clusters[0].conn_buffer_limit_bytes == 65536
    server["processor"] = "4"
    assert parse(base).config.servers[0].processor == 4


def test_old_switch_for_original_destinations(change: Change, errors: Lines) -> None:
    assert errors(change(f"{L}.use_original_dst", True)) == [f"not supported yet: {L}.use_original_dst (transparent proxying)"]
    assert errors(change(f"{L}.use_original_dst", False)) == []
    (line,) = errors(change(f"{L}.use_original_dst", "reverse"))
    assert line.startswith(f"{L}.use_original_dst: ")


def test_what_is_cut_out_keeps_the_places_of_the_rest(base: dict[str, Any]) -> None:
    base["cluster_manager"]["clusters"].insert(0, "nonsense")
    base["cluster_manager"]["clusters"].append({"name": "d", "type": "EDS"})
    found = examine(base)
    assert [error.path for error in found.errors] == ["cluster_manager.clusters[0]", "cluster_manager.clusters[2].type"]
    assert found.config is not None
    assert [cluster.name for cluster in found.config.cluster_manager.clusters] == ["", "c", "d"]
