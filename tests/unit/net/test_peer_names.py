"""Names that a TLS peer chooses, on their way into headers and logs."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from headgate.api.stream import TlsInfo
from headgate.net.tls.client_hello import COMPLETE, ClientHello
from headgate.net.tls.listener_tls import describe_peer


def _certificate(common_name: str, *names: x509.GeneralName) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    begin = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + datetime.timedelta(days=1))
    return builder.add_extension(x509.SubjectAlternativeName(names), False).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_certificate_cannot_add_fields_to_a_request() -> None:
    line = "\r\nX-Evil: 1\r\n\r\nGET /admin HTTP/1.1"
    info = TlsInfo("TLSv1.3", "", "", False)
    der = _certificate("a" + line, x509.UniformResourceIdentifier("spiffe://a" + line), x509.DNSName("a" + line))
    describe_peer(der, info)
    assert info.forwarded.count("X-Evil") == 3
    assert info.forwarded.isprintable()
    assert info.peer_subject.isprintable()


def _client_hello(server_name: bytes) -> bytes:
    entry = b"\x00" + len(server_name).to_bytes(2, "big") + server_name
    extension = b"\x00\x00" + (len(entry) + 2).to_bytes(2, "big") + len(entry).to_bytes(2, "big") + entry
    body = bytes(34) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + len(extension).to_bytes(2, "big") + extension
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        (b"Example.COM.", "example.com"),
        (b"a_b-c.test", "a_b-c.test"),
        (b"a\nb", ""),
        (b"a\r\nX: 1", ""),
        (b"a b", ""),
        (b"a\x7f", ""),
        (b"", ""),
    ],
)
def test_a_server_name_is_one_or_it_is_none(asked: bytes, read: str) -> None:
    hello = ClientHello()
    assert hello.read(_client_hello(asked)) == COMPLETE
    assert hello.server_name == read
