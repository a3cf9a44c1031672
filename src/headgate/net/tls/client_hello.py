"""The first message of a TLS client, read before OpenSSL sees it: for which name and which protocols it asks.

The context of a connection is chosen by it, whole, with versions, ciphers and client verification; OpenSSL's own callback could
exchange the certificate only. What is malformed here in any but the outermost form is left to OpenSSL to refuse.
RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3 (server name), RFC 7301 section 3.1 (ALPN).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import re
from typing import Final

MAX_CLIENT_HELLO: Final = 16 * 1024
"""Bytes; the largest that browsers send, with post-quantum key shares, have about 2000."""

COMPLETE: Final = 0
INCOMPLETE: Final = 1
"""More bytes are needed."""
NOT_TLS: Final = 2
"""The first bytes are no TLS record with a ClientHello."""
OVERSIZED: Final = 3
"""Longer than :data:`MAX_CLIENT_HELLO`."""

_HANDSHAKE_RECORD: Final = 0x16
_CLIENT_HELLO: Final = b"\x01"
_SERVER_NAME: Final = 0
_ALPN: Final = 16
_MAX_RECORD: Final = 16384
_NAME: Final = re.compile(rb"[!-~]+")


class ClientHello:
    """What is of interest in it.

    :ivar server_name: the name asked for (SNI), in lower case; empty if none
    :ivar protocols: application protocols offered (ALPN), the client's favourite first
    """

    def __init__(self) -> None:
        self.server_name: str = ""
        self.protocols: list[str] = []

    def read(self, data: bytes) -> int:
        """Read it from the bytes that have come so far.

        :param data: everything from the connection's first byte on
        :returns: :data:`COMPLETE`, :data:`INCOMPLETE`, :data:`NOT_TLS` or :data:`OVERSIZED`
        """
        message = b""
        position = 0
        end = len(data)
        while True:
            if position < end and data[position] != _HANDSHAKE_RECORD:
                return NOT_TLS
            if position + 1 < end and data[position + 1] != 3:
                return NOT_TLS
            if position + 5 > end:
                return OVERSIZED if end > MAX_CLIENT_HELLO else INCOMPLETE
            length = data[position + 3] << 8 | data[position + 4]
            if length == 0 or length > _MAX_RECORD:
                return NOT_TLS
            position += 5
            message += data[position : position + length]
            position += length
            if message[:1] not in (b"", _CLIENT_HELLO):
                return NOT_TLS
            if len(message) >= 4:
                body = message[1] << 16 | message[2] << 8 | message[3]
                if body > MAX_CLIENT_HELLO:
                    return OVERSIZED
                if len(message) >= 4 + body:
                    self._read_body(message[4 : 4 + body])
                    return COMPLETE
            if position > end:
                return OVERSIZED if end > MAX_CLIENT_HELLO else INCOMPLETE

    def _read_body(self, body: bytes) -> None:
        """Step over version, random, session, ciphers and compression to the extensions. Lengths that lead outside end it."""
        end = len(body)
        position = 34
        if position >= end:
            return
        position += 1 + body[position]
        if position + 2 > end:
            return
        position += 2 + (body[position] << 8 | body[position + 1])
        if position + 1 > end:
            return
        position += 1 + body[position]
        position += 2
        while position + 4 <= end:
            kind = body[position] << 8 | body[position + 1]
            length = body[position + 2] << 8 | body[position + 3]
            position += 4
            if position + length > end:
                return
            if kind == _SERVER_NAME:
                self._read_server_name(body[position : position + length])
            elif kind == _ALPN:
                self._read_protocols(body[position : position + length])
            position += length

    def _read_server_name(self, value: bytes) -> None:
        if len(value) < 5 or value[2] != 0:
            return
        length = value[3] << 8 | value[4]
        name = value[5 : 5 + length]
        # What no host's name holds (spaces, control characters) is none: it would end up in logs and in what plugins are told.
        if len(name) == length and length <= 255 and _NAME.fullmatch(name) is not None:
            self.server_name = name.decode("ascii").lower().rstrip(".")

    def _read_protocols(self, value: bytes) -> None:
        position = 2
        while position < len(value):
            length = value[position]
            self.protocols.append(value[position + 1 : position + 1 + length].decode("latin-1"))
            position += 1 + length
