"""The normal form of a configuration: MOSN's spelling of every key, defaults filled in, durations as Go writes them.

What it shows to others (admin API, log) it shows without secrets: private keys, and whatever stands under a key that looks like one.
A normal form without secrets, read again, gives the same configuration.
"""

from __future__ import annotations

import json
import re
from typing import Final

from headgate.config.collection import collection_paused
from headgate.config.models import HeadgateConfig
from headgate.config.proxies import proxy_config

REDACTED: Final = "***REDACTED***"
"""What stands in place of a secret, as in MOSN's ``config_dump``."""

_SECRET_KEY: Final = re.compile(
    r"passw(or)?d|passphrase|secret|token|credential|private_?key|api_?key|access_?key|(^|_)(authorization|cookie|pwd|auth)($|_)"
)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]*(?=@)")


def dump(config: HeadgateConfig) -> dict[str, object]:
    """The normal form without secrets, as plain data."""
    with collection_paused():
        shown = _without_secrets(normal_form(config), secret=False)
    assert isinstance(shown, dict)
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


def _without_secrets(value: object, secret: bool) -> object:
    """A copy of plain data without secrets.

    :param secret: whether ``value`` stands under a key that looks secret
    """
    if isinstance(value, dict):
        # {"key": "Authorization", "value": "..."} and {"name": ..., "value": ...} are headers.
        names_secret = any(_looks_secret(value.get(key)) for key in ("key", "name"))
        return {
            key: _without_secrets(item, secret or _looks_secret(key) or (names_secret and key == "value")) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item, secret) for item in value]
    if isinstance(value, str):
        if (secret and value) or _PRIVATE_KEY.search(value):
            return REDACTED
        return _USER_INFO.sub(REDACTED, value)
    if secret and isinstance(value, int | float) and not isinstance(value, bool):
        return REDACTED
    return value


def _looks_secret(name: object) -> bool:
    return isinstance(name, str) and _SECRET_KEY.search(name.lower().replace("-", "_")) is not None
