"""Ordinary clients: curl, wrk, ab, hey."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.programs import Programs
from tests.integration.backends import Backend, BackendFactory, Reply
from tests.integration.harness import Headgate, HeadgateFactory, simple_config


@pytest.fixture
def upstream(backend: BackendFactory) -> Backend:
    """Echoes bodies."""
    return backend(lambda request: Reply(body=request.body or b"default-http1"))


@pytest.fixture
def url(headgate: HeadgateFactory, upstream: Backend) -> str:
    """Where the proxy listens."""
    return url_of(headgate(simple_config(upstream.address), workers=2))


def url_of(proxy: Headgate) -> str:
    """The address of its listener as a URL."""
    host, port = proxy.address()
    return f"http://{host}:{port}/"


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0", "--http2"])
def test_curl_get(programs: Programs, url: str, version: str) -> None:
    """``--http2`` asks for an upgrade to h2c, which is ignored."""
    assert programs.run("curl", "-sS", "--fail", version, url) == "default-http1"


def test_curl_reuses_its_connection(programs: Programs, url: str) -> None:
    output = programs.run("curl", "-sS", "--fail", "-v", url, url, url)
    assert output.count("Re-using existing connection") == 2


def test_curl_head(programs: Programs, url: str) -> None:
    assert "HTTP/1.1 200 OK" in programs.run("curl", "-sS", "--fail", "--head", url)


def test_curl_upload_of_known_length(programs: Programs, upstream: Backend, url: str, tmp_path: Path) -> None:
    """curl asks with Expect before it sends so much."""
    body = bytes(range(256)) * 8192
    (tmp_path / "body").write_bytes(body)
    programs.run("curl", "-sS", "--fail", "-T", "body", "-H", "Expect: 100-continue", "-o", "answer", url)
    assert (tmp_path / "answer").read_bytes() == body
    assert upstream.requests[0].headers["content-length"] == str(len(body))


def test_curl_upload_in_chunks(programs: Programs, upstream: Backend, url: str, tmp_path: Path) -> None:
    body = bytes(range(256)) * 4096
    programs.run("curl", "-sS", "--fail", "-T", "-", "-o", "answer", url, stdin=body)
    assert (tmp_path / "answer").read_bytes() == body
    assert upstream.requests[0].chunked


def test_curl_through_a_forward_proxy_setting(programs: Programs, upstream: Backend, url: str) -> None:
    """With ``--proxy`` curl sends the absolute form."""
    assert programs.run("curl", "-sS", "--fail", "--proxy", url, "http://somewhere.example/a?b") == "default-http1"
    assert (upstream.requests[0].target, upstream.requests[0].headers["host"]) == ("/a?b", "somewhere.example")


def test_wrk(programs: Programs, url: str) -> None:
    output = programs.run("wrk", "-t", "1", "-c", "16", "-d", "2s", url)
    assert int(re.findall(r"(\d+) requests in", output)[0]) > 0
    assert "Non-2xx" not in output
    assert "Socket errors" not in output


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "close"])
def test_ab(programs: Programs, url: str, keep_alive: bool) -> None:
    """ab speaks HTTP/1.0."""
    output = programs.run("ab", "-q", *(["-k"] if keep_alive else []), "-n", "1000", "-c", "8", url)
    assert re.search(r"Complete requests:\s+1000", output)
    assert re.search(r"Failed requests:\s+0", output)
    assert bool(re.search(r"Keep-Alive requests:\s+1000", output)) is keep_alive


def test_hey(programs: Programs, url: str) -> None:
    output = programs.run("hey", "-n", "1000", "-c", "10", "-m", "POST", "-d", "some body", url)
    assert re.search(r"\[200\]\s+1000 responses", output)
    assert "Error distribution" not in output
