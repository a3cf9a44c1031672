"""The normal form of a configuration: MOSN's spelling of every key, defaults filled in, durations as Go writes them.

What it shows to others (admin API, log) it shows without secrets: private keys, whatever stands under a key that looks like one,
and all values of plugins' environments.
A normal form without secrets, read again, gives the same configuration.
"""

from __future__ import annotations

import json

from headgate.config.collection import collection_paused
from headgate.config.models import HeadgateConfig
from headgate.config.proxies import proxy_config
from headgate.config.redaction import hide_environments, redacted


def dump(config: HeadgateConfig) -> dict[str, object]:
    """The normal form without secrets, as plain data."""
    with collection_paused():
        shown = redacted(normal_form(config))
    assert isinstance(shown, dict)
    hide_environments(shown)
    return shown


def to_json(config: HeadgateConfig) -> str:
    """The normal form without secrets, as JSON text."""
    return json.dumps(dump(config), indent=2, ensure_ascii=False)


def normal_form(config: HeadgateConfig) -> dict[str, object]:
    """The normal form with everything in it, as plain data. For tests; show :func:`dump` to others."""
    mapping: dict[str, object] = config.model_dump(by_alias=True, exclude_none=True)
    servers = mapping["servers"]
    assert isinstance(servers, list)
    for server, shown in zip(config.servers, servers, strict=True):
        for listener, shown_listener in zip(server.listeners, shown["listeners"], strict=True):
            for chain, shown_chain in zip(listener.filter_chains, shown_listener["filter_chains"], strict=True):
                for entry, shown_entry in zip(chain.filters, shown_chain["filters"], strict=True):
                    if entry.type == "proxy":
                        shown_entry["config"] = proxy_config(entry).model_dump(by_alias=True, exclude_none=True)
    return mapping
