"""What Lua calls for the TLS of a connection (see :mod:`headgate.runtimes.lua.host`).

What the connection does not know (its own certificate, the chain that the client sent) is not here either.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from headgate.api.stream import TlsInfo
from headgate.runtimes.lua.certificate_facts import certificate_facts

if TYPE_CHECKING:
    from headgate.api.stream import ConnectionInfo
    from headgate.runtimes.lua.host import LuaHost, Value

_OF_THE_PEER = ("subject", "issuer", "serial", "sha256", "common_name")
_LISTS = ("uris", "dns_names", "oids", "organizations")
_TIMES = ("valid_from", "valid_to")


class TlsCalls:
    """The functions over TLS of one Lua state."""

    def __init__(self, host: LuaHost) -> None:
        self._host = host

    def functions(self) -> dict[bytes, Callable[..., object]]:
        """Every function by its name in Lua."""
        return {b"tls": self.tls, b"tls_text": self.text, b"tls_list": self.list, b"tls_time": self.time}

    def _connection(self) -> ConnectionInfo:
        return self._host.stream.connection

    def tls(self, question: bytes) -> bool | None:
        """A yes or no. ``False`` means failure, so no is None."""
        connection = self._connection()
        presented = connection.tls_peer_certificate is not None
        tls = connection.tls
        answers = {
            b"there": tls is not None,
            b"presented": presented,
            # One that was not valid would have ended the handshake; a resumed session has none, as in Envoy.
            b"validated": presented and tls is not None and not tls.resumed,
        }
        return True if answers[question] else None

    def text(self, name: bytes) -> Value:
        """A text; empty if there is none."""
        connection = self._connection()
        tls = connection.tls
        key = name.decode()
        if key in _OF_THE_PEER:
            text = self._of_peer(key)
        elif key == "pem":
            text = quote(connection.tls_peer_certificate or "", safe="")
        elif tls is None:
            text = ""
        elif key == "session":
            text = _session_id(tls)
        else:
            text = {"version": tls.version, "cipher": tls.cipher, "cipher_id": _cipher_id(tls.cipher)}[key]
        return self._host.push(text.encode("utf-8", "surrogateescape"))

    def list(self, name: bytes) -> Value:
        """A list of texts as JSON."""
        key = name.decode()
        assert key in _LISTS
        return self._host.push(json.dumps(self._facts(key) or (), ensure_ascii=False, separators=(",", ":")).encode())

    def time(self, name: bytes) -> int:
        """Seconds since 1970; 0 without a certificate."""
        key = name.decode()
        assert key in _TIMES
        found = self._facts(key)
        return found if isinstance(found, int) else 0

    def _of_peer(self, key: str) -> str:
        found = self._facts(key)
        return found if isinstance(found, str) else ""

    def _facts(self, key: str) -> object:
        pem = self._connection().tls_peer_certificate
        if pem is None:
            return None
        try:
            return getattr(certificate_facts(pem), key)
        except ValueError:
            return None  # accepted by OpenSSL, and yet one that cannot be read


@lru_cache(64)
def _cipher_id(name: str) -> str:
    """A cipher suite's number as Envoy writes it: ``0x1301``; ``0xffff`` for one that is not known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")  # to be looked at only
    for cipher in context.get_ciphers():
        if cipher["name"] == name:
            return f"0x{cipher['id'] & 0xFFFF:04x}"
    return "0xffff"


def _session_id(tls: TlsInfo) -> str:
    """The session's id in hexadecimal. Python copies the session to tell it, so only who asks pays."""
    connection = tls.session()
    session = connection.session if isinstance(connection, ssl.SSLObject) else None
    return session.id.hex() if session is not None else ""
