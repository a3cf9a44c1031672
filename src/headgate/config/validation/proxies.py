"""Checks of the ``proxy`` network filters, and what they tell about routers."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.config.findings import Findings, NameHints, shown
from headgate.config.models import Http1Config, RouterConfig
from headgate.config.proxies import ProxyEntry
from headgate.config.validation.texts import check_positive


def filters_by_router(proxies: Sequence[ProxyEntry]) -> dict[str, set[str]]:
    """For each router that a proxy uses, the types and names of the stream filters that its requests go through."""
    found: dict[str, set[str]] = {}
    for entry in proxies:
        filters = found.setdefault(entry.config.router_config_name, set())
        for stream_filter in entry.listener.stream_filters:
            filters.update(name for name in (stream_filter.type, stream_filter.name) if name)
            if stream_filter.canary is not None:
                filters.add(f"{stream_filter.name or stream_filter.type}@canary")
    return found


def validate_proxies(proxies: Sequence[ProxyEntry], routers: Sequence[RouterConfig], findings: Findings) -> None:
    """The router that each names, and the limits of HTTP/1.1."""
    known = {router.router_config_name for router in routers}
    hints = NameHints(known)
    for entry in proxies:
        name = entry.config.router_config_name
        if name and name not in known:
            findings.error(f"{entry.path}.router_config_name", f"no router {shown(name)}", hints.hint(name))
        _validate_http1(entry.config.extend_config.http1, f"{entry.path}.extend_config.Http1", findings)


def _validate_http1(http1: Http1Config, path: str, findings: Findings) -> None:
    for key in ("max_header_size", "max_header_count", "max_target_length", "write_high_watermark"):
        if getattr(http1, key) == 0:
            findings.error(f"{path}.{key}", "must be more than 0", "it cannot be without a limit")
    check_positive(http1.header_timeout, f"{path}.header_timeout", findings)
    check_positive(http1.body_idle_timeout, f"{path}.body_idle_timeout", findings)
