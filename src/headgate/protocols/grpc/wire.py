"""Protobuf's wire format, as far as the messages here need it (https://protobuf.dev/programming-guides/encoding/).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
START_GROUP: Final = 3
END_GROUP: Final = 4
FIXED32: Final = 5

_MAX_GROUPS: Final = 100
"""Groups within groups; protobuf's own parsers refuse more."""
_MAX_SKIPPED: Final = 10_000
"""Fields within a group that nobody knows: passing over them must not hold the event loop."""


class WireError(ValueError):
    """A message that is not protobuf, or holds more than is allowed."""


def varint(value: int) -> bytes:
    """A number from 0 to 2^64-1."""
    if value < 0x80:
        return bytes([value])
    out = bytearray()
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class WireReader:
    """Reads the fields of one message.

    :param end: where it ends in ``data``
    """

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data: bytes = data
        self.position: int = position
        self.end: int = end

    def varint(self) -> int:
        """A number below 2^64.

        :raises WireError: if it is cut off or longer than ten bytes
        """
        data = self.data
        position = self.position
        end = self.end
        if position < end:
            byte = data[position]
            if byte < 0x80:
                self.position = position + 1
                return byte
        value = 0
        shift = 0
        while position < end:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if shift == 63 and byte > 1:
                    break
                self.position = position
                return value
            shift += 7
            if shift > 63:
                break
        raise WireError("a number that is cut off or too long")

    def tag(self) -> int:
        """A field's number times 8 plus its wire type.

        :raises WireError: if the number is 0 or too large
        """
        before = self.position
        tag = self.varint()
        if tag < 8 or tag > 0xFFFFFFFF or self.position - before > 5:
            raise WireError("a field number that may not be")
        return tag

    def length(self) -> int:
        """The length of what follows.

        :returns: the position of its end
        :raises WireError: if it runs past the end
        """
        before = self.position
        end = self.varint() + self.position
        if end > self.end or self.position - before > 5:
            raise WireError("a field that runs past the end of its message")
        return end

    def text(self) -> str:
        """A string.

        :raises WireError: if it is not UTF-8
        """
        end = self.length()
        start = self.position
        self.position = end
        try:
            return self.data[start:end].decode("utf-8")
        except UnicodeDecodeError:
            raise WireError("a string that is not UTF-8") from None

    def skip(self, tag: int) -> None:
        """Pass over a field that nobody knows.

        :raises WireError: if it is malformed
        """
        groups: list[int] = []
        skipped = 0
        while True:
            skipped += 1
            if skipped > _MAX_SKIPPED:
                raise WireError(f"more than {_MAX_SKIPPED} fields in a group")
            kind = tag & 7
            if kind == VARINT:
                self.varint()
            elif kind == LENGTH:
                self.position = self.length()
            elif kind == FIXED64:
                self.position += 8
            elif kind == FIXED32:
                self.position += 4
            elif kind == START_GROUP:
                groups.append(tag >> 3)
                if len(groups) > _MAX_GROUPS:
                    raise WireError("groups nested too deeply")
            elif kind == END_GROUP:
                if not groups or groups.pop() != tag >> 3:
                    raise WireError("the end of a group that did not begin")
            else:
                raise WireError(f"wire type {kind}")
            if self.position > self.end:
                raise WireError("a field that runs past the end of its message")
            if not groups:
                return
            tag = self.tag()
