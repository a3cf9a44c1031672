"""TLS towards hosts, on real sockets."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration.backends import RawBackend
from tests.integration.harness import HeadgateFactory, simple_config, until
from tests.integration.tls.site import Site, serve_tls

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PLAIN = REPLY.replace(b"ok", b"pt")


@pytest.fixture
def secure_host(site: Site) -> Iterator[RawBackend]:
    """A host that speaks TLS."""
    host = RawBackend(serve_tls(site.server_context(), REPLY))
    yield host
    host.stop()


def sni_verify(*names: str) -> dict[str, object]:
    """The certificate extension of that name."""
    return {"type": "sni_verify", "extend_verify": {"match_subject_alt_names": list(names)}}


def config(host: str, tls: dict[str, object], **options: Any) -> dict[str, Any]:
    """One listener in plain text, one cluster with TLS."""
    return simple_config(host, cluster={"tls_context": {"status": True, **tls}}, **options)


def test_the_host_is_verified_by_its_address(headgate: HeadgateFactory, site: Site, secure_host: RawBackend) -> None:
    proxy = headgate(config(secure_host.address, {"ca_cert": site.path("ca.pem")}))
    for _ in range(3):
        response = proxy.get("/")
        assert (response.status, response.body) == (200, b"ok")
    assert secure_host.connections == 1


VERIFICATION: list[tuple[dict[str, object], bool]] = [
    ({"ca_cert": "ca.pem", "server_name": "localhost"}, True),
    ({"ca_cert": "ca.pem", "server_name": "other.example.org"}, False),
    ({}, False),  # the system's CAs do not know ours
    ({"insecure_skip": True}, True),
    ({"ca_cert": "ca.pem", "server_name": "any", **sni_verify("localhost")}, True),
    ({"ca_cert": "ca.pem", **sni_verify("other")}, False),
    (sni_verify("localhost"), False),
]


def test_verification(headgate: HeadgateFactory, site: Site, secure_host: RawBackend) -> None:
    def keys(tls: dict[str, object]) -> dict[str, object]:
        return {**tls, "ca_cert": site.path("ca.pem")} if "ca_cert" in tls else tls

    def logged(times: int) -> bool:
        return proxy.logs.count("TLS handshake failed: ") >= times

    proxy = headgate(config(secure_host.address, keys(VERIFICATION[0][0])))
    failures = 0
    for tls, accepted in VERIFICATION:
        assert proxy.reload(config(secure_host.address, keys(tls))).ok
        status = proxy.get("/").status
        assert status == 200 if accepted else status in (502, 503), tls
        failures += not accepted
        until(partial(logged, failures), "the log says why")


def test_mutual_tls(headgate: HeadgateFactory, site: Site) -> None:
    context = site.server_context()
    context.verify_mode = context.verify_mode.CERT_REQUIRED
    context.load_verify_locations(site.path("ca.pem"))
    host = RawBackend(serve_tls(context, REPLY))
    try:
        tls: dict[str, object] = {"ca_cert": site.path("ca.pem")}
        proxy = headgate(config(host.address, tls))
        assert proxy.get("/").status in (502, 503)
        assert proxy.reload(config(host.address, {**tls, **site.issue("proxy", "proxy.example.org")})).ok
        assert proxy.get("/").status == 200
    finally:
        host.stop()


def test_row_35_fall_back(headgate: HeadgateFactory, site: Site) -> None:
    def plain(connection: socket.socket, number: int) -> None:
        while data := connection.recv(65536):
            if data[:1] == b"\x16":
                return
            connection.sendall(PLAIN)

    host = RawBackend(plain)
    try:
        tls: dict[str, object] = {"ca_cert": site.path("ca.pem")}
        proxy = headgate(config(host.address, tls))
        assert proxy.get("/").status in (502, 503)
        assert proxy.reload(config(host.address, {**tls, "fall_back": True})).ok
        assert proxy.get("/").body == b"pt"
        until(lambda: "PLAIN TEXT" in proxy.logs)
    finally:
        host.stop()


def test_the_managers_context_and_tls_disable(headgate: HeadgateFactory, site: Site, secure_host: RawBackend) -> None:
    made = simple_config(secure_host.address, cluster={"cluster_manager_tls": True})
    made["cluster_manager"]["tls_context"] = {"status": True, "ca_cert": site.path("ca.pem")}
    proxy = headgate(made)
    assert proxy.get("/").status == 200
    made["cluster_manager"]["clusters"][0]["hosts"][0]["tls_disable"] = True
    assert proxy.reload(made).ok
    assert proxy.get("/").status in (502, 503)


def test_a_host_that_stalls_in_the_handshake(headgate: HeadgateFactory, site: Site) -> None:
    def silent(connection: socket.socket, number: int) -> None:
        while connection.recv(65536):
            pass

    host = RawBackend(silent)
    try:
        proxy = headgate(config(host.address, {"ca_cert": site.path("ca.pem"), "handshake_timeout": "200ms"}))
        assert proxy.get("/").status in (502, 503, 504)
    finally:
        host.stop()


def test_a_body_to_the_end_of_the_connection_that_is_cut(headgate: HeadgateFactory, site: Site) -> None:
    host = RawBackend(serve_tls(site.server_context(), b"HTTP/1.0 200 OK\r\n\r\npart"))  # and then no close_notify
    try:
        proxy = headgate(config(host.address, {"ca_cert": site.path("ca.pem")}))
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            response = proxy.get("/")
            pytest.fail(f"the cut body looked complete: {response}")
    finally:
        host.stop()
