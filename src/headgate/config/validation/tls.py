"""Checks of TLS contexts: names of versions, ciphers and curves, keys that need each other, certificates that can be used.

Expiry is judged here, where a configuration is loaded, and not where a worker builds it: a worker that is replaced must be able to come
up with a certificate that was good when it was put in force. For the same reason an expired certificate is refused only if this process
has not had it in hand while it was valid.
"""

from __future__ import annotations

import time
from typing import Final

from headgate.config.certificates import CertificateError, CertificateFacts, check_ca, check_pair, facts, read_certificates, read_pem, when
from headgate.config.findings import Findings, join, nearest, shown
from headgate.config.models import FilterChainConfig, HeadgateConfig, TlsContextConfig
from headgate.config.tls_names import AUTO_VERSION, CURVES, OLD_VERSIONS, TLS13_SUITES, VERSIONS, known_ciphers, openssl_cipher, parts
from headgate.config.validation.texts import check_positive

EXPIRES_SOON: Final = 14 * 86400.0
"""Seconds before its end in which a certificate is warned about."""
_FILE_TYPES: Final = frozenset({"", "sni_verify"})
_seen_valid: Final[set[bytes]] = set()
"""Fingerprints of certificates that this process has loaded while they were valid."""


def validate_tls(config: HeadgateConfig, findings: Findings) -> None:
    """Every TLS context that is on."""
    for i, server in enumerate(config.servers):
        for j, listener in enumerate(server.listeners):
            for k, chain in enumerate(listener.filter_chains):
                _validate_chain(chain, listener.inspector, f"servers[{i}].listeners[{j}]", k, findings)
    manager = config.cluster_manager
    if manager.tls_context is not None:
        _Context(manager.tls_context, "cluster_manager.tls_context", False, findings).check()
    for i, cluster in enumerate(manager.clusters):
        path = f"cluster_manager.clusters[{i}]"
        if cluster.tls_context is not None:
            _Context(cluster.tls_context, f"{path}.tls_context", False, findings).check()
        if cluster.cluster_manager_tls and (manager.tls_context is None or not manager.tls_context.status):
            findings.error(
                f"{path}.cluster_manager_tls", "there is no TLS context to use", "'cluster_manager.tls_context' is missing or off"
            )


def _validate_chain(chain: FilterChainConfig, inspector: bool, listener: str, number: int, findings: Findings) -> None:
    path = f"{listener}.filter_chains[{number}]"
    contexts = [(f"{path}.tls_context_set[{n}]", context) for n, context in enumerate(chain.tls_context_set)]
    if chain.tls_context is not None:
        contexts.append((f"{path}.tls_context", chain.tls_context))
    for where, context in contexts:
        _Context(context, where, True, findings).check()
    if inspector and not any(context.status for _, context in contexts):
        findings.warn(f"{listener}.inspector", "no effect", "the listener has no TLS context that is on")


class _Context:
    """The checks of one context."""

    def __init__(self, context: TlsContextConfig, path: str, server_side: bool, findings: Findings) -> None:
        self._context = context
        self._path = path
        self._server_side = server_side
        self._findings = findings

    def check(self) -> None:
        context = self._context
        if not context.status:
            return
        self._check_versions()
        self._check_ciphers()
        self._check_curves()
        self._check_alpn()
        self._check_use()
        check_positive(context.handshake_timeout, join(self._path, "handshake_timeout"), self._findings)
        if context.ticket.lower() not in ("", "on", "off", "true", "false"):
            self._error("ticket", f"neither on nor off: {shown(context.ticket)}")
        if context.type in _FILE_TYPES:
            self._check_files()

    def _error(self, key: str, message: str, hint: str = "") -> None:
        self._findings.error(join(self._path, key), message, hint)

    def _check_versions(self) -> None:
        context = self._context
        for key, name in (("min_version", context.min_version), ("max_version", context.max_version)):
            if name and name.lower() not in (*VERSIONS, AUTO_VERSION):
                self._error(
                    key, f"unknown TLS version {shown(name)}", nearest(name, [*VERSIONS, AUTO_VERSION]) or "known: " + ", ".join(VERSIONS)
                )
                return
            if name.lower() in OLD_VERSIONS:
                self._findings.warn(join(self._path, key), f"{name} is not safe", "RFC 8996 forbids it; clients of today speak tlsv1_2")
        lowest = VERSIONS.get(context.min_version.lower(), VERSIONS["tlsv1_2"])
        highest = VERSIONS.get(context.max_version.lower(), VERSIONS["tlsv1_3"])
        if lowest > highest:
            hint = "the default of 'min_version' is tlsv1_2" if not VERSIONS.get(context.min_version.lower()) else ""
            self._error("max_version", f"{context.max_version} is below the lowest version", hint)

    def _check_ciphers(self) -> None:
        names = parts(self._context.cipher_suites, ":")
        for name in names:
            if name.upper() in TLS13_SUITES:
                self._findings.warn(join(self._path, "cipher_suites"), f"{name} has no effect", "the suites of TLS 1.3 are always on")
            elif not openssl_cipher(name):
                self._error("cipher_suites", f"unknown cipher suite {shown(name)}", nearest(name, known_ciphers()))

    def _check_curves(self) -> None:
        names = parts(self._context.ecdh_curves, ",")
        for name in names:
            if name.lower() not in CURVES:
                self._error("ecdh_curves", f"unknown curve {shown(name)}", "known: " + ", ".join(CURVES))
        if len(names) > 1:
            self._findings.warn(
                join(self._path, "ecdh_curves"), "only a single curve can be set", "with several, OpenSSL's own list and order are used"
            )

    def _check_alpn(self) -> None:
        for name in parts(self._context.alpn, ","):
            if name == "h2":
                self._findings.warn(join(self._path, "alpn"), "h2 is not offered", "HTTP/2 is not spoken yet; peers fall back to http/1.1")
            elif name != "http/1.1":
                self._findings.warn(join(self._path, "alpn"), f"{shown(name)} is not offered", "only http/1.1 is spoken")

    def _check_use(self) -> None:
        context = self._context
        if context.callbacks:
            self._findings.warn(join(self._path, "callbacks"), "no effect", "there are no secrets over SDS")
        if self._server_side:
            if context.require_client_cert and not context.verify_client:
                self._findings.warn(
                    join(self._path, "require_client_cert"),
                    "no effect: without 'verify_client' every client is let in, as in MOSN",
                    'write "verify_client": true',
                )
            if context.insecure_skip:
                self._findings.warn(join(self._path, "insecure_skip"), "no effect", "it is for the client's side")
        elif context.insecure_skip:
            self._findings.warn(
                join(self._path, "insecure_skip"), "the server is not verified", "anyone on the way can read and change the traffic"
            )

    # --- files

    def _check_files(self) -> None:
        problems: list[tuple[str, str, str]] = []
        for check in (self._check_pair, self._check_ca):
            try:
                check()
            except CertificateError as error:
                problems.append((error.key, error.message, error.hint))
        for key, message, hint in problems:
            if self._context.fall_back and self._server_side:
                self._findings.warn(join(self._path, key), message, "TLS is OFF: 'fall_back' has this listener speak plain text")
            else:
                self._error(key, message, hint)

    def _check_pair(self) -> None:
        context = self._context
        if not context.cert_chain and not context.private_key:
            if self._server_side and context.type == "":
                raise CertificateError("cert_chain", "missing: a server needs a certificate", "a path or a PEM text")
            return
        if not context.cert_chain:
            raise CertificateError("cert_chain", "missing", "given is only its 'private_key'")
        if not context.private_key:
            raise CertificateError("private_key", "missing", "given is only its 'cert_chain'")
        self._check_validity(check_pair(read_pem(context.cert_chain, "cert_chain"), read_pem(context.private_key, "private_key")))

    def _check_validity(self, certificate: CertificateFacts) -> None:
        now = time.time()
        path = join(self._path, "cert_chain")
        if now < certificate.not_before:
            raise CertificateError(
                "cert_chain", f"the certificate of {certificate.label} is not valid before {when(certificate.not_before)}"
            )
        if now <= certificate.not_after:
            _seen_valid.add(certificate.fingerprint)
            if certificate.not_after - now < EXPIRES_SOON:
                self._findings.warn(path, f"the certificate of {certificate.label} expires at {when(certificate.not_after)}")
            return
        message = f"the certificate of {certificate.label} has expired at {when(certificate.not_after)}"
        if certificate.fingerprint not in _seen_valid:
            raise CertificateError("cert_chain", message, "clients would refuse it")
        self._findings.warn(path, message, "it is in force already and stays; clients refuse it")

    def _check_ca(self) -> None:
        context = self._context
        if not context.ca_cert:
            if self._server_side and context.verify_client:
                raise CertificateError(
                    "ca_cert", "missing: clients cannot be verified without it", "the CA that signed the clients' certificates"
                )
            return
        text = read_pem(context.ca_cert, "ca_cert")
        check_ca(text)
        now = time.time()
        if all(facts(certificate).not_after < now for certificate in read_certificates(text, "ca_cert")):
            raise CertificateError("ca_cert", "every CA certificate in it has expired")
