"""Paths as configurations write them and as requests carry them.

A request carries its path percent-encoded; routes match it decoded. A rewritten path is put together from pieces in both forms, so the
pieces of the configuration are encoded once, when it is loaded: escapes (``%20``) stay, what may not stand in a path is encoded.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

_SAFE: Final = "/!$&'()*+,;=:@"
"""What a path may hold beside unreserved characters (RFC 3986 section 3.3)."""
_ESCAPE: Final = re.compile("(%[0-9A-Fa-f]{2})")
_HEX: Final = frozenset("0123456789abcdefABCDEF")


def encode_decoded(text: str) -> str:
    """Percent-encode a decoded path, or a piece of one: ``%`` itself is encoded, too."""
    return quote(text, safe=_SAFE, errors="surrogateescape")


def encode_configured(text: str) -> str:
    """Percent-encode a path from a configuration, or a piece of one: escapes stay as they are."""
    pieces = _ESCAPE.split(text)
    for i in range(0, len(pieces), 2):
        pieces[i] = encode_decoded(pieces[i])
    return "".join(pieces)


def offset_after(path: str, prefix: str) -> int:
    """Where in an encoded path its decoded prefix ends.

    :param path: the path as sent
    :param prefix: a text that the decoded path begins with
    """
    if "%" not in path:
        return len(prefix)
    left = len(prefix.encode("utf-8", "surrogateescape"))
    position = 0
    size = len(path)
    while left > 0 and position < size:
        character = path[position]
        if character == "%" and position + 2 < size and path[position + 1] in _HEX and path[position + 2] in _HEX:
            position += 3
            left -= 1
        else:
            position += 1
            left -= 1 if character.isascii() else len(character.encode("utf-8", "surrogateescape"))
    return position
