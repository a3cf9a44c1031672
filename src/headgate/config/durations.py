"""Durations as Go writes them: ``"1s"``, ``"150ms"``, ``"1m30s"``, ``"1.5h"`` (Go: ``time.ParseDuration``, ``Duration.String``).

On the models a duration is a ``float`` in seconds; in files and dumps it is such a string. A duration is a whole number of
nanoseconds, as in Go, so a value survives any number of round trips.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

_UNITS: Final[dict[str, int]] = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # U+00B5 micro sign, as Go prints it
    "\u03bcs": 1_000,  # U+03BC Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART: Final = re.compile("([0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_WHOLE: Final = re.compile(f"(?:{_PART.pattern})+")
_LONGEST: Final = 9 * 10**18
"""285 years. Go keeps a duration in 63 bits, about 292 years; this is a little less, so that rounding to a float stays below."""
_SECOND: Final = 1_000_000_000

PATTERN: Final = "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$"
"""What an editor may check a duration against (JSON schema)."""


class DurationError(ValueError):
    """A text that is not a duration.

    :ivar hint: what to write instead, or an empty string
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@lru_cache(maxsize=4096)
def parse_duration(text: str) -> float:
    """Seconds of a Go duration.

    :param text: ``"1s"``, ``"150ms"``, ``"1m30s"``, ``"0"``; not negative
    :raises DurationError: for anything else, with what to write instead
    """
    if text in ("0", "+0"):
        return 0.0
    body = text.removeprefix("+")
    if body.startswith("-"):
        raise DurationError(f"a duration cannot be negative: {text!r}")
    if _WHOLE.fullmatch(body) is None:
        raise DurationError(f"not a duration: {text!r}", _suggestion(text))
    total = 0
    for number, unit in _PART.findall(body):
        total += int(Fraction(number if not number.endswith(".") else number[:-1]) * _UNITS[unit])
        if total > _LONGEST:
            raise DurationError(f"longer than a duration can be (285 years): {text!r}")
    return total / _SECOND


def _suggestion(text: str) -> str:
    stripped = text.strip()
    if stripped != text and _WHOLE.fullmatch(stripped):
        return f'write "{stripped}"'
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", stripped):
        return f'a unit is missing: "{stripped}s" or "{stripped}ms"'
    return 'write it like "1s", "150ms" or "1m30s"; units are ns, us, ms, s, m, h'


@lru_cache(maxsize=4096)
def format_duration(seconds: float) -> str:
    """The Go string of a duration: ``90.0`` gives ``"1m30s"``, ``0.15`` gives ``"150ms"``, ``3600.0`` gives ``"1h0m0s"``.

    :param seconds: not negative; rounded to whole nanoseconds
    """
    total = round(Fraction(seconds) * _SECOND)
    if total == 0:
        return "0s"
    if total < 1_000:
        return f"{total}ns"
    if total < 1_000_000:
        return f"{_decimal(total, 1_000)}\u00b5s"
    if total < _SECOND:
        return f"{_decimal(total, 1_000_000)}ms"
    minutes, rest = divmod(total, 60 * _SECOND)
    text = f"{_decimal(rest, _SECOND)}s"
    if minutes == 0:
        return text
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if rest == 0:
        return str(whole)
    return f"{whole}.{str(rest).zfill(len(str(unit)) - 1).rstrip('0')}"
