"""Plugins made with nothing but grpcio, and things that are no plugin, for the client to meet."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import grpc

from headgate.api.plugin_messages import PluginResponse
from headgate.protocols.grpc.plugin_codec import decode_request, encode_response


def answer(data: bytes, context: grpc.ServicerContext) -> bytes:
    """What the plugin of these tests does, by the request's type."""
    request = decode_request(data)
    if request.type == "double":
        return encode_response(PluginResponse(body=request.body * 2))
    if request.type == "sleep":
        time.sleep(float(request.body))
    elif request.type == "abort":
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100% wrong\nforged log line")
    elif request.type == "garbage":
        return b"\xff\xff\xff"
    elif request.type == "timeout":
        return encode_response(PluginResponse(body=str(context.time_remaining()).encode()))
    elif request.type == "metadata":
        return encode_response(PluginResponse({key: str(value) for key, value in context.invocation_metadata()}))
    return encode_response(PluginResponse(request.header, request.trailer, request.body, -1))


@contextmanager
def grpcio_plugin(address: str = "127.0.0.1:0") -> Iterator[tuple[grpc.Server, int]]:
    """A server with ``/proto.Plugin/Call``; its port if it listens on one."""
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("proto.Plugin", {"Call": handler}),))
    port = server.add_insecure_port(address)
    server.start()
    try:
        yield server, port
    finally:
        server.stop(None).wait()


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does whatever it likes with each connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    serve(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10.0)
