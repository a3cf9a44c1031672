"""TLS of one listener under one configuration, and of the connections to one host. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

import re
import ssl
import weakref
from hashlib import sha256
from typing import Final

from headgate.api.stream import TlsInfo
from headgate.net.tls.context import ContextChoice
from headgate.net.tls.peer import peer_certificate
from headgate.observe.tls_stats import TlsStats

_SEPARATOR: Final = re.compile(r'[,;="\\]')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class ListenerTls:
    """What a listener needs for accepted connections.

    :ivar choice: its contexts
    :ivar inspector: plain text is taken, too, told by the first byte
    :ivar timeout: seconds for a handshake
    :ivar stats: its statistics
    """

    def __init__(self, choice: ContextChoice, inspector: bool, timeout: float, stats: TlsStats) -> None:
        self.choice: ContextChoice = choice
        self.inspector: bool = inspector
        self.timeout: float = timeout
        self.stats: TlsStats = stats


def tls_info(session: ssl.SSLObject) -> TlsInfo:
    """What a complete handshake came to."""
    cipher = session.cipher()
    info = TlsInfo(
        session.version() or "",
        cipher[0] if cipher is not None else "",
        session.selected_alpn_protocol() or "",
        bool(session.session_reused),
    )
    info.session = weakref.ref(session)
    return info


def describe_peer(der: bytes, info: TlsInfo) -> None:
    """Note who the client is, for logs and ``X-Forwarded-Client-Cert`` (in Envoy's form)."""
    peer = peer_certificate(der)
    info.peer_subject = _one_line(peer.subject)
    subject = info.peer_subject.replace("\\", "\\\\").replace('"', '\\"')
    parts = [f"Hash={sha256(der).hexdigest()}", f'Subject="{subject}"']
    parts.extend([f"URI={_element(_one_line(uri))}" for uri in peer.uris])
    parts.extend([f"DNS={_element(_one_line(name))}" for name in peer.dns_names])
    info.forwarded = ";".join(parts).encode("ascii", "backslashreplace").decode()


def _element(value: str) -> str:
    """A value as an element of the header: in quotes if it holds what separates elements."""
    if _SEPARATOR.search(value) is not None:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return value


def _one_line(value: str) -> str:
    """A name without control characters: a certificate may hold line ends, which would begin further fields, or a request of its own."""
    return _CONTROL.sub(_escaped, value)


def _escaped(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"
