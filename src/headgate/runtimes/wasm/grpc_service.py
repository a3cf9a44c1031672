"""Which cluster a guest's gRPC call goes to: Envoy's ``GrpcService`` message, or a cluster's plain name.

Envoy reads the argument as the message, and if it is none as a name (``envoy/config/core/v3/grpc_service.proto``). Of the message count
``envoy_grpc.cluster_name``, ``authority`` and ``max_receive_message_length``, and ``initial_metadata``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headgate.api.grpc_call import MAX_MESSAGE, Metadata
from headgate.protocols.grpc.wire import LENGTH, VARINT, WireError, WireReader

LARGEST_MESSAGE: Final = 64 * 1024 * 1024
"""The most that ``max_receive_message_length`` can ask for."""

# Field numbers times 8 plus wire type.
_ENVOY_GRPC: Final = 1 << 3 | LENGTH
_INITIAL_METADATA: Final = 5 << 3 | LENGTH
_CLUSTER_NAME: Final = 1 << 3 | LENGTH
_AUTHORITY: Final = 2 << 3 | LENGTH
_MAX_RECEIVE: Final = 4 << 3 | LENGTH
_NUMBER: Final = 1 << 3 | VARINT
_KEY: Final = 1 << 3 | LENGTH
_VALUE: Final = 2 << 3 | LENGTH
_RAW_VALUE: Final = 3 << 3 | LENGTH


@dataclass
class GrpcService:
    """Where a call goes.

    :ivar metadata: goes with each call, as it stands there
    :ivar max_message: bytes of one message that is received
    """

    cluster: str
    authority: str = ""
    max_message: int = MAX_MESSAGE
    metadata: Metadata | None = None


def parse_service(data: bytes) -> GrpcService:
    """The service that an argument names; what is no message that names a cluster is itself a name."""
    try:
        service = _message(data)
    except WireError:
        service = None
    if service is not None and service.cluster:
        return service
    return GrpcService(data.decode("utf-8", "surrogateescape"))


def _message(data: bytes) -> GrpcService:
    service = GrpcService("")
    metadata: Metadata = []
    reader = WireReader(data, 0, len(data))
    while reader.position < reader.end:
        tag = reader.tag()
        if tag == _ENVOY_GRPC:
            _envoy_grpc(_inner(reader), service)
        elif tag == _INITIAL_METADATA:
            metadata.append(_header(_inner(reader)))
        else:
            reader.skip(tag)
    service.metadata = metadata
    return service


def _inner(reader: WireReader) -> WireReader:
    """A reader of the message that comes next, which the outer one passes over."""
    end = reader.length()
    inner = WireReader(reader.data, reader.position, end)
    reader.position = end
    return inner


def _envoy_grpc(reader: WireReader, service: GrpcService) -> None:
    while reader.position < reader.end:
        tag = reader.tag()
        if tag == _CLUSTER_NAME:
            service.cluster = reader.text()
        elif tag == _AUTHORITY:
            service.authority = reader.text()
        elif tag == _MAX_RECEIVE:
            inner = _inner(reader)
            while inner.position < inner.end:
                number = inner.tag()
                if number == _NUMBER:
                    service.max_message = min(inner.varint(), LARGEST_MESSAGE)
                else:
                    inner.skip(number)
        else:
            reader.skip(tag)


def _header(reader: WireReader) -> tuple[bytes, bytes]:
    name, value = b"", b""
    while reader.position < reader.end:
        tag = reader.tag()
        if tag in (_KEY, _VALUE, _RAW_VALUE):
            inner = _inner(reader)
            text = inner.data[inner.position : inner.end]
            if tag == _KEY:
                name = text
            elif text:
                value = text
        else:
            reader.skip(tag)
    return name, value
