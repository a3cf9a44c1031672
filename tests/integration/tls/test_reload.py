"""Certificates that change while the proxy runs."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, until
from tests.integration.tls.site import Site, connect, request, tls_config


def _serial(address: tuple[str, int], context: ssl.SSLContext) -> object:
    with connect(address, context) as secured:
        return (secured.getpeercert() or {})["serialNumber"]


def _replace(site: Site, name: str, by: dict[str, str]) -> None:
    for key, suffix in (("cert_chain", "pem"), ("private_key", "key")):
        shutil.copyfile(by[key], site.path(f"{name}.{suffix}"))


def test_a_changed_file_is_taken_up_and_no_connection_is_lost(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend().address, tls=site.server), workers=2)
    context = site.client_context()
    before = _serial(proxy.address(), context)
    stop = threading.Event()
    failures: list[str] = []
    served = [0]

    def load() -> None:
        while not stop.is_set():
            try:
                if request(proxy.address(), context).status != 200:
                    failures.append("not 200")
                served[0] += 1
            except OSError as error:
                failures.append(repr(error))

    clients = [threading.Thread(target=load) for _ in range(3)]
    with connect(proxy.address(), context) as kept:
        for client in clients:
            client.start()
        for number in range(3):
            _replace(site, "server", site.issue(f"next{number}", "localhost", "127.0.0.1"))
            assert proxy.reload().ok
        stop.set()
        for client in clients:
            client.join()
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
    assert not failures and served[0] > 0
    assert _serial(proxy.address(), context) != before


def test_a_broken_file_is_refused_and_the_old_certificate_stays(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend().address, tls=site.server))
    context = site.client_context()
    before = _serial(proxy.address(), context)
    key = Path(site.server["private_key"])
    secret = key.read_text()
    other = site.issue("other", "localhost")
    path = "servers[0].listeners[0].filter_chains[0].tls_context.private_key"
    for content in ("rubbish", Path(other["private_key"]).read_text(), secret.replace("A", "!")):
        key.write_text(content)
        outcome = proxy.reload()
        assert not outcome.ok and any(path in error for error in outcome.errors), outcome.errors
        assert _serial(proxy.address(), context) == before
    assert not any(line in proxy.logs for line in secret.splitlines()[1:-1])
    key.unlink()
    assert not proxy.reload().ok
    assert request(proxy.address(), context).status == 200


def test_fall_back_of_a_server_without_a_usable_certificate(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend().address, tls={**site.server, "private_key": site.path("ca.pem"), "fall_back": True}))
    assert proxy.get("/").status == 200
    until(lambda: "TLS is OFF" in proxy.logs)


LATE = """
from collections.abc import Sequence
from pathlib import Path

from headgate.api.certificates import CertificatePair, CertificateProvider, CertificateUnavailable, certificate_provider


@certificate_provider("late")
class Late(CertificateProvider):
    def certificates(self) -> Sequence[CertificatePair]:
        chain, key = Path(self.config["folder"], "late.pem"), Path(self.config["folder"], "late.key")
        if not key.exists():
            raise CertificateUnavailable("nothing yet")
        return [CertificatePair(chain.read_text(), key.read_text())]

    def refresh_after(self) -> float:
        return 0.05
"""


def test_fall_back_of_a_server_whose_extension_fails_is_for_as_long_as_it_does(
    headgate: HeadgateFactory, backend: BackendFactory, site: Site
) -> None:
    keys = {"type": "late", "extend_verify": {"folder": str(site.folder)}, "fall_back": True}
    proxy = headgate(tls_config(backend().address, tls=keys), extensions=[LATE])
    assert proxy.get("/").status == 200
    until(lambda: "TLS stays OFF, plain text is spoken" in proxy.logs, "it is asked again, and the log says what that came to")
    with proxy.connect() as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
        site.issue("late", "localhost")

        def secured() -> bool:
            with contextlib.suppress(OSError):
                return request(proxy.address(), site.client_context()).status == 200
            return False

        until(secured, "TLS is spoken")
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
    until(lambda: "TLS is ON from now on" in proxy.logs)
    with pytest.raises((OSError, http.client.HTTPException)):
        proxy.get("/")


def test_an_extension_by_a_name_that_is_taken(headgate: HeadgateFactory, site: Site) -> None:
    for entry in ([LATE, LATE], [LATE.replace('"late"', '"loader"')]):
        done = headgate.fails(tls_config(tls=site.server), extensions=entry)
        assert "certificate_providers" in done.stderr or "certificate provider" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_metrics_show_the_certificates_of_the_present_configuration(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    def shown() -> list[str]:
        return sorted(name for name in proxy.metrics() if name.startswith("certificate_days_to_expiry"))

    config = tls_config(backend().address, tls={**site.server, "server_name": "one"})
    proxy = headgate(config, workers=2)
    until(lambda: shown() == ['certificate_days_to_expiry{context="one",listener="listener"}'], "one certificate, not one for each worker")
    days = proxy.metric("certificate_days_to_expiry")
    expiry = x509.load_pem_x509_certificate(Path(site.server["cert_chain"]).read_bytes()).not_valid_after_utc
    assert abs(days - (expiry - datetime.now(UTC)).days) <= 1
    config["servers"][0]["listeners"][0]["filter_chains"][0]["tls_context"]["server_name"] = "two"
    assert proxy.reload(config).ok
    until(lambda: shown() == ['certificate_days_to_expiry{context="two",listener="listener"}'], "the old one is forgotten")
    del config["servers"][0]["listeners"][0]["filter_chains"][0]["tls_context"]
    assert proxy.reload(config).ok
    until(lambda: not shown(), "there is none")
