"""What MOSN knows and this version does not do: refused, or, where that changes nothing, a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headgate.config import mosn_names
from headgate.config.models import ConfigModel
from headgate.config.support_table import SUPPORT, SUPPORT_BY_VALUE

Change = Callable[[str, object], dict[str, Any]]
Lines = Callable[..., list[str]]

L = "servers[0].listeners[0]"
CHAIN = f"{L}.filter_chains[0]"
PROXY = f"{CHAIN}.filters[0].config"
HOST = "servers[0].routers[0].virtual_hosts[0]"
ROUTE = f"{HOST}.routers[0]"
CLUSTER = "cluster_manager.clusters[0]"


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (f"{CHAIN}.filters", [{"type": "tcp_proxy"}], f"{CHAIN}.filters[0].type (network filter 'tcp_proxy')"),
        (f"{L}.listener_filters", [{"type": "original_dst"}], f"{L}.listener_filters[0].type (listener filter 'original_dst')"),
        (f"{L}.use_original_dst", "tproxy", f"{L}.use_original_dst (transparent proxying)"),
        (f"{L}.network", "udp", f"{L}.network (udp)"),
        (f"{L}.address", "localhost:80", f"{L}.address (host name 'localhost'; write an IP address: 127.0.0.1:80)"),
        (f"{PROXY}.downstream_protocol", "Http2", f"{PROXY}.downstream_protocol (protocol Http2)"),
        (f"{PROXY}.downstream_protocol", "Http1,bolt", f"{PROXY}.downstream_protocol (protocol bolt)"),
        (f"{PROXY}.fallback_for_unknown_protocol", True, f"{PROXY}.fallback_for_unknown_protocol (protocol detection)"),
        (f"{PROXY}.router_handler_name", "mine", f"{PROXY}.router_handler_name (router handlers)"),
        (f"{HOST}.require_tls", "EXTERNAL_ONLY", f"{HOST}.require_tls (any other value than NONE and ALL)"),
        (f"{ROUTE}.request_mirror_policies", {"cluster": "c", "percent": 5}, f"{ROUTE}.request_mirror_policies (mirroring)"),
        (f"{ROUTE}.match", {"dsl_expressions": [{"expression": "true"}]}, f"{ROUTE}.match.dsl_expressions (MOSN's expression language)"),
        (f"{ROUTE}.route.upstream_protocol", "bolt", f"{ROUTE}.route.upstream_protocol (protocol bolt)"),
        (f"{ROUTE}.route.hash_policy", [{"source_ip": {}}], f"{ROUTE}.route.hash_policy (consistent hashing)"),
        (f"{ROUTE}.route.metadata_match", {"filter_metadata": {}}, f"{ROUTE}.route.metadata_match (subsets of hosts)"),
        (f"{ROUTE}.route.auto_host_rewrite", True, f"{ROUTE}.route.auto_host_rewrite"),
        (f"{ROUTE}.route.auto_host_rewrite_header", "x-host", f"{ROUTE}.route.auto_host_rewrite_header"),
        (f"{CLUSTER}.type", "STRICT_DNS", f"{CLUSTER}.type (clusters of type STRICT_DNS)"),
        (f"{CLUSTER}.lb_type", "LB_MAGLEV", f"{CLUSTER}.lb_type (LB_MAGLEV)"),
        (f"{CLUSTER}.health_check", {"service_name": "c"}, f"{CLUSTER}.health_check"),
        (f"{CLUSTER}.slow_start", {"mode": "duration", "slow_start_duration": "1s"}, f"{CLUSTER}.slow_start"),
        (f"{CLUSTER}.lb_subset_config", {"subset_selectors": [["zone"]]}, f"{CLUSTER}.lb_subset_config (subsets of hosts)"),
        (f"{CLUSTER}.spec", {"subscribe": [{"subscriber": "x"}]}, f"{CLUSTER}.spec.subscribe (registries)"),
        (f"{CLUSTER}.mark", 5, f"{CLUSTER}.mark (SO_MARK on upstream sockets)"),
        (f"{CLUSTER}.hosts[0].address", "backend:80", f"{CLUSTER}.hosts[0].address (host name 'backend'; write an IP address)"),
        ("extends", [{"type": "dubbo_registry"}], "extends[0] (dubbo_registry)"),
        ("third_part_codec", {"codecs": [{"enable": False}, {"enable": True}]}, "third_part_codec.codecs[1] (codecs from outside)"),
        ("dynamic_resources", {"ads_config": {}}, "dynamic_resources (control planes over xDS)"),
        ("static_resources", {"clusters": []}, "static_resources (Envoy's static resources)"),
        ("layered_runtime", {"layers": []}, "layered_runtime (Envoy's runtime layers)"),
    ],
)
def test_refused(path: str, value: object, line: str, change: Change, errors: Lines) -> None:
    assert errors(change(path, value)) == [f"not supported yet: {line}"]


def test_weighted_clusters_by_metadata(change: Change, errors: Lines) -> None:
    target = {"name": "c", "weight": 1, "metadata_match": {"filter_metadata": {}}}
    change(f"{ROUTE}.route", {"weighted_clusters": [{"cluster": target}]})
    config = change("pid", "")
    assert errors(config) == [f"not supported yet: {ROUTE}.route.weighted_clusters[0].cluster.metadata_match (subsets of hosts)"]


def test_cluster_by_header(change: Change, errors: Lines) -> None:
    assert errors(change(f"{ROUTE}.route", {"cluster_header": "x-cluster"})) == [
        f"not supported yet: {ROUTE}.route.cluster_header (use 'cluster_variable' with request_header_<name>)"
    ]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (f"{PROXY}.downstream_protocol", "Auto", "only HTTP/1.1 is detected so far (connections of other protocols are closed)"),
        (f"{PROXY}.upstream_protocol", "Http2", "no effect (MOSN ignores it too; a route's 'upstream_protocol' counts)"),
        (f"{PROXY}.concurrency_num", 5, "no effect (a setting of MOSN's goroutines)"),
        (f"{PROXY}.extend_config", {"Http2": {"http2_use_stream": True}}, "no effect (only HTTP/1.1 is spoken so far)"),
        (f"{L}.log_path", "stdout", "no effect (MOSN no longer reads it; use 'access_logs')"),
        (f"{L}.default_read_buffer_size", 1024, "no effect (a setting of MOSN's network layer)"),
        (f"{L}.bind_port", False, None),
        (f"{CHAIN}.match", "x", "no effect (MOSN does not use it either)"),
        (f"{CLUSTER}.health_check", {"protocol": "Http1"}, "no effect (it is off without 'service_name', as in MOSN)"),
        (f"{CLUSTER}.keepalive", {"interval": "1s"}, "no effect (heartbeats belong to RPC protocols)"),
        (f"{CLUSTER}.dns_lookup_family", "V4_ONLY", "no effect (only clusters of type STRICT_DNS use it)"),
        (f"{CLUSTER}.cluster_pool_enable", True, "no effect (connections are kept for each host of each cluster)"),
        (f"{CLUSTER}.circuit_breakers", [{}, {}], "only the first entry counts (as in MOSN)"),
        (f"{CLUSTER}.hosts", [], "there are none (every request to this cluster is answered with 502)"),
        ("servers[0].global_log_roller", "time=1", "no effect (log files are rotated from outside, by signal)"),
        ("servers[0].use_netpoll_mode", True, "no effect (a setting of MOSN's network layer)"),
        ("tracing", {"enable": True}, "no effect (tracing is not supported yet)"),
        ("pprof", {"debug": True}, "no effect (it profiles Go programs)"),
        ("metrics", {"shm_zone": "z"}, "no effect (there is no hot upgrade yet)"),
        (
            "metrics",
            {"sinks": [{"type": "prometheus"}]},
            "no effect (metrics are served in Prometheus form at /metrics of the admin server)",
        ),
        ("uds_dir", "/tmp", "no effect (there is no hot upgrade yet)"),
        ("inherit_old_mosnconfig", True, "no effect (there is no hot upgrade yet)"),
        ("node", {"id": "a"}, "no effect (control planes over xDS are not supported yet)"),
        (
            "admin",
            {"address": {"socket_address": {"address": "0.0.0.0", "port_value": 1}}},
            "the admin server has no authentication, and 0.0.0.0 is open to other machines (use 127.0.0.1)",
        ),
    ],
)
def test_warned_of(path: str, value: object, line: str | None, change: Change, errors: Lines, warnings: Lines) -> None:
    config = change(path, value)
    assert errors(config) == []
    (found,) = warnings(config)
    where, _, what = found.partition(": ")
    if line is None:
        assert found.startswith(f"{L}: 'bind_port' is false")
    else:
        assert where.startswith(path)
        assert what == line


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{CHAIN}.tls_context", {}),
        (f"{CHAIN}.tls_context", {"status": False, "cert_chain": "a.pem"}),
        (f"{CHAIN}.tls_context_set", [{}]),
        (f"{PROXY}.upstream_protocol", "Http1"),
        (f"{PROXY}.upstream_protocol", "Auto"),
        (f"{PROXY}.router_handler_name", "default"),
        (f"{ROUTE}.route.upstream_protocol", "Http1"),
        (f"{HOST}.require_tls", "NONE"),
        (f"{HOST}.require_tls", "ALL"),
        (f"{CLUSTER}.slow_start", {"aggression": 2.0}),
        (f"{CLUSTER}.type", ""),
        (f"{CLUSTER}.lb_type", ""),
        (f"{CLUSTER}.lb_type", "my_own_balancer"),
        (f"{CLUSTER}.sub_type", "label"),
        (f"{L}.stream_filters", [{"type": "my_own_filter"}]),
        (f"{CHAIN}.filters", [{"type": "my_own_network_filter", "config": {"a": 1}}]),
        ("tracing", {"enable": False}),
        ("pprof", {"debug": False}),
        ("disable_upgrade", True),
        ("third_part_codec", {"codecs": [{"enable": False}]}),
    ],
)
def test_nothing_to_say(path: str, value: object, change: Change, errors: Lines, warnings: Lines) -> None:
    config = change(path, value)
    assert errors(config) == []
    assert warnings(config) == []


@pytest.mark.parametrize("name", sorted(mosn_names.STREAM_FILTERS))
def test_every_stream_filter_of_mosn_is_known(name: str, change: Change, errors: Lines) -> None:
    assert errors(change(f"{L}.stream_filters", [{"type": name}])) == [
        f"not supported yet: {L}.stream_filters[0].type (stream filter {name!r})"
    ]


@pytest.mark.parametrize("name", sorted(mosn_names.NETWORK_FILTERS))
def test_every_network_filter_of_mosn_is_known(name: str, change: Change, errors: Lines) -> None:
    assert errors(change(f"{CHAIN}.filters", [{"type": name}])) == [f"not supported yet: {CHAIN}.filters[0].type (network filter {name!r})"]


def test_unknown_protocols(change: Change, errors: Lines) -> None:
    assert errors(change(f"{PROXY}.downstream_protocol", "http1")) == [
        f"{PROXY}.downstream_protocol: unknown protocol 'http1' (did you mean 'Http1'?)"
    ]
    change(f"{PROXY}.downstream_protocol", "Http1")
    assert errors(change(f"{ROUTE}.route.upstream_protocol", "gopher")) == [
        f"{ROUTE}.route.upstream_protocol: unknown protocol 'gopher' (known: Http1)"
    ]


@pytest.mark.parametrize("table", [SUPPORT, SUPPORT_BY_VALUE], ids=["by key", "by value"])
def test_the_tables_name_keys_that_exist(table: dict[type[ConfigModel], dict[str, object]]) -> None:
    for model, rows in table.items():
        assert set(rows) <= set(model.model_fields), model
