"""A certificate's names, for verification hooks, headers and logs."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from headgate.api.certificates import PeerCertificate


def peer_certificate(der: bytes) -> PeerCertificate:
    """The names of a certificate; of one whose names cannot be read, as few as can.

    :param der: a certificate that OpenSSL has accepted
    """
    try:
        return describe(x509.load_der_x509_certificate(der))
    except ValueError:
        return PeerCertificate(der, "")


def describe(certificate: x509.Certificate) -> PeerCertificate:
    """The names of a certificate.

    :raises ValueError: if one cannot be read
    """
    der = certificate.public_bytes(Encoding.DER)
    common = tuple(str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return PeerCertificate(der, certificate.subject.rfc4514_string(), common)
    return PeerCertificate(
        der,
        certificate.subject.rfc4514_string(),
        common,
        tuple(names.get_values_for_type(x509.DNSName)),
        tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)),
        tuple(names.get_values_for_type(x509.RFC822Name)),
    )
