"""Limits on what a client may send: each has its status, closes the connection, and harms nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.backends import Backend
from tests.integration.harness import Headgate, HeadgateFactory, simple_config
from tests.integration.proxy.wire import Wire

SMALL = {"max_header_size": 2000, "max_header_count": 20, "max_target_length": 500, "max_request_body_size": 1000}


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Headgate]]:
    """One with the default limits, one with small ones."""
    factory = HeadgateFactory(tmp_path_factory.mktemp("limits"))
    backend = Backend()
    yield {
        "default": factory(simple_config(backend.address)),
        "small": factory(simple_config(backend.address, http1=SMALL)),
    }
    factory.close()
    backend.stop()


def fields(count: int, size: int = 1) -> str:
    """That many header lines, with values of that size."""
    return "".join(f"X-{number}: {'v' * size}\r\n" for number in range(count))


def get(target: str = "/", lines: str = "") -> str:
    """The bytes of a GET."""
    return f"GET {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"


CHUNKS = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + 3 * f"1f4\r\n{'x' * 500}\r\n" + "0\r\n\r\n"

REFUSED = {
    "header bytes": ("small", get(lines=fields(10, 250)), 431),
    "one header": ("small", get(lines=fields(1, 3000)), 431),
    "header count": ("small", get(lines=fields(21)), 431),
    "target": ("small", get("/" + "a" * 600), 414),
    "announced body": ("small", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + "x" * 1001, 413),
    "chunked body": ("small", CHUNKS, 413),
    "default header bytes": ("default", get(lines=fields(60, 1100)), 431),
    "default one header": ("default", get(lines=fields(1, 70_000)), 431),
    "default header count": ("default", get(lines=fields(101)), 431),
    "default target": ("default", get("/" + "a" * 8300), 414),
}

ALLOWED = {
    "header bytes": ("small", get(lines=fields(7, 250))),
    "header count": ("small", get(lines=fields(19))),
    "target": ("small", get("/" + "a" * 498)),
    "announced body": ("small", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + "x" * 1000),
    "default header bytes": ("default", get(lines=fields(50, 1100))),
    "default header count": ("default", get(lines=fields(99))),
    "default target": ("default", get("/" + "a" * 8100)),
    "default body": ("default", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + "x" * 300_000),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_past_the_limit(proxies: dict[str, Headgate], case: str) -> None:
    which, message, status = REFUSED[case]
    with Wire(proxies[which].address()) as other, Wire(proxies[which].address()) as client:
        assert other.get().status == 200
        client.send(message)
        response = client.response()
        assert (response.status, response.get("connection")) == (status, "close")
        assert client.at_end()
        assert other.get().status == 200


@pytest.mark.parametrize("case", list(ALLOWED))
def test_up_to_the_limit(proxies: dict[str, Headgate], case: str) -> None:
    which, message = ALLOWED[case]
    with Wire(proxies[which].address()) as client:
        for _ in range(2):
            client.send(message)
            assert client.response().status == 200


def test_trailers_count_as_headers(proxies: dict[str, Headgate]) -> None:
    with Wire(proxies["small"].address()) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + fields(30, 200) + "\r\n")
        assert client.response().status == 431
        assert client.at_end()


def test_requests_on_one_connection(headgate: HeadgateFactory) -> None:
    backend = Backend()
    proxy = headgate(simple_config(backend.address, http1={"max_requests_per_connection": 3}))
    with Wire(proxy.address()) as client:
        assert [client.get().get("connection") for _ in range(3)] == [None, None, "close"]
        assert client.at_end()
    backend.stop()


def test_connections_of_a_listener(headgate: HeadgateFactory) -> None:
    backend = Backend()
    proxy = headgate(simple_config(backend.address, listener={"max_connections": 2}))
    with Wire(proxy.address()) as first, Wire(proxy.address()) as second:
        assert (first.get().status, second.get().status) == (200, 200)
        with Wire(proxy.address()) as third:
            assert third.at_end()
        assert (first.get().status, second.get().status) == (200, 200)
    backend.stop()
