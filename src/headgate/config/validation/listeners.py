"""Checks of listeners and their filters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from headgate.config.addresses import AddressError, HostNameError, SocketAddress, parse_tcp_address, parse_unix_address
from headgate.config.findings import Findings, shown
from headgate.config.models import CanaryConfig, FilterChainConfig, ListenerConfig, StreamFilterConfig, StreamFilterMatchConfig
from headgate.config.validation.texts import check_header_matches, check_positive, check_unique

_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Z]+\Z")


def validate_listeners(listeners: Sequence[ListenerConfig], path: str, findings: Findings) -> None:
    """Names and addresses that are unique, one filter chain each, sensible stream filters.

    :param path: path of the list
    """
    check_unique([listener.name for listener in listeners], path, "name", "listener", findings)
    taken: dict[SocketAddress, str] = {}
    for i, listener in enumerate(listeners):
        item = f"{path}[{i}]"
        address = _address(listener, f"{item}.address", findings)
        if address is not None and listener.bind_port and (address.port or address.path):
            if address in taken:
                findings.error(f"{item}.address", f"{listener.address} is taken", f"by {taken[address]}")
            taken.setdefault(address, item)
        if not listener.bind_port:
            findings.warn(item, "'bind_port' is false: it opens no socket and nothing reaches it", 'write "bind_port": true')
        check_positive(listener.connection_idle_timeout, f"{item}.connection_idle_timeout", findings)
        _validate_chains(listener.filter_chains, f"{item}.filter_chains", findings)
        _validate_stream_filters(listener.stream_filters, f"{item}.stream_filters", findings)


def _address(listener: ListenerConfig, path: str, findings: Findings) -> SocketAddress | None:
    if not listener.address:
        return None  # told as a missing key
    try:
        if listener.network == "unix":
            return parse_unix_address(listener.address)
        if listener.address.startswith(("/", "./", "../", "unix:")):
            findings.error(path, f"not an ip:port: {shown(listener.address)}", 'a unix socket needs "network": "unix"')
            return None
        return parse_tcp_address(listener.address)
    except HostNameError as error:
        findings.unsupported(path, f"{error}; {error.hint}")
    except AddressError as error:
        findings.error(path, str(error), error.hint)
    return None


def _validate_chains(chains: Sequence[FilterChainConfig], path: str, findings: Findings) -> None:
    if len(chains) != 1:
        findings.error(path, f"needs exactly one filter chain, has {len(chains) or 'none'}")
    for i, chain in enumerate(chains):
        if not chain.filters:
            findings.error(f"{path}[{i}].filters", "needs a network filter", 'such as one of type "proxy"')
        if chain.tls_context is not None and chain.tls_context_set:
            findings.error(f"{path}[{i}].tls_context_set", "given beside 'tls_context'", "only one of them can be")


def _validate_stream_filters(entries: Sequence[StreamFilterConfig], path: str, findings: Findings) -> None:
    check_unique([entry.name for entry in entries], path, "name", "stream filter", findings)
    for i, entry in enumerate(entries):
        item = f"{path}[{i}]"
        check_positive(entry.timeout, f"{item}.timeout", findings)
        if entry.quarantine.max_failures:
            check_positive(entry.quarantine.window, f"{item}.quarantine.window", findings)
            check_positive(entry.quarantine.backoff, f"{item}.quarantine.backoff", findings)
        if entry.name.endswith("@canary"):
            findings.error(f"{item}.name", "ends with '@canary'", "that is how the second version of an entry is called")
        if entry.go_plugin_config is not None and entry.go_plugin_config.so_path:
            if entry.path:
                findings.error(f"{item}.path", "given beside 'go_plugin_config.so_path'", "only one of them can be")
        else:
            _validate_file(entry, item, findings)
        if entry.canary is not None:
            _validate_canary(entry, entry.canary, f"{item}.canary", findings)
        if entry.match is not None:
            _validate_match(entry.match, f"{item}.match", findings)


def _validate_canary(entry: StreamFilterConfig, canary: CanaryConfig, item: str, findings: Findings) -> None:
    if not 0.0 <= canary.percent <= 100.0:
        findings.error(f"{item}.percent", f"must be from 0 to 100, is {canary.percent:g}")
    if (entry.registered_type, entry.file, entry.export, entry.options, entry.isolation) == (
        canary.type,
        canary.path,
        canary.factory,
        canary.options,
        canary.isolation,
    ):
        findings.error(item, "is the same as the entry", "give it a type, path, factory, config or isolation of its own")
    _validate_file(canary, item, findings)


def _validate_file(entry: StreamFilterConfig | CanaryConfig, item: str, findings: Findings) -> None:
    """Filters that are loaded from a file name it, and others do not."""
    if entry.type in ("module", "native"):
        if not entry.path:
            findings.error(f"{item}.path", "missing", "a Python file" if entry.type == "module" else "a shared object")
        if entry.type == "native" and entry.factory:
            findings.error(f"{item}.factory", 'only a filter of type "module" has it')
        return
    if entry.path and entry.type in ("lua", "wasm"):
        if entry.options.get("path") != entry.path:  # completing the configuration has put it there, unless there was another
            findings.error(f"{item}.path", "given beside 'config.path'", "only one of them can be")
    elif entry.path and entry.type:
        findings.error(f"{item}.path", 'only a filter of type "module", "native", "lua" or "wasm" has it')
    if entry.factory and entry.type:
        findings.error(f"{item}.factory", 'only a filter of type "module" has it')


def _validate_match(match: StreamFilterMatchConfig, path: str, findings: Findings) -> None:
    if not (match.path_prefix or match.path or match.methods or match.headers):
        findings.error(path, "has no condition", "remove it to match every request")
    for key, value in (("path_prefix", match.path_prefix), ("path", match.path)):
        if value and not value.startswith(("/", "*")):
            findings.error(f"{path}.{key}", f"does not begin with '/': {shown(value)}", "no request would match")
    for i, method in enumerate(match.methods):
        if _METHOD.match(method) is None:
            hint = f"write {shown(method.upper())}" if _METHOD.match(method.upper()) else ""
            findings.error(f"{path}.methods[{i}]", f"not an HTTP method: {shown(method)}", hint)
    check_header_matches(match.headers, f"{path}.headers", findings)
