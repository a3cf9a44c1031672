"""Messages on the wire: keep-alive, pipelining, chunks and trailers, Expect, bodiless responses, HTTP/1.0, targets, hop-by-hop fields."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.integration.backends import BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, simple_config
from tests.integration.proxy.site import Site
from tests.integration.proxy.wire import Wire

HEAD = "HTTP/1.1\r\nHost: a.example\r\n"

DENY = """
from headgate.api import Status, Stream, StreamFilter, stream_filter


@stream_filter("deny")
class Deny(StreamFilter[object]):
    def on_receive(self, stream: Stream) -> Status:
        stream.reply(403, body="no")
        return Status.STOP
"""


def test_keep_alive_both_ways(site: Site) -> None:
    upstream = site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        assert [client.get(f"/{number}").status for number in range(20)] == [200] * 20
    assert (len(upstream.requests), upstream.connections) == (20, 1)


def test_pipelined_requests_are_answered_in_order(site: Site) -> None:
    release = threading.Event()

    def answer(request: RecordedRequest) -> Reply:
        return Reply(body=request.target.encode(), wait=release if request.target == "/0" else None)

    site.serve(answer)
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send("".join(f"GET /{number} {HEAD}\r\n" for number in range(100)))
        release.set()
        assert [client.response().body for _ in range(100)] == [f"/{number}".encode() for number in range(100)]


def test_pipelined_requests_with_bodies_do_not_mix(site: Site) -> None:
    site.serve(lambda request: Reply(body=request.body))
    proxy = site.proxy
    bodies = [f"body {number}".encode() * number for number in range(30)]
    with Wire(proxy.address()) as client:
        for number, body in enumerate(bodies):
            framing = f"Content-Length: {len(body)}\r\n\r\n" if number % 2 else "Transfer-Encoding: chunked\r\n\r\n"
            chunks = body if number % 2 else (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
            client.send(f"POST / {HEAD}{framing}".encode() + chunks)
        assert [client.response().body for _ in bodies] == bodies


def test_request_that_comes_byte_by_byte(site: Site) -> None:
    upstream = site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        for byte in f"POST /slow {HEAD}Content-Length: 3\r\n\r\nabc".encode():
            client.send(bytes([byte]))
        assert client.response().status == 200
    assert upstream.requests[0].body == b"abc"


def test_chunked_request_with_trailers(site: Site) -> None:
    upstream = site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send(f"POST / {HEAD}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        client.send("3;name=value\r\nabc\r\n5\r\ndefgh\r\n0\r\nX-Sum: 8\r\n\r\n")
        assert client.response().status == 200
    request = upstream.requests[0]
    assert (request.chunked, request.body, request.trailers) == (True, b"abcdefgh", {"x-sum": "8"})
    assert "content-length" not in request.headers


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\nX-Sum: 8\r\n\r\n"


def test_chunked_response_with_trailers(site: Site) -> None:
    upstream = site.serve(lambda request: Reply(raw=CHUNKED))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        for _ in range(2):
            response = client.get()
            assert (response.chunked, response.body, response.trailers) == (True, b"abcdefgh", [("X-Sum", "8")])
    assert upstream.connections == 1


def test_response_that_ends_with_the_connection(site: Site) -> None:
    """Its end becomes explicit: a client on keep-alive gets it in chunks."""
    site.serve(lambda request: Reply(raw=b"HTTP/1.1 200 OK\r\n\r\nall of it", close=True))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        assert [client.get().body for _ in range(2)] == [b"all of it"] * 2


def test_expect_continue_waits_for_the_upstream(site: Site) -> None:
    upstream = site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send(f"POST / {HEAD}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert client.head().status == 100
        client.send("body")
        response = client.response()
        assert (response.status, response.interim) == (200, [])
    assert upstream.requests[0].body == b"body"


def test_expect_continue_for_a_filter_that_buffers(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    buffers = """
from headgate.api import BodyNeed, Status, Stream, StreamFilter, stream_filter


@stream_filter("buffers")
class Buffers(StreamFilter[object]):
    request_body = BodyNeed.BUFFER

    def on_receive(self, stream: Stream) -> Status:
        stream.reply(200, body=stream.request.body or b"")
        return Status.STOP
"""
    proxy = headgate(simple_config(backend().address, stream_filters=[{"type": "buffers"}]), extensions=[buffers])
    with Wire(proxy.address()) as client:
        client.send(f"POST / {HEAD}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert client.head().status == 100
        client.send("body")
        assert client.response().body == b"body"


def test_expect_continue_denied_by_a_filter(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """No 100: the client keeps its body. Whether it would still send it is unknown, so the connection closes."""
    upstream = backend()
    proxy = headgate(simple_config(upstream.address, stream_filters=[{"type": "deny"}]), extensions=[DENY])
    with Wire(proxy.address()) as client:
        client.send(f"POST / {HEAD}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        response = client.response()
        assert (response.status, response.interim, response.get("connection")) == (403, [], "close")
        assert client.at_end()
    assert upstream.connections == 0


def test_expect_continue_of_http10_is_ignored(site: Site) -> None:
    site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody")
        response = client.response()
        assert (response.status, response.interim) == (200, [])


def test_early_answer_to_an_upload(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """The answer arrives although the upload was not read to its end."""
    proxy = headgate(simple_config(backend().address, stream_filters=[{"type": "deny"}]), extensions=[DENY])
    with Wire(proxy.address()) as client:
        client.send(f"POST / {HEAD}Content-Length: 1000000\r\n\r\n" + "x" * 1000)
        response = client.response()
        assert (response.status, response.body, response.get("connection")) == (403, b"no", "close")


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_head_response_has_no_body(site: Site, framing: str) -> None:
    upstream = site.serve(lambda request: Reply(raw=f"HTTP/1.1 200 OK\r\n{framing}\r\nX-Number: {request.target}\r\n\r\n".encode()))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        for target in ("/1", "/2"):
            response = client.get(target, method="HEAD")
            assert (response.status, response.get("x-number")) == (200, target)
            if framing.startswith("Content-Length"):
                assert response.get("content-length") == "1000"
    assert upstream.connections == 1


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 204 No Content\r\n\r\n", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 77\r\n\r\n']
)
def test_status_without_a_body(site: Site, raw: bytes) -> None:
    upstream = site.serve(lambda request: Reply(raw=raw))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        for _ in range(3):
            response = client.get()
            assert response.status == int(raw[9:12])
            assert response.get("transfer-encoding") is None
            assert response.get("content-length") in ((None,) if response.status == 204 else (None, "77"))
    assert upstream.connections == 1


def test_interim_responses_pass(site: Site) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    site.serve(lambda request: Reply(raw=early + early + final))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send(f"GET / {HEAD}\r\n")
        hints = client.head()
        assert (hints.status, hints.get("link")) == (103, "</style.css>; rel=preload")
        response = client.response()
        assert (response.interim, response.status, response.body) == ([103], 200, b"ok")


def test_interim_responses_do_not_reach_http10(site: Site) -> None:
    raw = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    site.serve(lambda request: Reply(raw=raw))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        response = client.response()
        assert (response.interim, response.body) == ([], b"ok")


def test_http10_client(site: Site) -> None:
    upstream = site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send("GET /old HTTP/1.0\r\nHost: a\r\n\r\n")
        assert client.response().body == b"default-http1"
        assert client.at_end()
    assert upstream.requests[0].version == "HTTP/1.1"


def test_http10_client_with_keep_alive(site: Site) -> None:
    site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        for _ in range(3):
            client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            response = client.response()
            assert (response.status, response.get("connection")) == (200, "keep-alive")


def test_http10_client_gets_no_chunks(site: Site) -> None:
    site.serve(lambda request: Reply(raw=CHUNKED))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        response = client.response()
        assert (response.chunked, response.body) == (False, b"abcdefgh")


def test_http10_backend(site: Site) -> None:
    upstream = site.serve(lambda request: Reply(raw=b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", close=True))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        for _ in range(2):
            response = client.get()
            assert (response.version, response.body) == ("HTTP/1.1", b"old")
    assert upstream.connections == 2


def test_client_asks_to_close(site: Site) -> None:
    upstream = site.serve()
    proxy = site.proxy
    for _ in range(2):
        with Wire(proxy.address()) as client:
            assert client.get("/", "Connection: close").get("connection") == "close"
            assert client.at_end()
    assert upstream.connections == 1  # each side has its own keep-alive


def test_backend_asks_to_close(site: Site) -> None:
    raw = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    upstream = site.serve(lambda request: Reply(raw=raw, close=True))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        assert [client.get().get("connection") for _ in range(2)] == [None, None]
    assert upstream.connections == 2


def test_absolute_form_target(site: Site) -> None:
    """RFC 9112 section 3.2.2: the target's authority replaces Host."""
    upstream = site.serve()
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        client.send("GET http://real.example:81/a?b HTTP/1.1\r\nHost: other.example\r\n\r\n")
        assert client.response().status == 200
    assert (upstream.requests[0].target, upstream.requests[0].headers["host"]) == ("/a?b", "real.example:81")


def test_asterisk_form_target(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    routes = [{"match": {"regex": ".*"}, "route": {"cluster_name": "upstream"}}]
    upstream = backend()
    proxy = headgate(simple_config(upstream.address, routes=routes))
    with Wire(proxy.address()) as client:
        assert client.get("*", method="OPTIONS").status == 200
    assert upstream.requests[0].target == "*"


def test_hop_by_hop_fields_end_here(site: Site) -> None:
    raw = (
        b"HTTP/1.1 200 OK\r\nConnection: x-secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
        b"X-Stays: 1\r\nContent-Length: 0\r\n\r\n"
    )
    upstream = site.serve(lambda request: Reply(raw=raw))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        response = client.get(
            "/", "Connection: X-Named, keep-alive", "X-Named: 1", "Keep-Alive: timeout=5", "Proxy-Connection: x", "TE: gzip", "X-Stays: 1"
        )
    sent = upstream.requests[0].headers
    names = {name.lower() for name, _ in response.fields}
    for name in ("x-named", "keep-alive", "proxy-connection", "te", "connection", "upgrade"):
        assert name not in sent
    for name in ("x-secret", "keep-alive", "proxy-connection", "connection"):
        assert name not in names
    assert sent["x-stays"] == response.get("x-stays") == "1"


def test_fields_keep_order_case_and_repetition(site: Site) -> None:
    cookies = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n"
    upstream = site.serve(lambda request: Reply(raw=cookies))
    proxy = site.proxy
    with Wire(proxy.address()) as client:
        response = client.get("/", "X-One: 1", "x-TWO: 2", "X-One: 3")
    assert [field for field in response.fields if field[0].lower() == "set-cookie"] == [("Set-Cookie", "a=1"), ("set-cookie", "b=2")]
    assert b"X-One: 1\r\nx-TWO: 2\r\nX-One: 3\r\n" in upstream.requests[0].head


def test_upstream_on_a_unix_socket(headgate: HeadgateFactory) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        path = f"/tmp/hg-t-{threading.get_native_id()}.sock"
        listener.bind(path)
        listener.listen()
        proxy = headgate(simple_config(f"unix:{path}"))
        with Wire(proxy.address()) as client:
            client.send(f"GET / {HEAD}\r\n")
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(65536).startswith(b"GET / HTTP/1.1\r\n")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                assert client.response().body == b"ok"
