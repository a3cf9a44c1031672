"""Sizes in bytes: a whole number, or a string such as ``"64KiB"`` or ``"1MB"``.

As in MOSN, whose sizes go through the ``datasize`` library, ``KB`` and ``KiB`` both mean 1024 bytes.
"""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final[dict[str, int]] = {"": 1, "b": 1, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE: Final = re.compile(r"([0-9]{1,19})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_LARGEST: Final = (1 << 63) - 1

PATTERN: Final = "^[0-9]{1,19} *([kKmMgGtT]?([iI]?[bB])?)$"
"""What an editor may check a size against (JSON schema)."""


class SizeError(ValueError):
    """A text that is not a size in bytes."""


def parse_size(text: str) -> int:
    """Bytes of a size.

    :param text: ``"1024"``, ``"64KiB"``, ``"1 MB"``; units to the base of 1024, in any case
    :raises SizeError: for anything else
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise SizeError(f"not a size: {text!r}")
    unit = match[2].lower()
    size = int(match[1]) << (_UNITS[unit] if unit else 0)
    if size > _LARGEST:
        raise SizeError(f"larger than a size can be: {text!r}")
    return size
