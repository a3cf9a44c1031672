"""Socket addresses as configurations write them: ``127.0.0.1:80``, ``[::1]:80``, ``:80``, ``/path``, ``unix:/path``."""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple

_UNIX_PREFIX: Final = "unix:"
_LONGEST_UNIX_PATH: Final = 107
"""Bytes of ``sun_path`` on Linux, less the closing zero."""


class SocketAddress(NamedTuple):
    """A parsed address.

    :ivar host: IP address; empty for every address of the machine, and for a unix socket
    :ivar port: TCP port; 0 for a unix socket, or for a port that the kernel chooses
    :ivar path: path of the unix socket; empty for TCP
    """

    host: str
    port: int
    path: str


class AddressError(ValueError):
    """A text that is not an address.

    :ivar hint: what to write instead, or an empty string
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class HostNameError(AddressError):
    """An address with a host name where an IP address is needed."""


def parse_tcp_address(text: str) -> SocketAddress:
    """Host and port of ``ip:port``, ``[ipv6]:port`` or ``:port``.

    :raises HostNameError: for a host name in place of an IP address
    :raises AddressError: for anything else that is no such address
    """
    if text.startswith(("/", "./", "../", _UNIX_PREFIX)):
        raise AddressError(f"not an address: {text!r}", "it looks like a unix socket")
    host, colon, port_text = text.rpartition(":")
    if not colon:
        raise AddressError(f"not an address: {text!r}", "write it like 127.0.0.1:8080; the port is missing")
    if not (port_text.isascii() and port_text.isdecimal() and len(port_text) <= 5) or int(port_text) > 65535:
        raise AddressError(f"not a port: {port_text!r}", "a port is a number from 0 to 65535")
    port = int(port_text)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not _is_ip(host, 6):
            raise AddressError(f"not an IPv6 address: {host!r}")
        return SocketAddress(host, port, "")
    if ":" in host:
        raise AddressError(f"not an address: {text!r}", f"write an IPv6 address in square brackets: [{host}]:{port}")
    if host and not _is_ip(host, 4):
        if _looks_like_ipv4(host):
            raise AddressError(f"not an IP address: {host!r}")
        hint = f"write an IP address: 127.0.0.1:{port}" if host == "localhost" else "write an IP address"
        raise HostNameError(f"host name {host!r}", hint)
    return SocketAddress(host, port, "")


def parse_unix_address(text: str) -> SocketAddress:
    """Path of a unix socket, written as ``/path`` or ``unix:/path``.

    :raises AddressError: for an empty path or one longer than the kernel takes (107 bytes)
    """
    path = text.removeprefix(_UNIX_PREFIX)
    if not path or path.endswith("/"):
        raise AddressError(f"not a path of a unix socket: {text!r}")
    size = len(path.encode("utf-8", "surrogateescape"))
    if size > _LONGEST_UNIX_PATH:
        raise AddressError(f"path of a unix socket is too long: {size} bytes", f"at most {_LONGEST_UNIX_PATH}")
    if "\0" in path:
        raise AddressError("path of a unix socket holds a zero byte")
    return SocketAddress("", 0, path)


def parse_host_address(text: str) -> SocketAddress:
    """Address of an upstream host: ``ip:port``, ``[ipv6]:port`` or ``unix:/path`` (also ``/path``).

    :raises HostNameError: for a host name in place of an IP address
    :raises AddressError: for anything else that is no such address, and for port 0 or an empty host
    """
    if text.startswith((_UNIX_PREFIX, "/")):
        return parse_unix_address(text)
    address = parse_tcp_address(text)
    if not address.host:
        raise AddressError(f"not an address to connect to: {text!r}", f"write an IP address: 127.0.0.1:{address.port}")
    if address.port == 0:
        raise AddressError(f"not a port to connect to: {text!r}", "a port is a number from 1 to 65535")
    return address


def _is_ip(host: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(host).version == version
    except ValueError:
        return False


def _looks_like_ipv4(host: str) -> bool:
    return all(part.isdecimal() for part in host.split("."))
