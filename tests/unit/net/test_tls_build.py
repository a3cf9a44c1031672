"""From a ``tls_context`` to OpenSSL's: what depends on the Python at hand."""

from __future__ import annotations

import ssl

import pytest

from headgate.api.errors import ConfigError
from headgate.config.models import TlsContextConfig
from headgate.net.tls.owners import TlsBuilder
from headgate.observe.stats_store import StatsStore


def test_a_python_that_cannot_choose_x25519(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Debian 12's: ``unknown group``. The curve is at the head of OpenSSL's own list."""

    def refuse(context: ssl.SSLContext, name: str) -> None:
        error = ssl.SSLError("unknown group")
        error.reason = "UNKNOWN_GROUP"
        raise error

    def build(curve: str) -> None:
        TlsBuilder(StatsStore(), None).cluster("c", TlsContextConfig(status=True, insecure_skip=True, ecdh_curves=curve), "at")

    monkeypatch.setattr(ssl.SSLContext, "set_ecdh_curve", refuse)
    build("x25519")
    assert "cannot restrict TLS to x25519" in caplog.text
    with pytest.raises(ConfigError, match="OpenSSL refuses it: unknown group"):
        build("p256")
