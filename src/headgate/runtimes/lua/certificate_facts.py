"""What scripts can ask about a client's certificate, in Envoy's forms.

Not compiled: the library that reads certificates is not there when mypyc compiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

_NAMES: Final = {NameOID.EMAIL_ADDRESS: "emailAddress"}
"""Attributes that RFC 2253 does not name and OpenSSL does."""
_KEPT: Final = 128


@dataclass(frozen=True)
class CertificateFacts:
    """One certificate.

    :ivar subject: RFC 2253; likewise ``issuer``
    :ivar serial: hexadecimal, whole bytes
    :ivar sha256: of its DER form, hexadecimal
    :ivar valid_from: seconds since 1970; likewise ``valid_to``
    :ivar common_name: of the subject, the first; likewise ``organizations``, all of them
    :ivar uris: URIs among its alternative names; likewise ``dns_names``
    :ivar oids: of its extensions
    """

    subject: str
    issuer: str
    serial: str
    sha256: str
    valid_from: int
    valid_to: int
    common_name: str
    organizations: tuple[str, ...]
    uris: tuple[str, ...]
    dns_names: tuple[str, ...]
    oids: tuple[str, ...]


@lru_cache(_KEPT)
def certificate_facts(pem: str) -> CertificateFacts:
    """Read a certificate that OpenSSL has accepted.

    :raises ValueError: if it cannot be read all the same
    """
    certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
    number = certificate.serial_number
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(_NAMES),
        issuer=certificate.issuer.rfc4514_string(_NAMES),
        serial=number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big").hex(),
        sha256=certificate.fingerprint(SHA256()).hex(),
        valid_from=int(certificate.not_valid_before_utc.timestamp()),
        valid_to=int(certificate.not_valid_after_utc.timestamp()),
        common_name=next(iter(_attributes(certificate, NameOID.COMMON_NAME)), ""),
        organizations=_attributes(certificate, NameOID.ORGANIZATION_NAME),
        uris=_alternative_names(certificate, x509.UniformResourceIdentifier),
        dns_names=_alternative_names(certificate, x509.DNSName),
        oids=tuple(extension.oid.dotted_string for extension in certificate.extensions),
    )


def _attributes(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid))


def _alternative_names(certificate: x509.Certificate, kind: type[x509.UniformResourceIdentifier] | type[x509.DNSName]) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(kind))
