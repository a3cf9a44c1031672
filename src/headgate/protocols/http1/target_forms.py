"""What may stand for host and target in a request (RFC 9112 section 3.2, RFC 3986 section 3.2).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import re
from typing import Final

# uri-host [":" port] of RFC 3986 section 3.2.2, without what no real name holds: user information, paths, spaces.
_AUTHORITY: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(?::[0-9]{1,5})?\Z")


def is_authority(text: bytes) -> bool:
    """Whether a ``Host`` field's value is a host and an optional port, or empty."""
    return _AUTHORITY.match(text) is not None


def split_absolute(target: str) -> tuple[bytes, str] | None:
    """Authority and origin form of an absolute target (``http://host/path``).

    :returns: None if it is none, or names a user
    """
    lower = target[:8].lower()
    if lower.startswith("http://"):
        rest = target[7:]
    elif lower.startswith("https://"):
        rest = target[8:]
    else:
        return None
    end = len(rest)
    for mark in ("/", "?"):
        position = rest.find(mark)
        if 0 <= position < end:
            end = position
    authority = rest[:end].encode("latin-1")
    if not authority or b"@" in authority:
        return None
    path = rest[end:]
    return authority, path if path.startswith("/") else "/" + path
