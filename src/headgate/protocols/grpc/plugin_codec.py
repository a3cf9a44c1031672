"""``proto.Request`` and ``proto.Response`` of MOSN's plugins, to and from their wire form.

::

    message Request  { map<string, string> header = 1; map<string, string> trailer = 2; bytes body = 3; string type = 4; }
    message Response { map<string, string> header = 1; map<string, string> trailer = 2; bytes body = 3; int32 status = 4; }

Writing works on text: every byte of the wire form is one character of ISO-8859-1, a header is one formatted string, and the whole is
encoded at once. Reading follows protobuf's rules: unknown fields and known ones of another wire type are passed over, of several the last
counts.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.protocols.grpc.wire import WireError, WireReader, varint

PLUGIN_CALL_PATH: Final = b"/proto.Plugin/Call"

_MAX_HEADERS: Final = 10_000
"""Entries of a map, with those that replace one another: a message may be as large as the peer pleases within its limit, and must not hold
the event loop for longer than its size is worth."""
_MAX_ENTRY_FIELDS: Final = 100
"""Fields of one entry, which has two: those that come again, and unknown ones."""

_HEADER_TAG: Final = 0x0A
_TRAILER_TAG: Final = 0x12
_BODY_TAG: Final = 0x1A
_TYPE_TAG: Final = 0x22
_STATUS_TAG: Final = 0x20
_INT32_MAX: Final = 0x7FFFFFFF


def encode_request(request: PluginRequest) -> bytes:
    """A request's wire form. What is not Unicode in its texts is sent as ``?``."""
    start = ""
    if request.header:
        start = _map_text("\n", request.header)
    if request.trailer:
        start += _map_text("\x12", request.trailer)
    message = start.encode("latin-1")
    if request.body:
        message = b"".join((message, b"\x1a", varint(len(request.body)), request.body))
    if request.type:
        type_ = request.type.encode("utf-8", "replace")
        message = b"".join((message, b"\x22", varint(len(type_)), type_))
    return message


def encode_response(response: PluginResponse) -> bytes:
    """A response's wire form.

    :raises WireError: if the status is not an int32
    """
    start = ""
    if response.header:
        start = _map_text("\n", response.header)
    if response.trailer:
        start += _map_text("\x12", response.trailer)
    message = start.encode("latin-1")
    if response.body:
        message = b"".join((message, b"\x1a", varint(len(response.body)), response.body))
    status = response.status
    if status:
        if not -_INT32_MAX - 1 <= status <= _INT32_MAX:
            raise WireError(f"status {status} is not an int32")
        message = b"".join((message, b"\x20", varint(status if status > 0 else status + (1 << 64))))
    return message


def _map_text(tag: str, entries: dict[str, str]) -> str:
    parts: list[str] = []
    for key, value in entries.items():
        if not key.isascii():
            key = key.encode("utf-8", "replace").decode("latin-1")
        if not value.isascii():
            value = value.encode("utf-8", "replace").decode("latin-1")
        key_size = len(key)
        value_size = len(value)
        size = key_size + value_size + 4
        if size < 0x80:
            parts.append(f"{tag}{chr(size)}\n{chr(key_size)}{key}\x12{chr(value_size)}{value}")
        else:
            key_length = _length_text(key_size)
            value_length = _length_text(value_size)
            size = key_size + value_size + 2 + len(key_length) + len(value_length)
            parts.append(f"{tag}{_length_text(size)}\n{key_length}{key}\x12{value_length}{value}")
    return "".join(parts)


def _length_text(length: int) -> str:
    return chr(length) if length < 0x80 else varint(length).decode("latin-1")


def decode_request(data: bytes, start: int = 0) -> PluginRequest:
    """A request from its wire form.

    :param start: where it begins in ``data``; it runs to the end
    :raises WireError: if it is malformed
    """
    request = PluginRequest()
    reader = WireReader(data, start, len(data))
    counted = 0
    while reader.position < reader.end:
        tag = reader.tag()
        counted += 1
        if tag == _HEADER_TAG:
            _read_entry(reader, request.header)
        elif tag == _TRAILER_TAG:
            _read_entry(reader, request.trailer)
        elif tag == _BODY_TAG:
            request.body = _read_bytes(reader)
        elif tag == _TYPE_TAG:
            request.type = reader.text()
        else:
            reader.skip(tag)
        if counted > _MAX_HEADERS:
            raise WireError(f"more than {_MAX_HEADERS} fields")
    return request


def decode_response(data: bytes, start: int = 0) -> PluginResponse:
    """A response from its wire form.

    :param start: where it begins in ``data``; it runs to the end
    :raises WireError: if it is malformed
    """
    response = PluginResponse()
    reader = WireReader(data, start, len(data))
    counted = 0
    while reader.position < reader.end:
        tag = reader.tag()
        counted += 1
        if tag == _HEADER_TAG:
            _read_entry(reader, response.header)
        elif tag == _TRAILER_TAG:
            _read_entry(reader, response.trailer)
        elif tag == _BODY_TAG:
            response.body = _read_bytes(reader)
        elif tag == _STATUS_TAG:
            status = reader.varint() & 0xFFFFFFFF
            response.status = status if status <= _INT32_MAX else status - (1 << 32)
        else:
            reader.skip(tag)
        if counted > _MAX_HEADERS:
            raise WireError(f"more than {_MAX_HEADERS} fields")
    return response


def _read_bytes(reader: WireReader) -> bytes:
    end = reader.length()
    start = reader.position
    reader.position = end
    return reader.data[start:end]


def _read_entry(reader: WireReader, entries: dict[str, str]) -> None:
    """One entry of a map: a message with the key as field 1 and the value as field 2."""
    after = reader.end
    reader.end = reader.length()
    key = ""
    value = ""
    counted = 0
    while reader.position < reader.end:
        tag = reader.tag()
        counted += 1
        if tag == _HEADER_TAG:
            key = reader.text()
        elif tag == _TRAILER_TAG:
            value = reader.text()
        else:
            reader.skip(tag)
        if counted > _MAX_ENTRY_FIELDS:
            raise WireError(f"more than {_MAX_ENTRY_FIELDS} fields in an entry of a map")
    reader.end = after
    entries[key] = value
