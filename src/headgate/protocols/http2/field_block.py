"""The fields of one decoded header block, and whether they may stand in a message (RFC 9113 section 8.2 and 8.3).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(rb":?[!#$%&'*+\-.^_`|~0-9a-z]+\Z")
_BAD_VALUE: Final = re.compile(rb"[\x00\r\n]|\A[ \t]|[ \t]\Z")
_CONNECTION_FIELDS: Final = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
_REQUEST_PSEUDO: Final = frozenset((b":method", b":scheme", b":path", b":authority", b":protocol"))
_RESPONSE_PSEUDO: Final = frozenset((b":status",))

REQUEST: Final = 0
RESPONSE: Final = 1
TRAILERS: Final = 2


class FieldBlock:
    """Fields in their order. One object may stand for many messages: it must not be changed.

    :ivar too_large: the fields were more than allowed, and not all of them are here
    """

    def __init__(self, fields: list[tuple[bytes, bytes]], too_large: bool = False) -> None:
        self.fields: list[tuple[bytes, bytes]] = fields
        self.too_large: bool = too_large
        self._first: dict[bytes, bytes] | None = None
        self._checked: int = -1
        self._problem: str = ""

    def get(self, name: bytes) -> bytes | None:
        """The first value under a name, which is in lower case."""
        first = self._first
        if first is None:
            first = {}
            for key, value in self.fields:
                if key not in first:
                    first[key] = value
            self._first = first
        return first.get(name)

    def problem(self, kind: int) -> str:
        """What makes a message of these fields malformed; empty if nothing does.

        :param kind: :data:`REQUEST`, :data:`RESPONSE` or :data:`TRAILERS`
        """
        if self._checked != kind:
            self._checked = kind
            self._problem = self._find_problem(kind)
        return self._problem

    def _find_problem(self, kind: int) -> str:
        allowed = _REQUEST_PSEUDO if kind == REQUEST else _RESPONSE_PSEUDO
        pseudo: set[bytes] = set()
        regular = False
        for name, value in self.fields:
            if _NAME.match(name) is None:
                return "a malformed field name"
            if _BAD_VALUE.search(value) is not None:
                return "a malformed field value"
            if name.startswith(b":"):
                if regular or kind == TRAILERS or name not in allowed or name in pseudo:
                    return "a pseudo-header field that may not stand there"
                pseudo.add(name)
            else:
                regular = True
                if name in _CONNECTION_FIELDS or (name == b"te" and value != b"trailers"):
                    return "a field of the connection"
        if kind == REQUEST:
            return self._request_problem(pseudo)
        return "no :status" if kind == RESPONSE and b":status" not in pseudo else ""

    def _request_problem(self, pseudo: set[bytes]) -> str:
        if b":method" not in pseudo:
            return "no :method"
        if self.get(b":method") == b"CONNECT" and b":protocol" not in pseudo:
            return "" if b":authority" in pseudo and len(pseudo) == 2 else "not a CONNECT request"
        if b":scheme" not in pseudo or not self.get(b":path"):
            return "no :scheme or :path"
        return ""
