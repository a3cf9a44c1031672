"""The one line by which a plugin says where it listens: the first line of its standard output.

``CORE|APP|NETWORK|ADDRESS|PROTOCOL`` and an optional sixth field, as hashicorp/go-plugin's server prints it
(section 4.2 of MOSN's reference). The names of the errors are those of its client.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from headgate.api.errors import HeadgateError

MAX_LINE: Final = 4096
"""Bytes; a first line that is longer is no handshake."""

_CERTIFICATE: Final = 50
"""go-plugin's client looks at the sixth field only if it is longer."""
_SHOWN: Final = 80
_LONGEST_SOCKET_PATH: Final = 107


class HandshakeError(HeadgateError):
    """The line is none, or says something that cannot be worked with."""


@dataclass(frozen=True)
class Endpoint:
    """Where one process of a plugin listens.

    :ivar network: ``tcp`` or ``unix``
    :ivar address: ``host:port`` with a literal address of the loopback, or the path of a socket
    """

    network: str
    address: str


def parse_handshake(line: bytes, protocol: str) -> Endpoint:
    """The endpoint that a line names.

    :param line: without its line end, or with it
    :param protocol: what the fifth field must be
    :raises HandshakeError: with the field that is wrong
    """
    text = line.decode("utf-8", "replace").strip()
    fields = text.split("|", 5)
    if len(fields) < 4:
        raise HandshakeError(
            f"unrecognized remote plugin message: {shown(line)}: its first line on standard output must be like '1|1|unix|/path|{protocol}'"
        )
    if _number(fields[0]) != 1:
        raise HandshakeError(f"incompatible core API version with plugin: it speaks {shown(fields[0])}, known is 1")
    if _number(fields[1]) != 1:
        raise HandshakeError(f"incompatible API version with plugin: it speaks {shown(fields[1])}, known is 1")
    network, address = fields[2], fields[3]
    if network not in ("tcp", "unix"):
        raise HandshakeError(f"unknown address type: {shown(network)}, known are 'tcp' and 'unix'")
    # go-plugin's protocol of old, which nobody names.
    spoken = fields[4] if len(fields) > 4 else "netrpc"
    if spoken != protocol:
        raise HandshakeError(f"unsupported plugin protocol {shown(spoken)}, supported is {protocol!r}")
    if len(fields) > 5 and len(fields[5]) > _CERTIFICATE:
        raise HandshakeError("the plugin wants TLS between proxy and plugin (a certificate in its sixth field), which is not supported")
    return Endpoint(network, _tcp_address(address) if network == "tcp" else _socket_path(address))


def shown(text: bytes | str) -> str:
    """What a plugin wrote, as a message can show it: cut, and without control characters."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _number(text: str) -> int:
    # Go's strconv.Atoi: no spaces, no underscores.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _tcp_address(address: str) -> str:
    host, colon, port_text = address.rpartition(":")
    port = _number(port_text)
    if not colon or not 0 < port < 65536:
        raise HandshakeError(f"address {shown(address)} cannot be resolved: it must be like 127.0.0.1:1234")
    host = host.removeprefix("[").removesuffix("]")
    if host in ("", "localhost"):
        host = "127.0.0.1"
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise HandshakeError(f"address {shown(address)} cannot be resolved: {shown(host)} is no IP address") from None
    if ip.is_unspecified:
        ip = ipaddress.ip_address("127.0.0.1" if ip.version == 4 else "::1")
    if not ip.is_loopback:
        raise HandshakeError(f"address {shown(address)} is not on the loopback of this machine")
    return f"{ip}:{port}" if ip.version == 4 else f"[{ip}]:{port}"


def _socket_path(address: str) -> str:
    if not address.startswith("/"):
        raise HandshakeError(f"address {shown(address)} is no absolute path of a socket")
    if len(address.encode()) > _LONGEST_SOCKET_PATH or "\0" in address:
        raise HandshakeError(f"address {shown(address)} cannot be the path of a socket: at most {_LONGEST_SOCKET_PATH} bytes")
    return address
