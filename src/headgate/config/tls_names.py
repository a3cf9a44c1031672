"""Names of TLS versions, cipher suites and curves, as MOSN (that is, Go) and OpenSSL write them."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Final

VERSIONS: Final[dict[str, ssl.TLSVersion]] = {
    "tlsv1_0": ssl.TLSVersion.TLSv1,
    "tlsv1_1": ssl.TLSVersion.TLSv1_1,
    "tlsv1_2": ssl.TLSVersion.TLSv1_2,
    "tlsv1_3": ssl.TLSVersion.TLSv1_3,
}
"""``min_version`` and ``max_version``, beside ``tls_auto``."""

AUTO_VERSION: Final = "tls_auto"
"""The default: 1.2 at least, 1.3 at most."""

OLD_VERSIONS: Final = frozenset({"tlsv1_0", "tlsv1_1"})
"""Not to be had by default; RFC 8996 forbids them."""

CURVES: Final[dict[str, str]] = {"x25519": "X25519", "p256": "prime256v1", "p384": "secp384r1", "p521": "secp521r1"}
"""``ecdh_curves`` -> OpenSSL's name."""

DEFAULT_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""TLS 1.2: forward secrecy and authenticated encryption only."""

TLS13_SUITES: Final = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
"""Always on with TLS 1.3; they cannot be chosen (nor can they in Go)."""

_GO_CIPHERS: Final[dict[str, str]] = {
    "RSA-AES128-CBC-SHA": "AES128-SHA",
    "RSA-AES256-CBC-SHA": "AES256-SHA",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-CBC-SHA": "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-CBC-SHA": "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES128-CBC-SHA": "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-CBC-SHA": "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-CHACHA20-POLY1305-SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-CHACHA20-POLY1305-SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""MOSN's and Go's names -> OpenSSL's, where they differ or OpenSSL reads no such name."""


@cache
def openssl_ciphers() -> frozenset[str]:
    """The single cipher suites of TLS 1.2 and before that this OpenSSL has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return frozenset(cipher["name"] for cipher in context.get_ciphers()) - TLS13_SUITES


def known_ciphers() -> frozenset[str]:
    """Every name that ``cipher_suites`` may hold."""
    return openssl_ciphers() | frozenset(_GO_CIPHERS) | TLS13_SUITES


def openssl_cipher(name: str) -> str:
    """A suite by OpenSSL's name; an empty string if there is none of that name or it belongs to TLS 1.3."""
    name = name.upper()
    translated = _GO_CIPHERS.get(name, name)
    return translated if translated in openssl_ciphers() else ""


def parts(value: str, separator: str) -> list[str]:
    """The entries of a list that is written as a text."""
    return [part.strip() for part in value.split(separator) if part.strip()]
