"""Checks of a router's domains (MOSN reference 3.5): ``host:port``, ``host``, ``*.suffix``, ``*.suffix:port``, ``*``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from headgate.config.findings import Findings, shown
from headgate.config.models import VirtualHostConfig

_DOMAIN: Final = re.compile(r"(?:\*?[A-Za-z0-9._\-]*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?\Z")


def validate_domains(hosts: Sequence[VirtualHostConfig], path: str, findings: Findings) -> None:
    """Well-formed domains, none of which stands twice in a router, in any case.

    :param path: path of the list of virtual hosts
    """
    seen: dict[str, str] = {}
    for i, host in enumerate(hosts):
        if not host.domains and "domains" in host.model_fields_set:
            findings.error(f"{path}[{i}].domains", "needs a domain", '"*" is every one')
        for j, domain in enumerate(host.domains):
            item = f"{path}[{i}].domains[{j}]"
            key = domain.lower()
            if key in seen:
                findings.error(item, f"domain {shown(domain)} stands twice in this router", f"the other is {seen[key]}")
                continue
            seen[key] = item
            _validate_domain(domain, item, findings)


def _validate_domain(domain: str, path: str, findings: Findings) -> None:
    match = _DOMAIN.match(domain)
    if domain and match is not None:
        port = match["port"]
        if port is not None and not 0 < int(port) <= 65535:
            findings.error(path, f"not a port: {shown(port)}", "a port is a number from 1 to 65535")
        return
    hint = ""
    if "://" in domain or "/" in domain:
        hint = "a domain has no scheme and no path"
    elif "*" in domain:
        hint = 'an asterisk can only stand first, as in "*.example.com"'
    findings.error(path, f"not a domain: {shown(domain)}", hint)
