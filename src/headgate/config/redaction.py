"""Keeping secrets out of what others are shown: private keys, passwords in URLs, and whatever stands under a name that looks secret.

MOSN hides ``private_key`` of TLS contexts. Free mappings (a filter's ``config``) may hold secrets under names that nobody but their
author knows; those whose names say so are hidden, too.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "***REDACTED***"
"""What stands in place of a secret, as in MOSN's ``config_dump``."""

_SECRET: Final = re.compile(
    r"passw|passphrase|secret|token|credential|(api|access|private|signing|encryption|shared|auth|hmac|ssh|master)_?key"
    r"|(^|_)(pass|pwd|dsn|authorization)($|_)"
)
_SECRET_IF_TEXT: Final = re.compile(r"(^|_)(auth|cookie)($|_)")
"""Names of secrets, but also of sections and filters: a filter ``auth``, a ``cookie`` to hash by."""
_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR: Final = re.compile(r"[-. ]")
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]+(?=@)")


def holds_password_in_url(text: str) -> bool:
    """Whether a URL with a password stands somewhere in a text."""
    return _USER_INFO.search(text) is not None


def secret_name(name: str) -> bool:
    """Whether a key or header is likely to hold a secret by its name: ``password``, ``X-Api-Key``, ``githubToken``, ..."""
    words = _words(name)
    return _SECRET.search(words) is not None or _SECRET_IF_TEXT.search(words) is not None


def holds_private_key(text: str) -> bool:
    """Whether a private key in PEM form stands somewhere in a text."""
    return _PRIVATE_KEY.search(text) is not None


def _words(name: str) -> str:
    return _SEPARATOR.sub("_", _WORD_BREAK.sub("_", name)).lower()


def redacted(value: object) -> object:
    """A copy of plain data with :data:`REDACTED` in place of every secret.

    Texts are secrets anywhere below a key that names one; numbers only right under it (``token_bucket: {rate: 5}`` holds none).
    """
    return _redacted(value, secret=False)


def hide_environments(mapping: dict[str, object]) -> None:
    """Put :data:`REDACTED` in place of every value of the plugins' ``env``, whatever its name: what is told to a program by its
    environment is often a secret.

    :param mapping: a whole configuration as plain data; changed in place
    """
    plugins = mapping.get("plugins")
    for plugin in plugins if isinstance(plugins, list) else []:
        environment = plugin.get("env") if isinstance(plugin, dict) else None
        if isinstance(environment, dict):
            plugin["env"] = dict.fromkeys(environment, REDACTED)


def _redacted(value: object, secret: bool) -> object:
    """:param secret: whether ``value`` stands somewhere below a key that names a secret"""
    if isinstance(value, dict):
        # {"key": "Authorization", "value": "..."} and {"name": ..., "value": ...} are headers.
        header = any(secret_name(name) for name in (value.get("key"), value.get("name")) if isinstance(name, str))
        return {key: _entry(str(key), item, secret or (header and key == "value")) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, secret) for item in value]
    if isinstance(value, str):
        if (secret and value) or holds_private_key(value):
            return REDACTED
        return _USER_INFO.sub(REDACTED, value)
    return value


def _entry(key: str, value: object, secret: bool) -> object:
    if isinstance(value, dict | list):
        return _redacted(value, secret or _SECRET.search(_words(key)) is not None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return REDACTED if secret_name(key) else value
    return _redacted(value, secret or secret_name(key))
