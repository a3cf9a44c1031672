"""Puts the one message of a unary call together (gRPC over HTTP/2, "Length-Prefixed-Message").

The length is judged when it arrives, before any of the message is kept. A message that comes in one piece is not copied.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.protocols.grpc.chunks import Chunks

PREFIX_SIZE: Final = 5


def message_prefix(length: int) -> bytes:
    """What goes before a message that is not compressed."""
    return b"\x00" + length.to_bytes(4, "big")


class MessageReader:
    """Collects one message.

    :param limit: bytes of a message
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size: int = 0
        self._first: bytes = b""  # while it is the only part
        self._chunks: Chunks | None = None
        self._expected: int = -1

    def feed(self, data: bytes) -> str:
        """Take a part of the body.

        :returns: what is wrong with it; empty if nothing is
        """
        if not data:
            return ""
        if self._size == 0:
            self._first = data
        else:
            self._add(data)
        self._size += len(data)
        if self._expected < 0:
            if self._size < PREFIX_SIZE:
                return ""
            problem = self._read_prefix(self._first if self._chunks is None else self._chunks.join())
            if problem:
                self._first = b""
                self._chunks = None
                return problem
        return "more than one message" if self._size > self._expected else ""

    def _add(self, data: bytes) -> None:
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = Chunks()
            chunks.add(self._first)
            self._first = b""
        chunks.add(data)

    def _read_prefix(self, data: bytes) -> str:
        if data[0] != 0:
            return "a compressed message, though none was allowed" if data[0] == 1 else "not a gRPC message"
        length = int.from_bytes(data[1:5], "big")
        if length > self._limit:
            return f"a message of {length} bytes; {self._limit} are allowed"
        self._expected = PREFIX_SIZE + length
        return ""

    @property
    def empty(self) -> bool:
        """Nothing at all has arrived."""
        return self._size == 0

    def take(self) -> bytes | None:
        """The message with its five bytes of prefix; None if it is not complete."""
        if self._size != self._expected:
            return None
        return self._first if self._chunks is None else self._chunks.take()
