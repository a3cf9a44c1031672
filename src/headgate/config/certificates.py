"""Certificates and keys out of a configuration: read, parsed and held against each other, so that what is wrong is told at load.

A value is the path of a PEM file, made absolute when the configuration is loaded, or the PEM text itself. No message ever holds
a part of a key.
"""

from __future__ import annotations

import datetime
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

_PEM: Final = "-----BEGIN "
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=]{60,}")
"""The shortest private keys, of Ed25519, have 64 characters."""
_MAX_SIZE: Final = 1 << 20
"""Bytes of a file; a bundle of all public CAs has about 250,000."""


class CertificateError(Exception):
    """What is wrong with a certificate or key.

    :ivar key: the key of the ``tls_context`` that it is about
    :ivar message: what is wrong
    :ivar hint: what to do
    """

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class CertificateFacts:
    """What is known of a checked certificate.

    :ivar label: its subject, for messages
    :ivar names: the names that it is for, lower case: DNS names, or the common name if there are none
    :ivar not_before: seconds since the epoch
    :ivar not_after: likewise
    :ivar fingerprint: SHA-256 of it
    """

    label: str
    names: tuple[str, ...]
    not_before: float
    not_after: float
    fingerprint: bytes


def is_pem(value: str) -> bool:
    """Whether a value is the PEM text itself, not a path."""
    return _PEM in value


def read_pem(value: str, key: str) -> str:
    """The PEM text of a value.

    :param key: the key of the ``tls_context``, for messages
    :raises CertificateError: if the file cannot be read or holds no PEM
    """
    if is_pem(value):
        return value
    path = Path(value)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CertificateError(key, f"{value}: is not a regular file")
        if status.st_size > _MAX_SIZE:
            raise CertificateError(key, f"{value}: larger than {_MAX_SIZE >> 20} MiB")
        text = path.read_bytes().decode("ascii", "replace")
    except ValueError as error:
        raise CertificateError(key, str(error)) from None
    except OSError as error:
        if _may_be_key(value):
            hint = 'not shown, for it may be a key; a PEM text has lines such as "-----BEGIN PRIVATE KEY-----"'
            raise CertificateError(key, "neither a file nor a PEM text", hint) from None
        hint = "relative paths start at the configuration file's folder" if isinstance(error, FileNotFoundError) else ""
        raise CertificateError(key, f"{value}: {(error.strerror or str(error)).lower()}", hint) from None
    if not is_pem(text):
        raise CertificateError(key, f"{value}: holds no PEM block", 'PEM files have lines such as "-----BEGIN CERTIFICATE-----"')
    return text


def _may_be_key(value: str) -> bool:
    """Whether what is no file could be a key without the lines around it, which no message may repeat."""
    return "\n" in value or _BASE64.search(value) is not None


def read_certificates(text: str, key: str) -> list[x509.Certificate]:
    """The certificates of a PEM text.

    :raises CertificateError: if there is none, or one is damaged
    """
    if "-----BEGIN CERTIFICATE-----" not in text:
        hint = "it holds a private key; are the two keys swapped?" if "PRIVATE KEY" in text else ""
        raise CertificateError(key, "no certificate in it", hint)
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        for certificate in found:
            certificate.public_bytes(Encoding.DER)
        return found
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(key, "a certificate in it is damaged", "try: openssl x509 -in FILE -noout -text") from None


def check_ca(text: str) -> None:
    """Whether CA certificates can be used.

    :raises CertificateError: if not
    """
    read_certificates(text, "ca_cert")


def check_pair(chain_pem: str, key_pem: str) -> CertificateFacts:
    """Whether certificate and key can be used, and belong together.

    :raises CertificateError: if not; that the certificate has expired is the caller's to judge
    """
    chain = read_certificates(chain_pem, "cert_chain")
    key = _read_key(key_pem)
    leaf = chain[0]
    try:
        ours = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        theirs = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("cert_chain", "a key of a kind that cannot be used", "RSA, ECDSA and Ed25519 can") from None
    if ours != theirs:
        hint = "the certificate of the key must come first" if len(chain) > 1 else ""
        raise CertificateError("private_key", f"the key does not belong to the certificate of {_label(leaf)}", hint)
    return facts(leaf)


def facts(certificate: x509.Certificate) -> CertificateFacts:
    """What is known of a certificate.

    :raises CertificateError: if its names cannot be read
    """
    try:
        names = _names(certificate)
    except ValueError:
        raise CertificateError("cert_chain", "the names in the certificate are damaged") from None
    return CertificateFacts(
        _label(certificate),
        names,
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        certificate.fingerprint(SHA256()),
    )


class _PublicKey:
    """Any public key: only what is common to all kinds."""

    def public_bytes(self, encoding: Encoding, format: PublicFormat) -> bytes:
        raise NotImplementedError


def _read_key(text: str) -> _PublicKey:
    """The public half of a private key."""
    if "PRIVATE KEY-----" not in text:
        hint = "it holds a certificate; are the two keys swapped?" if "BEGIN CERTIFICATE" in text else ""
        raise CertificateError("private_key", "no private key in it", hint)
    if "ENCRYPTED PRIVATE KEY" in text or "Proc-Type: 4,ENCRYPTED" in text:
        raise CertificateError("private_key", "the key is encrypted", "decrypt it: openssl pkey -in FILE -out PLAIN")
    try:
        public: _PublicKey = load_pem_private_key(text.encode(), None).public_key()  # type: ignore[assignment]  # X25519 and DH have it, too
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not the library's message: it might quote what it read.
        raise CertificateError("private_key", "the key is damaged or of an unknown kind", "try: openssl pkey -in FILE -noout") from None
    return public


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*alternative.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        names = []
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    names += [str(attribute.value) for attribute in common]
    return tuple(dict.fromkeys(name.lower() for name in names))


def _label(certificate: x509.Certificate) -> str:
    return repr(certificate.subject.rfc4514_string() or "(no subject)")


def when(seconds: float) -> str:
    """A time as messages show it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
