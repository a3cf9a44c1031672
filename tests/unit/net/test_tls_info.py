"""What is noted of a handshake, and what it costs."""

from __future__ import annotations

import ssl
from typing import NoReturn

from headgate.net.tls.listener_tls import tls_info


class Session(ssl.SSLObject):
    """A finished handshake."""

    def __new__(cls) -> Session:
        return object.__new__(cls)

    def __init__(self) -> None:
        pass

    def cipher(self) -> tuple[str, str, int]:
        return "TLS_AES_256_GCM_SHA384", "TLSv1.3", 256

    def version(self) -> str:
        return "TLSv1.3"

    def selected_alpn_protocol(self) -> str | None:
        return None

    @property
    def session_reused(self) -> bool:
        return True

    @property
    def session(self) -> NoReturn:
        raise AssertionError("OpenSSL copies the session to tell it: 15 us of each handshake")

    @session.setter
    def session(self, session: ssl.SSLSession | None) -> None:
        raise AssertionError("set by nobody")


def test_a_handshake_is_described_without_a_copy_of_its_session() -> None:
    session = Session()
    info = tls_info(session)
    assert (info.version, info.cipher, info.protocol, info.resumed) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "", True)
    assert info.session() is session
    del session
    assert info.session() is None, "what OpenSSL keeps goes with the connection"
