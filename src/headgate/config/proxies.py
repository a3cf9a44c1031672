"""The ``proxy`` network filters of a configuration, with their own configuration as a model."""

from __future__ import annotations

from typing import NamedTuple

from headgate.config.build import build
from headgate.config.findings import Findings
from headgate.config.models import HeadgateConfig, ListenerConfig, NetworkFilterConfig, ProxyConfig


class ProxyEntry(NamedTuple):
    """One ``proxy`` network filter.

    :ivar listener: its listener
    :ivar path: where its ``config`` stands
    :ivar config: that configuration
    """

    listener: ListenerConfig
    path: str
    config: ProxyConfig


def proxy_config(network_filter: NetworkFilterConfig) -> ProxyConfig:
    """The configuration of a ``proxy`` network filter out of a checked configuration."""
    return ProxyConfig.model_validate(network_filter.config)


def build_proxies(config: HeadgateConfig, findings: Findings) -> list[ProxyEntry]:
    """All ``proxy`` network filters, in order. What does not fit is left out of their configuration, too.

    :param findings: takes an error for each value that does not fit
    """
    entries: list[ProxyEntry] = []
    for i, server in enumerate(config.servers):
        for j, listener in enumerate(server.listeners):
            for k, chain in enumerate(listener.filter_chains):
                for n, network_filter in enumerate(chain.filters):
                    if network_filter.type != "proxy":
                        continue
                    path = f"servers[{i}].listeners[{j}].filter_chains[{k}].filters[{n}].config"
                    built = build(ProxyConfig, network_filter.config, path, findings) or ProxyConfig()
                    network_filter.config = built.model_dump(by_alias=True, exclude_unset=True)
                    entries.append(ProxyEntry(listener, path, built))
    return entries
