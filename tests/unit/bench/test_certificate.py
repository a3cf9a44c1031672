from __future__ import annotations

import ssl
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate

from bench.certificate import make_certificate


def test_a_certificate_fits_its_key_and_is_on_p256(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain, made.key)
    key = load_pem_x509_certificate(made.chain.read_bytes()).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
