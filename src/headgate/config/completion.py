"""Fills in what depends on other keys or on where the file lies, after the models are built.

- a listener's name defaults to the text of its address;
- empty texts that mean a default become that default;
- a ``route`` without a target beside ``redirect`` or ``direct_response`` is none: MOSN's own dumps write one for every route;
- relative paths are made absolute, from the folder of the configuration file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from headgate.config.models import HeadgateConfig, ListenerConfig, RouteActionConfig, RouteConfig, ServerConfig

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
    for server in config.servers:
        _complete_server(server, base)
    for cluster in config.cluster_manager.clusters:
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
    for router in server.routers:
        for virtual_host in router.virtual_hosts:
            for route in virtual_host.routers:
                _complete_route(route)


def _complete_listener(listener: ListenerConfig, base: Path) -> None:
    listener.name = listener.name or listener.address
    if listener.network == "unix":
        listener.address = _absolute(listener.address.removeprefix("unix:"), base)
    for log in listener.access_logs:
        log.log_path = _log_path(log.log_path, base)


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
