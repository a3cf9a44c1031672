"""From a ``tls_context`` of the configuration to a context that can shake hands.

Contexts are shared: two configurations that come to the same (certificates, keys and settings) get one, so that a reload that
changes nothing about TLS keeps the session tickets that clients have.
"""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
import tempfile
import weakref
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from headgate.api.certificates import (
    CERTIFICATE_PROVIDERS,
    CertificatePair,
    CertificateProvider,
    ClientAuth,
    TlsSettings,
)
from headgate.api.errors import ConfigError
from headgate.api.registry import ExtensionScope
from headgate.config.certificates import CertificateError, CertificateFacts, check_ca, check_pair, read_pem
from headgate.config.findings import join
from headgate.config.models import TlsContextConfig
from headgate.config.tls_names import CURVES, DEFAULT_CIPHERS, OLD_VERSIONS, VERSIONS, openssl_cipher, parts
from headgate.net.tls import providers as _builtin_providers  # registers them
from headgate.net.tls.context import TlsContext

BUILT_IN_MODULES: Final = (_builtin_providers.__name__,)
"""Origins of the certificate extensions that ship with Headgate."""

_LOG: Final = logging.getLogger("headgate.net")
_SPOKEN: Final = frozenset({"http/1.1"})
_shared: Final[weakref.WeakValueDictionary[bytes, ssl.SSLContext]] = weakref.WeakValueDictionary()


def client_auth(config: TlsContextConfig) -> ClientAuth:
    """What ``verify_client`` and ``require_client_cert`` come to, as in MOSN. The latter alone only asks, which changes nothing."""
    if not config.verify_client:
        return ClientAuth.NONE
    return ClientAuth.REQUIRE_AND_VERIFY if config.require_client_cert else ClientAuth.VERIFY_IF_GIVEN


def create_provider(config: TlsContextConfig, path: str, server_side: bool, scope: ExtensionScope | None) -> CertificateProvider:
    """The certificate extension of a context.

    :param path: where the context stands
    :raises ConfigError: for an unknown ``type``, files that cannot be read, and whatever the extension raises
    :raises ConfigRejected: for an ``extend_verify`` that does not fit
    """
    registration = CERTIFICATE_PROVIDERS.find(config.type, join(path, "type"), scope)
    parsed = registration.parse(config.extend_verify, join(path, "extend_verify"))
    pairs = []
    try:
        if config.cert_chain and config.private_key:
            pairs.append(CertificatePair(read_pem(config.cert_chain, "cert_chain"), read_pem(config.private_key, "private_key")))
        ca_pem = read_pem(config.ca_cert, "ca_cert") if config.ca_cert else ""
    except CertificateError as error:
        raise ConfigError(join(path, error.key), error.message, error.hint) from None
    settings = TlsSettings(server_side, config.server_name, pairs, ca_pem, client_auth(config), config.insecure_skip, path)
    try:
        provider = registration.create(settings, parsed)
    except ConfigError as error:
        raise ConfigError(error.path or join(path, "type"), error.message, error.hint) from error
    except Exception as error:
        # The type only: a message could hold what must not be shown.
        message = f"certificate extension {config.type!r} cannot be created: {type(error).__name__}: {error}"
        raise ConfigError(join(path, "type"), message, registration.origin) from error
    if not isinstance(provider, CertificateProvider):
        raise ConfigError(join(path, "type"), f"certificate extension {config.type!r} made {provider!r}, not a CertificateProvider")
    return provider


def build_context(config: TlsContextConfig, provider: CertificateProvider, path: str) -> TlsContext | None:
    """The context, with what its provider has at present.

    :param path: where the context stands
    :returns: None if the provider has put off asking (``headgate check``)
    :raises ConfigError: for what cannot be used
    """
    if provider.deferred:
        return None
    try:
        return _build(config, provider)
    except CertificateError as error:
        given: object = getattr(config, error.key, "")
        key = error.key if not config.type or given else "type"
        raise ConfigError(join(path, key), error.message, error.hint) from None
    except ssl.SSLError as error:
        raise ConfigError(path, f"OpenSSL refuses it: {(error.reason or 'unknown reason').replace('_', ' ').lower()}") from None


def _build(config: TlsContextConfig, provider: CertificateProvider) -> TlsContext:
    server_side = provider.settings.server_side
    pairs = list(provider.certificates())
    ca_pem = provider.ca_pool()
    auth = provider.client_auth()
    facts = [check_pair(pair.chain_pem, pair.key_pem) for pair in pairs]
    if ca_pem:
        check_ca(ca_pem)
    if server_side and not pairs:
        raise CertificateError("cert_chain", "missing: a server needs a certificate")
    if server_side and auth is not ClientAuth.NONE and not ca_pem:
        raise CertificateError("ca_cert", "missing: clients cannot be verified without it")
    checks_names = not server_side and type(provider).verify_server is CertificateProvider.verify_server
    key = _digest(config, pairs, ca_pem, auth, server_side, checks_names)
    context = _shared.get(key)
    if context is None:
        context = _openssl_context(config, server_side)
        for pair in pairs:
            _load_pair(context, pair)
        _set_verification(context, config, ca_pem, auth, server_side, checks_names)
        _shared[key] = context
    protocols = [name for name in parts(config.alpn, ",") if name in _SPOKEN]
    own_check = type(provider).verify_client is not CertificateProvider.verify_client if server_side else not checks_names
    verifies = auth is not ClientAuth.NONE if server_side else not config.insecure_skip
    return TlsContext(
        context,
        server_side,
        config.server_name or (facts[0].names[0] if facts and facts[0].names else "default"),
        _names(config, facts),
        protocols or ["http/1.1"],
        min((fact.not_after for fact in facts), default=0.0),
        provider if own_check and verifies else None,
        max((fact.not_before for fact in facts), default=0.0),
    )


def _names(config: TlsContextConfig, facts: list[CertificateFacts]) -> list[str]:
    names = [name for fact in facts for name in fact.names]
    if config.server_name:
        names.insert(0, config.server_name.lower())
    return list(dict.fromkeys(names))


def _digest(
    config: TlsContextConfig, pairs: list[CertificatePair], ca_pem: str, auth: ClientAuth, server_side: bool, checks_names: bool
) -> bytes:
    settings = (
        config.min_version,
        config.max_version,
        config.cipher_suites,
        config.ecdh_curves,
        config.alpn,
        config.ticket.lower(),
        config.insecure_skip,
        auth.value,
        server_side,
        checks_names,
        ca_pem,
    )
    digest = sha256(repr(settings).encode())
    for pair in pairs:
        digest.update(sha256(pair.chain_pem.encode()).digest() + sha256(pair.key_pem.encode()).digest())
    return digest.digest()


def _openssl_context(config: TlsContextConfig, server_side: bool) -> ssl.SSLContext:
    """Versions, ciphers and habits; neither certificates nor verification yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    old = {config.min_version.lower(), config.max_version.lower()} & OLD_VERSIONS
    chosen = [name for name in (openssl_cipher(part) for part in parts(config.cipher_suites, ":")) if name]
    ciphers = ":".join(chosen) or (f"{DEFAULT_CIPHERS}:ECDHE+AES:RSA+AES" if old else DEFAULT_CIPHERS)
    # TLS 1.0 and 1.1 sign with SHA-1, which OpenSSL 3 does at security level 0 only.
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0" if old else ciphers)
    context.minimum_version = VERSIONS.get(config.min_version.lower(), ssl.TLSVersion.TLSv1_2)
    context.maximum_version = VERSIONS.get(config.max_version.lower(), ssl.TLSVersion.TLSv1_3)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if server_side:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        context.num_tickets = 1  # for TLS 1.3; OpenSSL would make two for each handshake
    if config.ticket.lower() in ("off", "false"):
        context.options |= ssl.OP_NO_TICKET
        if server_side:
            context.num_tickets = 0
    curves = parts(config.ecdh_curves, ",")
    if len(curves) == 1:
        _set_curve(context, CURVES[curves[0].lower()])
    alpn = [name for name in parts(config.alpn, ",") if name in _SPOKEN]
    if alpn or server_side:
        context.set_alpn_protocols(alpn or ["http/1.1"])
    return context


def _set_curve(context: ssl.SSLContext, curve: str) -> None:
    try:
        context.set_ecdh_curve(curve)
    except ssl.SSLError:
        # Older releases of Python (3.11.2 of Debian 12) set curves by a way that X25519 is too new for. OpenSSL's list begins with it.
        if curve != "X25519":
            raise
        _LOG.warning("this Python cannot restrict TLS to x25519: OpenSSL's list of curves is offered, which begins with it")


def _set_verification(
    context: ssl.SSLContext, config: TlsContextConfig, ca_pem: str, auth: ClientAuth, server_side: bool, checks_names: bool
) -> None:
    # An intermediate CA in the pool is as good as a root, as in Go.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if server_side:
        if auth is not ClientAuth.NONE:
            required = auth is ClientAuth.REQUIRE_AND_VERIFY
            context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=ca_pem)
    elif not config.insecure_skip:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = checks_names
        if ca_pem:
            context.load_verify_locations(cadata=ca_pem)
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)


def _load_pair(context: ssl.SSLContext, pair: CertificatePair) -> None:
    with _private_file(f"{pair.chain_pem.strip()}\n{pair.key_pem.strip()}\n".encode()) as path:
        # The key is known not to be encrypted; a password callback keeps OpenSSL from ever asking at the terminal.
        context.load_cert_chain(path, password=_no_password)


def _no_password() -> bytes:
    return b""


@contextlib.contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """A file for the functions of ``ssl`` that read nothing else: in memory, where no other user and no disk sees it."""
    if not hasattr(os, "memfd_create") or not os.path.isdir("/proc/self/fd"):
        with tempfile.NamedTemporaryFile() as file:  # readable for its owner only
            file.write(content)
            file.flush()
            yield file.name
        return
    fd = os.memfd_create("headgate-certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(content)
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
