"""Keeping secrets out of what the admin server shows.

MOSN hides ``private_key`` of TLS contexts. Free mappings (a filter's ``config``) may hold secrets under names that nobody but their
author knows; those whose names say so are hidden, too, and so is a private key in PEM form and a password in a URL wherever it stands.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "***REDACTED***"
"""What stands for a secret, as in MOSN."""

_SECRET_NAME: Final = re.compile(
    r"passw|passphrase|secret|token|credential|(api|access|private|signing|encryption|shared|auth|hmac|ssh|master)[_\-.]?key"
    r"|(^|[_\-.])(pass|pwd|dsn|authorization)($|[_\-.])",
    re.IGNORECASE,
)
_SECRET_VARIABLE: Final = re.compile(r"(^|_)(key|keys|auth|cookie|session|private|cert)($|_)", re.IGNORECASE)
_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PRIVATE_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_URL_PASSWORD: Final = re.compile(r"(?P<before>[a-z][a-z0-9+.\-]*://[^/\s:@]*:)[^/\s@]+(?=@)", re.IGNORECASE)


def secret_name(name: str) -> bool:
    """Whether a key of a configuration is likely to hold a secret by its name: ``password``, ``github_token``, ``apiKey``, ..."""
    return _SECRET_NAME.search(_WORD_BREAK.sub("_", name)) is not None


def secret_variable(name: str, value: str | None) -> bool:
    """Whether an environment variable is likely to hold a secret: by its name, more strictly than keys of a configuration, or because
    its value (None: it does not exist) is a private key or a URL with a password."""
    if secret_name(name) or _SECRET_VARIABLE.search(name) is not None:
        return True
    return value is not None and (_PRIVATE_PEM.search(value) is not None or _URL_PASSWORD.search(value) is not None)


def redacted(value: object) -> object:
    """A copy of JSON data with secrets replaced. Every text below a key that names a secret is one."""
    return _redacted(value, secret=False)


def _redacted(value: object, secret: bool) -> object:
    if isinstance(value, dict):
        return {key: _redacted(item, secret or secret_name(str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, secret) for item in value]
    if isinstance(value, str) and value:
        if secret or _PRIVATE_PEM.search(value) is not None:
            return REDACTED
        return _URL_PASSWORD.sub(rf"\g<before>{REDACTED}", value)
    return value  # a switch or number is no secret, and an empty text hides nothing
