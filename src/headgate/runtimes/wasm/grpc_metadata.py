"""What a guest may send as the metadata of a gRPC call (gRPC over HTTP/2, "Custom-Metadata")."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final

from headgate.api.grpc_call import Metadata
from headgate.runtimes.wasm.maps import Pairs

MAX_SIZE: Final = 64 * 1024
"""Bytes of names and values together, 32 more for each pair, as HTTP/2 counts them."""

_NAME: Final = re.compile(rb"[0-9a-z_.\-]+\Z")
_VALUE: Final = re.compile(rb"[\x20-\x7e]*\Z")
_PART: Final = re.compile(rb"[\x21-\x7e]+\Z")
_CONNECTION: Final = (b"te", b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
_CALL: Final = (b"grpc-timeout", b"grpc-status", b"grpc-message", b"grpc-encoding", b"grpc-accept-encoding")
_OWN: Final = frozenset((*_CONNECTION, *_CALL, b"content-type", b"content-length"))
"""Fields of the connection, and those that say how the call itself goes."""


def checked_metadata(pairs: Pairs) -> Metadata:
    """Metadata as it goes on the wire: names in lower case, and values of names that end in ``-bin``, which may be any bytes, in base64
    (without padding, as gRPC asks of senders). Envoy does the same for guests.

    :raises ValueError: saying what may not
    """
    checked: Metadata = []
    size = 0
    for given, value in pairs:
        name = given.lower()
        size += len(name) + len(value) + 32
        if name.startswith(b":"):
            raise ValueError(f"metadata: a call's {name!r} is made from its service and method")
        if name in _OWN:
            raise ValueError(f"metadata: {name!r} is gRPC's own")
        if _NAME.match(name) is None:
            raise ValueError(f"metadata: not a name: {given[:100]!r}")
        if name.endswith(b"-bin"):
            checked.append((name, b64encode(value).rstrip(b"=")))
        elif _VALUE.match(value) is None or value != value.strip():
            raise ValueError(f"metadata: not a value for {name!r}")
        else:
            checked.append((name, value))
    if size > MAX_SIZE:
        raise ValueError(f"metadata of {size} bytes; {MAX_SIZE} are allowed")
    return checked


def call_path(service: bytes, method: bytes) -> bytes:
    """The path of a method.

    :raises ValueError: if either is none
    """
    for part in (service, method):
        if _PART.match(part) is None or b"/" in part or b"?" in part or b"#" in part:
            raise ValueError(f"not the name of a service or method: {part[:100]!r}")
    return b"/" + service + b"/" + method
