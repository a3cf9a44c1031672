"""Certificate extensions: where the certificates of a TLS context come from, and what makes a peer acceptable.

``tls_context.type`` names one; its ``extend_verify`` is its configuration. It is created when the context is built (start and reload),
from the whole ``tls_context``, and lives as long as that configuration. A class is enough::

    @certificate_provider("vault", config=VaultConfig)
    class Vault(CertificateProvider):
        def certificates(self) -> Sequence[CertificatePair]:
            return [CertificatePair(chain, key)]

What is not overridden is as configured: files or PEM texts, the usual verification.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import TypeVar

from headgate.api.errors import ExtensionError, RegistrationError
from headgate.api.registry import Registry


class ClientAuth(Enum):
    """What a server asks of its clients."""

    NONE = "none"
    """No certificate."""
    VERIFY_IF_GIVEN = "verify_if_given"
    """A certificate is asked for; one that comes must be good."""
    REQUIRE_AND_VERIFY = "require_and_verify"
    """Without a good certificate there is no connection."""


@dataclass(frozen=True)
class CertificatePair:
    """A certificate with its key.

    :ivar chain_pem: the certificate and what leads from it to the CA, in PEM form
    :ivar key_pem: its private key in PEM form, not encrypted; never shown
    """

    chain_pem: str
    key_pem: str = field(repr=False)


@dataclass(frozen=True)
class PeerCertificate:
    """The certificate that a peer has shown and that our CA vouches for.

    :ivar der: the certificate
    :ivar subject: its subject, RFC 4514, e.g. ``CN=client,O=Example``
    :ivar common_names: the common names of its subject
    :ivar dns_names: DNS names among its subject alternative names; likewise ``uris``, ``ip_addresses``, ``emails``
    """

    der: bytes = field(repr=False)
    subject: str
    common_names: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All subject alternative names."""
        return (*self.dns_names, *self.uris, *self.ip_addresses, *self.emails)


class CertificateRejected(ExtensionError):
    """A verification hook does not accept the peer's certificate; the message goes to the log."""


class CertificateUnavailable(ExtensionError):
    """No certificate can be had, and none was before."""


class TlsSettings:
    """The ``tls_context`` that a provider is created from.

    :ivar server_side: a listener's; else a cluster's
    :ivar server_name: as configured
    :ivar pairs: certificates and keys as configured (files are read already); empty if there are none
    :ivar ca_pem: CA certificates as configured; empty if there are none
    :ivar client_auth: what ``verify_client`` and ``require_client_cert`` come to
    :ivar insecure_skip: a client that does not verify its server
    :ivar config_path: where the context stands in the configuration, for messages
    """

    def __init__(
        self,
        server_side: bool,
        server_name: str = "",
        pairs: Sequence[CertificatePair] = (),
        ca_pem: str = "",
        client_auth: ClientAuth = ClientAuth.NONE,
        insecure_skip: bool = False,
        config_path: str = "",
    ) -> None:
        self.server_side: bool = server_side
        self.server_name: str = server_name
        self.pairs: Sequence[CertificatePair] = pairs
        self.ca_pem: str = ca_pem
        self.client_auth: ClientAuth = client_auth
        self.insecure_skip: bool = insecure_skip
        self.config_path: str = config_path


class CertificateProvider:
    """Supplies one TLS context. Subclass it and override what is needed.

    :ivar settings: the ``tls_context``
    :ivar config: its ``extend_verify``, parsed
    """

    def __init__(self, settings: TlsSettings, config: object) -> None:
        self.settings = settings
        self.config = config

    def certificates(self) -> Sequence[CertificatePair]:
        """The certificates to show; several (RSA and ECDSA, say) are offered together. May wait: it runs in the build's thread.

        The default is what is configured. An empty list on the server's side is an error, unless :attr:`deferred` is true.
        """
        return self.settings.pairs

    def ca_pool(self) -> str:
        """The CA certificates that peers are verified against, PEM; empty: a client uses the system's.

        The default is what is configured.
        """
        return self.settings.ca_pem

    def client_auth(self) -> ClientAuth:
        """What a server asks of its clients. The default is what is configured."""
        return self.settings.client_auth

    def verify_client(self, peer: PeerCertificate) -> None:
        """Server: look at a client's certificate, after the CA pool has vouched for it. Runs in the worker's loop and must not wait.

        :raises CertificateRejected: to refuse the connection
        """

    def verify_server(self, peer: PeerCertificate, server_name: str) -> None:
        """Client: look at a server's certificate, after the CA pool has vouched for it. Overriding this replaces the comparison of its
        names with ``server_name``. Runs in the worker's loop and must not wait.

        :raises CertificateRejected: to refuse the connection
        """

    def hash(self) -> str:
        """What decides whether something has changed: after :meth:`refresh`, another value has the context made anew, and connections to
        hosts renewed. The default is a digest of certificates, CA pool and client authentication."""
        digest = sha256()
        for pair in self.certificates():
            digest.update(sha256(pair.chain_pem.encode()).digest() + sha256(pair.key_pem.encode()).digest())
        digest.update(sha256(self.ca_pool().encode()).digest() + self.client_auth().value.encode())
        return digest.hexdigest()

    @property
    def deferred(self) -> bool:
        """Nothing could be had, because nothing was asked: ``headgate check`` starts no plugins. Only then may a server's context have no
        certificate. The default is false."""
        return False

    def refresh_after(self) -> float:
        """Seconds from now to the next :meth:`refresh`; 0: never. The default never refreshes."""
        return 0.0

    async def refresh(self) -> None:
        """Get what :meth:`certificates` and :meth:`ca_pool` give anew, in the worker's loop.

        Whatever it raises is logged and counted, and what was there goes on. The default does nothing.
        """

    def close(self) -> None:
        """The configuration that this belongs to is gone. The default does nothing."""


CreateCertificateProvider = Callable[[TlsSettings, object], CertificateProvider]
"""A create function: the ``tls_context`` and its parsed ``extend_verify`` in, provider out. What it raises stops the load."""

CERTIFICATE_PROVIDERS: Registry[CertificateProvider] = Registry("certificate_providers")
"""Certificate extensions by name; entry-point group ``headgate.certificate_providers``."""

Registered = TypeVar("Registered")


def certificate_provider(name: str, *, config: type | None = None) -> Callable[[Registered], Registered]:
    """Register a certificate extension under the name that ``tls_context.type`` gives.

    Decorates either a :class:`CertificateProvider` subclass, or a create function (settings and parsed configuration in, provider out).

    :param name: the ``type``
    :param config: type of ``extend_verify``: a pydantic model, a dataclass, ...; without it the provider gets the mapping as it stands
    :raises RegistrationError: if the name is taken, or if what is decorated is neither
    """

    def register(target: Registered) -> Registered:
        is_provider = isinstance(target, type) and issubclass(target, CertificateProvider)
        if not is_provider and (isinstance(target, type) or not callable(target)):
            raise RegistrationError(
                f"certificate provider {name!r}: expected a CertificateProvider subclass or a create function, got {target!r}"
            )
        create: Callable[..., CertificateProvider] = target  # type: ignore[assignment]  # checked above
        CERTIFICATE_PROVIDERS.register(name, create, config, origin=getattr(target, "__module__", "?"))
        return target

    return register


def san_matches(pattern: str, name: str) -> bool:
    """Whether a DNS name fits a pattern: equal in any case, or below ``*.``, for one label (RFC 6125 section 6.4.3)."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        label, dot, parent = name.partition(".")
        return bool(label and dot) and parent == pattern[2:]
    return pattern == name
