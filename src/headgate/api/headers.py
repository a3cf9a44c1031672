"""Header fields of one message: case-insensitive, multi-valued, in order.

A field is kept as its wire line (``b"Name: value"``) beside its lower-cased name. Reading decodes one value, writing replaces one
line, and sending an untouched message joins the lines: the path that most requests take allocates nothing per field.

Values are ``str``. Bytes that are not UTF-8 survive a round trip through ``surrogateescape``.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from headgate.api.errors import HeaderError

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def header_line(name: str, value: str) -> bytes:
    """The wire form of one field, without the line end.

    :raises HeaderError: if the name is not a token (RFC 9110 section 5.1) or the value holds a control character, which
        would let a filter split a message in two
    """
    if _TOKEN.match(name) is None:
        raise HeaderError(f"not a header name: {name!r}")
    try:
        encoded = value.strip(" \t").encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise HeaderError(f"the value of header {name!r} cannot be encoded: {value!r}") from None
    if _FORBIDDEN.search(encoded) is not None:
        raise HeaderError(f"control character in the value of header {name!r}")
    return name.encode("ascii") + b": " + encoded


class Headers:
    """An ordered multi-map of header fields.

    ``keys`` and ``lines`` are parallel and belong to codecs and engine; filters use the methods.
    """

    forwarding: bool = False
    """For codecs: a field that the proxy would add itself has come with the message."""
    changed: bool = False
    """True once anything but a codec wrote to it: the encoder then checks the framing fields again."""

    def __init__(self, keys: list[str] | None = None, lines: list[bytes] | None = None) -> None:
        """
        :param keys: for codecs: the lower-cased names, as with :meth:`append_line`; taken over, not copied
        :param lines: for codecs: the fields, one for each of ``keys``
        """
        self.keys: list[str] = [] if keys is None else keys
        self.lines: list[bytes] = [] if lines is None else lines

    @staticmethod
    def of(fields: dict[str, str]) -> Headers:
        """Headers made from a mapping.

        :raises HeaderError: for a name or value that may not stand in a message
        """
        headers = Headers()
        for name, value in fields.items():
            headers.add(name, value)
        return headers

    def append_line(self, key: str, line: bytes) -> None:
        """For codecs: add a field that is known to be well-formed.

        :param key: the lower-cased name
        :param line: ``b"Name: value"``, the name as it came, exactly one colon and space between
        """
        self.keys.append(key)
        self.lines.append(line)

    def value_at(self, index: int) -> str:
        """The value of the field at a position."""
        return self.lines[index][len(self.keys[index]) + 2 :].decode("utf-8", "surrogateescape")

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value under a name, in any case, or ``default``."""
        key = name.lower()
        keys = self.keys
        if key not in keys:
            return default
        # As value_at does; a call less.
        return self.lines[keys.index(key)][len(key) + 2 :].decode("utf-8", "surrogateescape")

    def get_all(self, name: str) -> list[str]:
        """All values under a name, in order."""
        key = name.lower()
        return [self.value_at(i) for i, present in enumerate(self.keys) if present == key]

    def get_joined(self, name: str) -> str | None:
        """All values under a name as one, joined by ``", "`` (RFC 9110 section 5.3); None if there is none."""
        values = self.get_all(name)
        return ", ".join(values) if values else None

    def set(self, name: str, value: str) -> None:
        """Replace every field of that name by one.

        :raises HeaderError: for a name or value that may not stand in a message
        """
        line = header_line(name, value)
        key = name.lower()
        self.changed = True
        keys = self.keys
        if key not in keys:
            keys.append(key)
            self.lines.append(line)
            return
        first = keys.index(key)
        self.lines[first] = line
        if keys.count(key) > 1:
            self._remove_from(key, first + 1)

    def add(self, name: str, value: str) -> None:
        """Add a field, keeping those of the same name.

        :raises HeaderError: for a name or value that may not stand in a message
        """
        line = header_line(name, value)
        self.changed = True
        self.keys.append(name.lower())
        self.lines.append(line)

    def remove(self, name: str) -> bool:
        """Remove every field of that name; True if there was one."""
        key = name.lower()
        if key not in self.keys:
            return False
        self.changed = True
        self._remove_from(key, 0)
        return True

    def _remove_from(self, key: str, start: int) -> None:
        keys = self.keys
        for i in range(len(keys) - 1, start - 1, -1):
            if keys[i] == key:
                del keys[i]
                del self.lines[i]

    def items(self) -> list[tuple[str, str]]:
        """All fields as (lower-cased name, value), in order."""
        return [(key, self.value_at(i)) for i, key in enumerate(self.keys)]

    def copy(self) -> Headers:
        """An independent copy."""
        other = Headers()
        other.keys = self.keys.copy()
        other.lines = self.lines.copy()
        other.changed = self.changed
        other.forwarding = self.forwarding
        return other

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self.keys

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.items() == other.items()

    def __repr__(self) -> str:
        return f"Headers({self.items()!r})"
