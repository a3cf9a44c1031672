"""OpenSSL's errors in our words. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

import ssl
from typing import Final

from headgate.net.tls.events import CERTIFICATE, NOT_TLS, PROTOCOL, REFUSED

_CERTIFICATE_REASONS: Final = frozenset({"CERTIFICATE_VERIFY_FAILED", "PEER_DID_NOT_RETURN_A_CERTIFICATE", "NO_CERTIFICATE_RETURNED"})
_PLAIN_REASONS: Final = frozenset({"HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "WRONG_VERSION_NUMBER"})


def failure_reason(error: ssl.SSLError) -> str:
    """Which of ``events.FAILURES`` an error of OpenSSL's is."""
    reason = error.reason or ""
    if reason in _CERTIFICATE_REASONS:
        return CERTIFICATE
    if "ALERT" in reason:
        return REFUSED
    return NOT_TLS if reason in _PLAIN_REASONS else PROTOCOL


def failure_detail(error: ssl.SSLError) -> str:
    """An error of OpenSSL's in words, without its place in the source."""
    verify = getattr(error, "verify_message", "")
    if verify:
        return f"certificate verify failed: {verify}"
    return (error.reason or str(error)).replace("_", " ").lower()
