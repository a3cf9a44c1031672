"""The header blocks of a client's calls: encoded once for each path and timeout, and sent as they are while the compression table stands.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate import __version__
from headgate.protocols.grpc.timeout import encode_timeout
from headgate.protocols.http2.hpack_encoder import HpackEncoder

NOT_INDEXED: Final = frozenset((b"grpc-timeout",))
_KEPT: Final = 1024


class CallHeads:
    """The heads of the calls on one connection.

    :param authority: their ``:authority``
    """

    def __init__(self, encoder: HpackEncoder, authority: str) -> None:
        self._encoder = encoder
        self._authority = authority.encode("ascii", "replace")
        self._kept: dict[tuple[bytes, int], bytes] = {}
        self._generation: int = -1

    def block(self, path: bytes, milliseconds: int) -> bytes:
        """The block of one call, which has to be the next that is sent.

        :param milliseconds: its timeout; 0: none
        """
        if self._generation == self._encoder.generation:
            kept = self._kept.get((path, milliseconds))
            if kept is not None:
                return kept
        before = self._encoder.generation
        block = self._encoder.encode(request_fields(path, self._authority, milliseconds))
        if self._encoder.generation == before:
            if self._generation != before or len(self._kept) >= _KEPT:
                self._kept.clear()
                self._generation = before
            self._kept[(path, milliseconds)] = block
        return block


def request_fields(path: bytes, authority: bytes, milliseconds: int) -> list[tuple[bytes, bytes]]:
    """The fields of a call's head, without metadata of its own.

    :param milliseconds: its timeout; 0: none
    """
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", authority)]
    if milliseconds:
        fields.append((b"grpc-timeout", encode_timeout(milliseconds)))
    fields.append((b"te", b"trailers"))
    fields.append((b"content-type", b"application/grpc"))
    fields.append((b"user-agent", b"headgate/" + __version__.encode("ascii")))
    return fields
