"""TLS towards clients, on real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory, Reply
from tests.integration.harness import HeadgateFactory, until
from tests.integration.harness import request as plain_request
from tests.integration.proxy.configs import start_chain
from tests.integration.tls.site import Site, connect, echo_headers, metric, request, tls_config

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")


def test_https_with_files_relative_to_the_configuration(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend(echo_headers).address, tls=site.server))
    response = request(proxy.address(), site.client_context())
    assert response.status == 200
    assert b"X-Forwarded-Proto: https" in response.body
    with pytest.raises(ssl.SSLCertVerificationError):
        request(proxy.address(), ssl.create_default_context())


def test_inline_pem(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    inline = {key: Path(path).read_text() for key, path in site.server.items()}
    proxy = headgate(tls_config(backend().address, tls=inline))
    assert request(proxy.address(), site.client_context()).status == 200
    dump = proxy.admin_get("/api/v1/config_dump").body.decode()
    assert "PRIVATE KEY" not in dump and "PRIVATE KEY" not in proxy.logs


def test_row_32_every_method_over_a_chain_of_tls(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    config = tls_config(backend().address, tls=site.server)
    proxy = start_chain(headgate, config)
    assert proxy.get("/GET", listener="client").status in (502, 503)  # plain text to a listener that wants TLS
    chained = json.loads(proxy.config_path.read_text())
    hop = chained["cluster_manager"]["clusters"][1]
    hop["tls_context"] = {"status": True, "ca_cert": site.path("ca.pem")}
    assert proxy.reload(chained).ok
    for method in METHODS:
        assert plain_request(proxy.address("client"), method, f"/{method}").status == 200, method
        assert request(proxy.address(), site.client_context(), method=method, target=f"/{method}").status == 200, method


def test_plain_http_fails_in_the_handshake(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    upstream = backend()
    proxy = headgate(tls_config(upstream.address, tls=site.server))
    with socket.create_connection(proxy.address(), timeout=20) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(4096) == b""
    assert not upstream.requests
    until(lambda: metric(proxy, "tls_handshake_failed_not_tls_total") == 1, "it is counted")


def test_inspector_takes_both(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend(echo_headers).address, tls=site.server, listener={"inspector": True}))
    assert b"X-Forwarded-Proto: http\r\n" in proxy.get("/").body + b"\r\n"
    assert b"X-Forwarded-Proto: https\r\n" in request(proxy.address(), site.client_context()).body + b"\r\n"
    with connect(proxy.address(), site.client_context()) as secured:
        secured.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert secured.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_virtual_host_that_requires_tls(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    upstream = backend()
    proxy = headgate(tls_config(upstream.address, tls=site.server, listener={"inspector": True}, virtual_host={"require_tls": "ALL"}))
    response = proxy.get("/a?b", {"Host": "example.org"})
    assert (response.status, response.headers["Location"]) == (301, "https://example.org/a?b")
    assert not upstream.requests
    assert request(proxy.address(), site.client_context()).status == 200


TLS10, TLS11, TLS12, TLS13 = (ssl.TLSVersion[name] for name in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"))
VERSIONS: list[tuple[dict[str, str], list[ssl.TLSVersion], list[ssl.TLSVersion]]] = [
    ({}, [TLS11], [TLS12, TLS13]),
    ({"min_version": "tls_auto"}, [TLS10], [TLS12]),
    ({"min_version": "tlsv1_3"}, [TLS12], [TLS13]),
    ({"min_version": "tlsv1_0"}, [], [TLS10, TLS11, TLS12, TLS13]),
    ({"max_version": "tlsv1_2"}, [TLS13], [TLS12]),
]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_versions(headgate: HeadgateFactory, site: Site) -> None:
    proxy = headgate(tls_config(tls=site.server))
    for keys, refused, accepted in VERSIONS:
        assert proxy.reload(tls_config(tls={**site.server, **keys})).ok
        for version in (*refused, *accepted):
            context = site.client_context()
            context.minimum_version = context.maximum_version = version
            context.set_ciphers("ALL:@SECLEVEL=0")
            if version in refused:
                with pytest.raises((ssl.SSLError, ConnectionError)), connect(proxy.address(), context):
                    pass
            else:
                with connect(proxy.address(), context) as secured:
                    assert secured.version() == {"TLSv1": "TLSv1", "TLSv1_1": "TLSv1.1"}.get(version.name, version.name.replace("_", "."))


def test_ciphers_curve_and_alpn(headgate: HeadgateFactory, site: Site) -> None:
    keys = {
        "cipher_suites": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384",
        "ecdh_curves": "p384",
        "alpn": "http/1.1",
    }
    proxy = headgate(tls_config(tls={**site.server, **keys}))
    context = site.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(proxy.address(), context) as secured:
        cipher = secured.cipher()
        assert cipher is not None and cipher[0].endswith("AES256-GCM-SHA384")
        assert secured.selected_alpn_protocol() == "http/1.1"
    context.set_ecdh_curve("prime256v1")
    with pytest.raises((ssl.SSLError, ConnectionError)), connect(proxy.address(), context):
        pass


@pytest.mark.parametrize(("ticket", "reused"), [("", True), ("off", False)])
def test_session_tickets(headgate: HeadgateFactory, backend: BackendFactory, site: Site, ticket: str, reused: bool) -> None:
    proxy = headgate(tls_config(backend().address, tls={**site.server, "ticket": ticket}), workers=1)
    context = site.client_context()
    with connect(proxy.address(), context) as first:
        first.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert first.recv(4096)
        session = first.session
    raw = socket.create_connection(proxy.address(), timeout=20)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as second:
        assert second.session_reused is reused
    until(lambda: metric(proxy, "tls_handshake_resumed_total") == int(reused), "it is counted")


def test_certificates_by_server_name(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    config = tls_config(backend().address, tls={})
    chain = config["servers"][0]["listeners"][0]["filter_chains"][0]
    del chain["tls_context"]
    chain["tls_context_set"] = [
        {"status": True, **site.server},
        {"status": True, **site.issue("a", "a.example.org")},
        {"status": True, **site.issue("wild", "*.example.net")},
        {"status": True, **site.issue("c", "c.example.com"), "server_name": "alias.example.com"},
        {"status": False, "cert_chain": "/nowhere"},
    ]
    proxy = headgate(config)
    context = site.client_context()
    for name in ("localhost", "a.example.org", "x.example.net", "c.example.com"):
        assert request(proxy.address(), context, name).status == 200
    context.check_hostname = False
    for name, shown in (("alias.example.com", "c.example.com"), ("unknown.org", "localhost"), ("a.b.example.net", "localhost")):
        with connect(proxy.address(), context, name) as secured:
            assert shown in str((secured.getpeercert() or {})["subjectAltName"]), name


class TestClientCertificates:
    def test_required(self, headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
        keys = {"verify_client": True, "require_client_cert": True, "ca_cert": site.path("ca.pem")}
        logs = {
            "access_logs": [
                {"log_path": "stderr", "log_format": "[%downstream_tls_version% %downstream_peer_subject% %requested_server_name%]"}
            ]
        }
        config = tls_config(
            backend(echo_headers).address, tls={**site.server, **keys}, listener=logs, http1={"x_forwarded_client_cert": "set"}
        )
        proxy = headgate(config)
        alice = site.issue("alice", "alice@example.org", common_name="alice")
        response = request(proxy.address(), site.client_context(alice), X_Forwarded_Client_Cert="Subject=root")
        assert response.status == 200
        head = response.body.decode().lower()
        assert head.count("x-forwarded-client-cert:") == 1 and "cn=alice" in head and "subject=root" not in head
        until(lambda: "[TLSv1.3 CN=alice" in proxy.logs, "the subject is in the access log")
        for certificate in (None, Site(site.folder / "other").issue("mallory", "mallory@example.org")):
            with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
                request(proxy.address(), site.client_context(certificate))
        until(lambda: metric(proxy, "tls_handshake_failed_certificate_total") == 2, "both are counted")

    def test_only_verified(self, headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
        keys = {"verify_client": True, "ca_cert": site.path("ca.pem")}
        proxy = headgate(tls_config(backend().address, tls={**site.server, **keys}))
        assert request(proxy.address(), site.client_context()).status == 200
        with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
            request(proxy.address(), site.client_context(Site(site.folder / "other").issue("mallory", "mallory@example.org")))


def test_a_stalled_handshake_is_ended(headgate: HeadgateFactory, site: Site) -> None:
    proxy = headgate(tls_config(tls={**site.server, "handshake_timeout": "200ms"}))
    with socket.create_connection(proxy.address(), timeout=20) as raw:
        raw.sendall(b"\x16\x03\x01")
        assert raw.recv(4096) == b""
    until(lambda: metric(proxy, "tls_handshake_failed_timeout_total") == 1, "it is counted")


@pytest.mark.parametrize("inspector", [False, True])
def test_the_log_says_whose_handshake_failed(headgate: HeadgateFactory, site: Site, inspector: bool) -> None:
    config = tls_config(tls={**site.server, "handshake_timeout": "200ms"}, listener={"inspector": inspector})
    config["servers"][0]["default_log_level"] = "DEBUG"
    proxy = headgate(config)

    def logged(end: str) -> bool:
        return f" {end}: TLS handshake failed: " in proxy.logs

    ends = []
    for sent in (b"", b"\x16\x03\x01", b"\x16no TLS"):
        with socket.create_connection(proxy.address(), timeout=20) as raw:
            raw.sendall(sent)
            ends.append("{}:{}".format(*raw.getsockname()))
            assert raw.recv(4096) == b""
    with socket.create_connection(proxy.address(), timeout=20) as raw:
        ends.append("{}:{}".format(*raw.getsockname()))
    for end in ends:
        until(partial(logged, end), f"{end} is in the log")


def test_noise_harms_nobody(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend().address, tls=site.server))
    for noise in (b"\x00" * 64, b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x80\x2e\x01\x03\x01"):
        with socket.create_connection(proxy.address(), timeout=20) as raw:
            raw.sendall(noise)
            while raw.recv(4096):
                pass
        assert request(proxy.address(), site.client_context()).status == 200


def test_a_body_without_length_that_is_cut_does_not_end_properly(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    cut = Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegin", reset=True)
    proxy = headgate(tls_config(backend(lambda request: cut).address, tls=site.server))
    context = site.client_context()
    raw = socket.create_connection(proxy.address(), timeout=20)
    with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as secured:
        secured.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            while secured.recv(4096):
                pass


def test_a_large_body_both_ways(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    body = bytes(range(256)) * 16384
    proxy = headgate(tls_config(backend(lambda request: Reply(200, {}, request.body)).address, tls=site.server))
    with connect(proxy.address(), site.client_context()) as secured:
        connection = http.client.HTTPConnection(*proxy.address())
        connection.sock = secured
        connection.request("POST", "/", body)
        assert connection.getresponse().read() == body


def test_curl(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    proxy = headgate(tls_config(backend().address, tls=site.server))
    url = f"https://localhost:{proxy.address()[1]}/"
    done = subprocess.run(["curl", "-sS", "--cacert", site.path("ca.pem"), url, url], capture_output=True, timeout=30, check=True)
    assert done.stdout == b"default-http1" * 2
