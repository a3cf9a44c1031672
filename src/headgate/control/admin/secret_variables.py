"""Environment variables that the admin server does not show."""

from __future__ import annotations

import re
from typing import Final

from headgate.config.redaction import holds_password_in_url, holds_private_key, secret_name

_SECRET_VARIABLE: Final = re.compile(r"(^|_)(key|keys|session|private|cert)($|_)", re.IGNORECASE)


def secret_variable(name: str, value: str | None) -> bool:
    """Whether an environment variable is likely to hold a secret: by its name, more strictly than keys of a configuration, or because
    its value (None: it does not exist) is a private key or a URL with a password."""
    if secret_name(name) or _SECRET_VARIABLE.search(name) is not None:
        return True
    return value is not None and (holds_private_key(value) or holds_password_in_url(value))
