"""Takes the messages of a streaming call apart (gRPC over HTTP/2, "Length-Prefixed-Message").

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.protocols.grpc.chunks import Chunks
from headgate.protocols.grpc.message_reader import PREFIX_SIZE
from headgate.protocols.grpc.wire import WireError


class MessageTooLarge(WireError):
    """A message over the limit."""


class MessageSplitter:
    """Finds one message after the other in what arrives.

    :param limit: bytes of a message
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._chunks = Chunks()
        self._wanted: int = PREFIX_SIZE

    @property
    def held(self) -> int:
        """Bytes of a message that is not complete."""
        return self._chunks.size

    def feed(self, data: bytes) -> list[bytes]:
        """Take a part of the body.

        :returns: the messages that it completes, without their prefixes
        :raises WireError: if it is no message, or one that is compressed or over the limit; nothing may be fed after that
        """
        self._chunks.add(data)
        if self._chunks.size < self._wanted:
            return []
        data = self._chunks.take()
        messages: list[bytes] = []
        start = 0
        while True:
            self._wanted = PREFIX_SIZE
            left = len(data) - start
            if left < PREFIX_SIZE:
                break
            self._wanted = PREFIX_SIZE + self._length(data, start)
            if left < self._wanted:
                break
            messages.append(data[start + PREFIX_SIZE : start + self._wanted])
            start += self._wanted
        if start < len(data):
            self._chunks.add(data[start:])
        return messages

    def _length(self, data: bytes, start: int) -> int:
        if data[start] != 0:
            raise WireError("a message that is compressed, though none was allowed, or no gRPC message")
        length = int.from_bytes(data[start + 1 : start + PREFIX_SIZE], "big")
        if length > self._limit:
            raise MessageTooLarge(f"a message of {length} bytes; {self._limit} are allowed")
        return length
