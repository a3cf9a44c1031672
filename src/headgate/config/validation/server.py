"""Checks of the top level and of the server's own keys."""

from __future__ import annotations

import ipaddress
import os
from typing import Final

from headgate.config.addresses import AddressError, parse_unix_address
from headgate.config.completion import is_module_name
from headgate.config.findings import Findings, nearest, shown
from headgate.config.models import AdminConfig, HeadgateConfig, WatchdogConfig
from headgate.config.validation.texts import check_positive

LOG_LEVELS: Final = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")


def validate_server(config: HeadgateConfig, findings: Findings) -> None:
    """The top level, the admin server, the watchdog, the server's log level."""
    count = len(config.servers)
    from_control_plane = bool(config.dynamic_resources or config.static_resources)
    if count > 1 or (count == 0 and not from_control_plane):
        findings.error("servers", f"needs exactly one server, has {count or 'none'}")
    for i, server in enumerate(config.servers):
        path = f"servers[{i}]"
        if server.default_log_level not in LOG_LEVELS:
            hint = nearest(server.default_log_level, LOG_LEVELS) or "known: " + ", ".join(LOG_LEVELS)
            findings.error(f"{path}.default_log_level", f"unknown log level {shown(server.default_log_level)}", hint)
    _validate_extensions(config.extensions, findings)
    _validate_watchdog(config.watchdog, findings)
    if config.admin is not None:
        _validate_admin(config.admin, findings)
    if config.control_socket:
        try:
            parse_unix_address(config.control_socket)
        except AddressError as error:
            findings.error("control_socket", str(error), error.hint)


def _validate_extensions(extensions: list[str], findings: Findings) -> None:
    for i, entry in enumerate(extensions):
        path = f"extensions[{i}]"
        if not entry.strip():
            findings.error(path, "empty", "name a module, a file or a folder")
        elif entry in extensions[:i]:
            findings.error(path, f"{entry} stands twice")
        elif not is_module_name(entry) and not _exists(entry):
            findings.error(path, f"no such file or folder: {entry}")


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:  # a zero byte in the path
        return False


def _validate_watchdog(watchdog: WatchdogConfig, findings: Findings) -> None:
    check_positive(watchdog.warn_after, "watchdog.warn_after", findings)
    if watchdog.kill_after < watchdog.warn_after:
        findings.error("watchdog.kill_after", "shorter than 'warn_after'")


def _validate_admin(admin: AdminConfig, findings: Findings) -> None:
    path = "admin.address.socket_address.address"
    address = admin.address.socket_address.address
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        findings.error(path, f"not an IP address: {shown(address)}", "write 127.0.0.1 for this machine only")
        return
    if not loopback:
        findings.warn(path, f"the admin server has no authentication, and {address} is open to other machines", "use 127.0.0.1")
