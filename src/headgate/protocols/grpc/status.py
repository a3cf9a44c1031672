"""gRPC's status codes, and what a stream that ends without one means (gRPC over HTTP/2, "Responses" and "Errors").

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

OK: Final = 0
CANCELLED: Final = 1
UNKNOWN: Final = 2
INVALID_ARGUMENT: Final = 3
DEADLINE_EXCEEDED: Final = 4
NOT_FOUND: Final = 5
PERMISSION_DENIED: Final = 7
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
UNAUTHENTICATED: Final = 16

_OF_HTTP: Final = {
    b"400": INTERNAL,
    b"401": UNAUTHENTICATED,
    b"403": PERMISSION_DENIED,
    b"404": UNIMPLEMENTED,
    b"429": UNAVAILABLE,
    b"502": UNAVAILABLE,
    b"503": UNAVAILABLE,
    b"504": UNAVAILABLE,
}

_NAMES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

_MAX_MESSAGE: Final = 1024
"""Characters of a status message that are kept: it ends in logs."""


def status_name(status: int) -> str:
    """The name of a status, for logs."""
    return _NAMES[status] if 0 <= status < len(_NAMES) else f"status {status}"


def parse_status(value: bytes) -> int:
    """The value of ``grpc-status``; -1 if it is none."""
    if not value or len(value) > 5 or not value.isdigit():
        return -1
    return int(value)


def status_of_reset(code: int) -> int:
    """What RST_STREAM with this HTTP/2 error code means."""
    if code == 0x7:  # REFUSED_STREAM
        return UNAVAILABLE
    if code == 0x8:  # CANCEL
        return CANCELLED
    if code == 0xB:  # ENHANCE_YOUR_CALM
        return RESOURCE_EXHAUSTED
    if code == 0xC:  # INADEQUATE_SECURITY
        return PERMISSION_DENIED
    return INTERNAL


def status_of_http(status: bytes) -> int:
    """What an answer that is not gRPC means by its HTTP status (grpc/doc/http-grpc-status-mapping.md)."""
    return _OF_HTTP.get(status, UNKNOWN)


def decode_message(value: bytes) -> str:
    """The text of ``grpc-message``: percent-decoded, shortened, and without anything that could harm a log."""
    value = value[: 3 * _MAX_MESSAGE]
    if b"%" in value:
        value = _percent_decoded(value)
    text = value.decode("utf-8", "replace")[:_MAX_MESSAGE]
    return text if text.isprintable() else "".join([char if char.isprintable() else "\ufffd" for char in text])


def _percent_decoded(value: bytes) -> bytes:
    parts = value.split(b"%")
    decoded = [parts[0]]
    for part in parts[1:]:
        try:
            decoded.append(bytes.fromhex(part[:2].decode("ascii")) + part[2:] if len(part) >= 2 else b"%" + part)
        except ValueError:
            decoded.append(b"%" + part)  # the specification: never fail on an invalid one
    return b"".join(decoded)


def encode_message(text: str) -> bytes:
    """A text as the value of ``grpc-message``."""
    out = bytearray()
    for byte in text[:_MAX_MESSAGE].encode("utf-8", "replace"):
        if 0x20 <= byte <= 0x7E and byte != 0x25:
            out.append(byte)
        else:
            out.extend(b"%%%02X" % byte)
    return bytes(out)
