"""nginx and HAProxy as origins behind Headgate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.programs import Programs, free_port
from tests.integration.harness import Headgate, HeadgateFactory, simple_config
from tests.integration.proxy.wire import Wire

TEXT = b"".join(b"line %d of a file that compresses well\n" % number for number in range(20_000))

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    default_type text/plain;
    gzip on;
    gzip_proxied any;
    gzip_types text/plain;
    keepalive_requests 5;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/www;
        location = /none {{ return 204; }}
        location = /broken {{ return 444; }}
    }}
}}
"""

HAPROXY = """
defaults
    mode http
    timeout client 30s
    timeout connect 5s
    timeout server 30s
frontend origin
    bind 127.0.0.1:{port}
    http-request deny deny_status 429 if {{ path /denied }}
    http-request redirect location /elsewhere if {{ path /moved }}
    http-request return status 200 content-type text/plain lf-string "%[method] %[path] %[req.hdr(x-forwarded-for)]"
"""


@pytest.fixture
def nginx(programs: Programs, headgate: HeadgateFactory, tmp_path: Path) -> Headgate:
    """A proxy before nginx."""
    port = free_port()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "text.txt").write_bytes(TEXT)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(NGINX.format(folder=tmp_path, port=port))
    programs.serve("nginx", port, "-p", str(tmp_path), "-e", "stderr", "-c", str(configuration))
    return headgate(simple_config(f"127.0.0.1:{port}"))


@pytest.fixture
def haproxy(programs: Programs, headgate: HeadgateFactory, tmp_path: Path) -> Headgate:
    """A proxy before HAProxy."""
    port = free_port()
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(port=port))
    programs.serve("haproxy", port, "-db", "-f", str(configuration))
    return headgate(simple_config(f"127.0.0.1:{port}"))


def test_nginx_serves_a_file(nginx: Headgate) -> None:
    """Whole, compressed (in chunks), in part, as a head, and not modified; nginx closes its connection every five requests."""
    with Wire(nginx.address()) as client:
        for _ in range(4):
            whole = client.get("/text.txt")
            assert (whole.status, whole.body) == (200, TEXT)
            compressed = client.get("/text.txt", "Accept-Encoding: gzip")
            assert (compressed.chunked, compressed.get("content-encoding"), compressed.body[:2]) == (True, "gzip", b"\x1f\x8b")
            part = client.get("/text.txt", "Range: bytes=10-19")
            assert (part.status, part.body) == (206, TEXT[10:20])
            head = client.get("/text.txt", method="HEAD")
            assert (head.status, head.get("content-length")) == (200, str(len(TEXT)))
            same = client.get("/text.txt", f"If-None-Match: {whole.get('etag')}")
            assert (same.status, same.body) == (304, b"")
            assert client.get("/none").status == 204
            assert client.get("/missing").status == 404


def test_nginx_closes_without_an_answer(nginx: Headgate) -> None:
    with Wire(nginx.address()) as client:
        assert [client.get(target).status for target in ("/broken", "/none", "/broken")] == [502, 204, 502]


def test_nginx_refuses_an_upload(nginx: Headgate) -> None:
    """405 comes before the body has been read."""
    assert nginx.request("POST", "/text.txt", body=bytes(500_000)).status == 405


def test_haproxy_answers(haproxy: Headgate) -> None:
    with Wire(haproxy.address()) as client:
        assert client.get("/a").body == b"GET /a 127.0.0.1"
        assert client.get("/a", method="DELETE").body == b"DELETE /a 127.0.0.1"
        assert client.get("/denied").status == 429
        moved = client.get("/moved")
        assert (moved.status, moved.get("location")) == (302, "/elsewhere")
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert client.response().body == b"POST /a 127.0.0.1"
        assert client.get("/last").status == 200


def test_load_before_nginx(nginx: Headgate, programs: Programs) -> None:
    """nginx closes each connection after five requests, under load: no request fails."""
    host, port = nginx.address()
    output = programs.run("ab", "-q", "-k", "-n", "2000", "-c", "8", f"http://{host}:{port}/none")
    assert re.search(r"Complete requests:\s+2000", output)
    assert re.search(r"Failed requests:\s+0", output)
    assert "Non-2xx" not in output
