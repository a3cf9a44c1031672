"""Fills in what depends on other keys or on where the file lies, after the models are built.

- a listener's name defaults to the text of its address;
- empty texts that mean a default become that default;
- a filter's canary gets what it does not say of itself from its entry;
- a ``route`` without a target beside ``redirect`` or ``direct_response`` is none: MOSN's own dumps write one for every route;
- relative paths, those of certificates included, are made absolute, from the folder of the configuration file; so is the
  program of a plugin that is a file there.
"""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path
from typing import Final

from headgate.config.certificates import is_pem
from headgate.config.lua_paths import complete_lua_scripts
from headgate.config.models import (
    HeadgateConfig,
    ListenerConfig,
    ProcessPluginConfig,
    RouteActionConfig,
    RouteConfig,
    ServerConfig,
    StreamFilterConfig,
    TlsContextConfig,
)
from headgate.config.wasm_plugins import complete_wasm_filter, insert_wasm_plugins

_STREAMS: Final = frozenset({"stdout", "stderr"})
_MODULE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
DEFAULT_TIMEOUT: Final = 60.0
"""Seconds of a route's ``timeout`` where it is 0 (MOSN's global timeout)."""


def complete(config: HeadgateConfig, base: Path) -> None:
    """Fill in, in place.

    :param base: folder of the configuration file, absolute
    """
    config.extensions = [entry if is_module_name(entry) else _absolute(entry, base) for entry in config.extensions]
    config.control_socket = _absolute(config.control_socket, base)
    config.pid = _absolute(config.pid, base)
    if config.plugin is not None:
        config.plugin.log_base = _absolute(config.plugin.log_base, base)
    for plugin in config.plugins:
        _complete_plugin(plugin, base)
    for server in config.servers:
        for listener in server.listeners:
            for entry in listener.stream_filters:
                _complete_canary(entry)
    insert_wasm_plugins(config)
    for server in config.servers:
        _complete_server(server, base)
    _complete_tls(config.cluster_manager.tls_context, base)
    for cluster in config.cluster_manager.clusters:
        _complete_tls(cluster.tls_context, base)
        cluster.type = cluster.type or "SIMPLE"
        cluster.lb_type = cluster.lb_type or "LB_ROUNDROBIN"
        for host in cluster.hosts:
            if host.address.startswith("unix:"):
                host.address = f"unix:{_absolute(host.address.removeprefix('unix:'), base)}"


def is_module_name(entry: str) -> bool:
    """Whether an entry of ``extensions`` is a module's dotted name; otherwise it is a path."""
    return _MODULE.match(entry) is not None and not entry.endswith(".py")


def has_target(action: RouteActionConfig) -> bool:
    """Whether a ``route`` says where to forward to."""
    return bool(action.cluster_name or action.cluster_variable or action.weighted_clusters or action.cluster_header)


def _complete_server(server: ServerConfig, base: Path) -> None:
    server.default_log_path = _log_path(server.default_log_path, base)
    server.default_log_level = server.default_log_level.upper() or "INFO"
    for listener in server.listeners:
        _complete_listener(listener, base)
    complete_lua_scripts(server, base)
    for router in server.routers:
        for virtual_host in router.virtual_hosts:
            for route in virtual_host.routers:
                _complete_route(route)


def _complete_listener(listener: ListenerConfig, base: Path) -> None:
    listener.name = listener.name or listener.address
    if listener.network == "unix":
        listener.address = _absolute(listener.address.removeprefix("unix:"), base)
    for chain in listener.filter_chains:
        for context in (chain.tls_context, *chain.tls_context_set):
            _complete_tls(context, base)
    for entry in listener.stream_filters:
        entry.path = _absolute(entry.path, base)
        if entry.go_plugin_config is not None:
            entry.go_plugin_config.so_path = _absolute(entry.go_plugin_config.so_path, base)
        if entry.canary is not None:
            entry.canary.path = _absolute(entry.canary.path, base)
    for log in listener.access_logs:
        log.log_path = _log_path(log.log_path, base)
    for entry in listener.stream_filters:
        for version in entry.versions:
            complete_wasm_filter(version, base)


def _complete_canary(entry: StreamFilterConfig) -> None:
    canary = entry.canary
    if canary is None:
        return
    if not canary.type:
        canary.type = entry.registered_type
        canary.path = canary.path or entry.file
        canary.factory = canary.factory or entry.export
    if canary.config is None:
        canary.config = copy.deepcopy(entry.config)
    canary.isolation = canary.isolation or entry.isolation


def _complete_plugin(plugin: ProcessPluginConfig, base: Path) -> None:
    plugin.log = plugin.log.upper()
    plugin.cwd = _absolute(plugin.cwd or ".", base)
    if not plugin.command:
        plugin.command = [_absolute(plugin.name, base)]
    elif plugin.command[0] and ("/" in plugin.command[0] or _is_file(base / plugin.command[0])):
        plugin.command[0] = _absolute(plugin.command[0], base)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a zero byte in the path, or a path that is too long
        return False


def _complete_tls(context: TlsContextConfig | None, base: Path) -> None:
    if context is None:
        return
    for key in ("ca_cert", "cert_chain", "private_key"):
        value = getattr(context, key)
        if value and not is_pem(value):
            setattr(context, key, _absolute(value, base))


def _complete_route(route: RouteConfig) -> None:
    action = route.route
    if action is None:
        return
    if (route.redirect is not None or route.direct_response is not None) and not has_target(action):
        route.route = None
    elif action.timeout == 0:
        action.timeout = DEFAULT_TIMEOUT


def _log_path(path: str, base: Path) -> str:
    if not path:
        return "stdout"
    return path if path in _STREAMS else _absolute(path, base)


def _absolute(path: str, base: Path) -> str:
    return os.path.normpath(base / path) if path else path
