from __future__ import annotations

import pytest

from headgate.config.addresses import (
    AddressError,
    HostNameError,
    SocketAddress,
    parse_host_address,
    parse_tcp_address,
    parse_unix_address,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("0.0.0.0:0", "0.0.0.0", 0),
        (":2046", "", 2046),
        ("[::1]:443", "::1", 443),
        ("[fe80::1%eth0]:443", "fe80::1%eth0", 443),
    ],
)
def test_tcp(text: str, host: str, port: int) -> None:
    assert parse_tcp_address(text) == SocketAddress(host, port, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("127.0.0.1", "not an address: '127.0.0.1'"),
        ("127.0.0.1:", "not a port: ''"),
        ("127.0.0.1:http", "not a port: 'http'"),
        ("127.0.0.1:65536", "not a port: '65536'"),
        ("127.0.0.1:-1", "not a port: '-1'"),
        ("127.0.0.1:\u0661", "not a port: '\u0661'"),
        ("127.0.0.300:80", "not an IP address: '127.0.0.300'"),
        ("::1:80", "not an address: '::1:80'"),
        ("[127.0.0.1]:80", "not an IPv6 address: '127.0.0.1'"),
        ("/tmp/a.sock", "not an address: '/tmp/a.sock'"),
        ("unix:/tmp/a.sock", "not an address: 'unix:/tmp/a.sock'"),
    ],
)
def test_not_tcp(text: str, message: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_tcp_address(text)
    assert str(caught.value) == message


def test_host_names_need_an_ip_address() -> None:
    with pytest.raises(HostNameError) as caught:
        parse_tcp_address("localhost:80")
    assert caught.value.hint == "write an IP address: 127.0.0.1:80"
    with pytest.raises(HostNameError):
        parse_host_address("backend:80")


def test_unix() -> None:
    assert parse_unix_address("/run/a.sock") == SocketAddress("", 0, "/run/a.sock")
    assert parse_unix_address("unix:/run/a.sock") == SocketAddress("", 0, "/run/a.sock")


@pytest.mark.parametrize("text", ["", "unix:", "/run/", "/" + "a" * 107, "/\u00e4" * 54, "/a\0b"])
def test_not_unix(text: str) -> None:
    with pytest.raises(AddressError):
        parse_unix_address(text)


def test_hosts_to_connect_to() -> None:
    assert parse_host_address("10.0.0.1:80") == SocketAddress("10.0.0.1", 80, "")
    assert parse_host_address("unix:/run/a.sock").path == "/run/a.sock"
    assert parse_host_address("/run/a.sock").path == "/run/a.sock"
    for text in (":80", "10.0.0.1:0"):
        with pytest.raises(AddressError):
            parse_host_address(text)
