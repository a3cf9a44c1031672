"""Certificates that change while the proxy runs."""

from __future__ import annotations

import shutil
import ssl
import threading
from pathlib import Path

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory
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
    assert "TLS is OFF" in proxy.logs
