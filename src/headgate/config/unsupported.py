"""Tells what a configuration asks for that is known and not implemented so far.

Single keys stand in ``support_table.py``; here is what hangs on a value or on several keys, and the walk that applies both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from headgate.config import mosn_names
from headgate.config.findings import Findings, join, nearest, shown
from headgate.config.models import (
    ClusterConfig,
    CodecConfig,
    ConfigModel,
    ExtendEntryConfig,
    HeadgateConfig,
    ListenerConfig,
    ListenerFilterConfig,
    NetworkFilterConfig,
    PprofConfig,
    ProxyConfig,
    RouteActionConfig,
    StreamFilterConfig,
    TracingConfig,
    VirtualHostConfig,
)
from headgate.config.proxies import ProxyEntry
from headgate.config.support_table import SUPPORT
from headgate.config.walk import walk

ModelT = TypeVar("ModelT", bound=ConfigModel)
_Check = Callable[[ConfigModel, str, Findings], None]
_CHECKS: Final[dict[type[ConfigModel], _Check]] = {}


def check_support(config: HeadgateConfig, proxies: Sequence[ProxyEntry], findings: Findings) -> None:
    """Add an error or a warning for everything that is asked for and not supported.

    :param proxies: the configuration's ``proxy`` network filters
    """
    _check_tree(config, "", findings)
    for entry in proxies:
        _check_tree(entry.config, entry.path, findings)


def _check_tree(root: ConfigModel, root_path: str, findings: Findings) -> None:
    for path, model in walk(root, root_path):
        kind = type(model)
        rules = SUPPORT.get(kind)
        if rules is not None:
            given = model.model_fields_set
            for attribute in rules:
                if attribute in given and getattr(model, attribute):
                    _apply(kind, attribute, path, findings)
        check = _CHECKS.get(kind)
        if check is not None:
            check(model, path, findings)


def _apply(kind: type[ConfigModel], attribute: str, path: str, findings: Findings) -> None:
    support = SUPPORT[kind][attribute]
    key_path = join(path, kind.model_fields[attribute].serialization_alias or attribute)
    if support.refused:
        findings.unsupported(key_path, support.note)
    else:
        findings.warn(key_path, "no effect", support.note)


def _check(kind: type[ModelT]) -> Callable[[Callable[[ModelT, str, Findings], None]], None]:
    """Register what is to be checked on every model of a kind."""

    def register(function: Callable[[ModelT, str, Findings], None]) -> None:
        def narrowed(model: ConfigModel, path: str, findings: Findings) -> None:
            assert isinstance(model, kind)
            function(model, path, findings)

        _CHECKS[kind] = narrowed

    return register


@_check(ExtendEntryConfig)
def _extend(entry: ExtendEntryConfig, path: str, findings: Findings) -> None:
    findings.unsupported(path, entry.type)


@_check(CodecConfig)
def _codec(codec: CodecConfig, path: str, findings: Findings) -> None:
    if codec.enable:
        findings.unsupported(path, "codecs from outside")


@_check(TracingConfig)
def _tracing(tracing: TracingConfig, path: str, findings: Findings) -> None:
    if tracing.enable:
        findings.warn(path, "no effect", "tracing is not supported yet")


@_check(PprofConfig)
def _pprof(pprof: PprofConfig, path: str, findings: Findings) -> None:
    if pprof.debug:
        findings.warn(path, "no effect", "it profiles Go programs")


@_check(ListenerConfig)
def _listener(listener: ListenerConfig, path: str, findings: Findings) -> None:
    if listener.network == "udp":
        findings.unsupported(join(path, "network"), "udp")


@_check(ListenerFilterConfig)
def _listener_filter(entry: ListenerFilterConfig, path: str, findings: Findings) -> None:
    findings.unsupported(join(path, "type"), f"listener filter {entry.type!r}")


@_check(NetworkFilterConfig)
def _network_filter(entry: NetworkFilterConfig, path: str, findings: Findings) -> None:
    if entry.type in mosn_names.NETWORK_FILTERS:
        findings.unsupported(join(path, "type"), f"network filter {entry.type!r}")


@_check(StreamFilterConfig)
def _stream_filter(entry: StreamFilterConfig, path: str, findings: Findings) -> None:
    if entry.go_plugin_config is None and entry.type in mosn_names.STREAM_FILTERS:
        findings.unsupported(join(path, "type"), f"stream filter {entry.type!r}")


@_check(ProxyConfig)
def _proxy(proxy: ProxyConfig, path: str, findings: Findings) -> None:
    _downstream_protocol(proxy, join(path, "downstream_protocol"), findings)
    if proxy.upstream_protocol not in ("", "Auto", proxy.downstream_protocol):
        findings.warn(join(path, "upstream_protocol"), "no effect", "MOSN ignores it too; a route's 'upstream_protocol' counts")
    if proxy.router_handler_name not in ("", "default"):
        findings.unsupported(join(path, "router_handler_name"), "router handlers")


def _downstream_protocol(proxy: ProxyConfig, path: str, findings: Findings) -> None:
    for name in (part.strip() for part in proxy.downstream_protocol.split(",")):
        if name == "Http1":
            continue
        if name == "Auto":
            findings.warn(path, "only HTTP/1.1 is detected so far", "connections of other protocols are closed")
        elif name in mosn_names.PROTOCOLS:
            sub_protocol = proxy.extend_config.sub_protocol
            findings.unsupported(path, f"protocol {sub_protocol if name == 'X' and sub_protocol else name}")
        elif proxy.downstream_protocol:
            findings.error(path, f"unknown protocol {shown(name)}", nearest(name, mosn_names.PROTOCOLS) or "known: Http1, Auto")


@_check(VirtualHostConfig)
def _virtual_host(host: VirtualHostConfig, path: str, findings: Findings) -> None:
    # MOSN reads the key and lets plain text through all the same; whoever writes it does not mean that.
    if host.require_tls.upper() not in ("", "NONE", "ALL"):
        findings.unsupported(join(path, "require_tls"), "any other value than NONE and ALL")


@_check(RouteActionConfig)
def _route_action(action: RouteActionConfig, path: str, findings: Findings) -> None:
    name = action.upstream_protocol
    if name not in ("", "Http1", "Auto"):
        key = join(path, "upstream_protocol")
        if name in mosn_names.PROTOCOLS:
            findings.unsupported(key, f"protocol {name}")
        else:
            findings.error(key, f"unknown protocol {shown(name)}", nearest(name, mosn_names.PROTOCOLS) or "known: Http1")


@_check(ClusterConfig)
def _cluster(cluster: ClusterConfig, path: str, findings: Findings) -> None:
    if cluster.type not in mosn_names.SUPPORTED_CLUSTER_TYPES:
        key = join(path, "type")
        if cluster.type in mosn_names.CLUSTER_TYPES:
            findings.unsupported(key, f"clusters of type {cluster.type}")
        else:
            findings.error(key, f"unknown cluster type {shown(cluster.type)}", nearest(cluster.type, mosn_names.CLUSTER_TYPES))
    if cluster.lb_type in mosn_names.UNSUPPORTED_LB_TYPES:
        findings.unsupported(join(path, "lb_type"), cluster.lb_type)
    _cluster_health(cluster, path, findings)


def _cluster_health(cluster: ClusterConfig, path: str, findings: Findings) -> None:
    if cluster.health_check is not None:
        if cluster.health_check.service_name:
            findings.unsupported(join(path, "health_check"))
        else:
            findings.warn(join(path, "health_check"), "no effect", "it is off without 'service_name', as in MOSN")
    if cluster.slow_start is not None and cluster.slow_start.mode and cluster.slow_start.slow_start_duration:
        findings.unsupported(join(path, "slow_start"))
    if cluster.lb_subset_config is not None and cluster.lb_subset_config.subset_selectors:
        findings.unsupported(join(path, "lb_subset_config"), "subsets of hosts")
    if cluster.spec is not None and cluster.spec.subscribe:
        findings.unsupported(join(path, "spec", "subscribe"), "registries")
