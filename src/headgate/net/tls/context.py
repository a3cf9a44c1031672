"""What a handshake works with: one OpenSSL context for each ``tls_context``, never one for each connection, and the choice among them.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
import ssl
from typing import Final

from headgate.api.certificates import CertificateProvider, CertificateRejected
from headgate.net.tls.client_hello import ClientHello
from headgate.net.tls.peer import peer_certificate

_LOG: Final = logging.getLogger("headgate.net")


class TlsContext:
    """One context, ready for handshakes.

    :param verifier: looks at peers' certificates itself; None: what OpenSSL verifies is enough

    :ivar context: OpenSSL's
    :ivar server_side: it accepts; else it connects
    :ivar label: what logs and metrics call it
    :ivar names: names that its certificates are for, in lower case, ``*.`` for wildcards
    :ivar protocols: application protocols that it offers (ALPN)
    :ivar not_after: when the first of its certificates expires, seconds since the epoch; 0.0: it has none
    :ivar not_before: when the last of them becomes valid, likewise
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        server_side: bool,
        label: str,
        names: list[str],
        protocols: list[str],
        not_after: float,
        verifier: CertificateProvider | None,
        not_before: float = 0.0,
    ) -> None:
        self.context: ssl.SSLContext = context
        self.server_side: bool = server_side
        self.label: str = label
        self.names: list[str] = names
        self.protocols: list[str] = protocols
        self.not_after: float = not_after
        self.not_before: float = not_before
        self._verifier = verifier

    def peer_refused(self, session: ssl.SSLObject, server_name: str) -> str:
        """Have the certificate extension look at the peer, after the handshake.

        :returns: why the peer is refused; an empty string if it is not
        """
        verifier = self._verifier
        if verifier is None:
            return ""
        der = session.getpeercert(True)
        if der is None:
            return ""  # where one is required, OpenSSL has seen to it
        try:
            if self.server_side:
                verifier.verify_client(peer_certificate(der))
            else:
                verifier.verify_server(peer_certificate(der), server_name)
        except CertificateRejected as error:
            return str(error) or "refused by the certificate extension"
        except Exception:
            _LOG.exception("the certificate extension of %s failed", self.label)
            return "the certificate extension failed"
        return ""


class ContextChoice:
    """The contexts of a listener. The one that is chosen for a client is, as in MOSN: the first with a certificate for the name that the
    client asks for, else the first that shares a protocol with it, else the first."""

    def __init__(self, contexts: list[TlsContext]) -> None:
        self.contexts: list[TlsContext] = contexts
        self._by_name: dict[str, TlsContext] = {}
        self.update(contexts)

    def update(self, contexts: list[TlsContext]) -> None:
        """Take others from the next handshake on."""
        by_name: dict[str, TlsContext] = {}
        for context in contexts:
            for name in context.names:
                if name not in by_name:
                    by_name[name] = context
        self.contexts = contexts
        self._by_name = by_name

    def choose(self, hello: ClientHello) -> TlsContext:
        """The context for a client."""
        contexts = self.contexts
        if len(contexts) == 1:
            return contexts[0]
        name = hello.server_name
        if name:
            found = self._by_name.get(name)
            if found is None:
                dot = name.find(".")
                if dot > 0:
                    found = self._by_name.get("*" + name[dot:])
            if found is not None:
                return found
        if hello.protocols:
            for context in contexts:
                for protocol in context.protocols:
                    if protocol in hello.protocols:
                        return context
        return contexts[0]
