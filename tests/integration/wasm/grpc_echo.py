"""A gRPC server with grpcio, for modules to call: messages are plain text."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc


class EchoServer:
    """What it has seen.

    :ivar port: where it listens
    :ivar cancelled: a call was given up by its client
    """

    def __init__(self) -> None:
        self.port = 0
        self.peers: list[str] = []
        self.started: list[str] = []
        self.cancelled = threading.Event()
        self.release = threading.Event()
        self.server = grpc.server(ThreadPoolExecutor(8))

    def say(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self.peers.append(context.peer())
        return b"you said " + data

    def metadata(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        found = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-")]
        own = [(key, value) for key, value in found if not key.startswith(("x-envoy", "x-forwarded", "x-request"))]
        return f"{sorted(own)} timed {context.time_remaining() < 60}".encode()

    def abort(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100% wrong, \u00fcberhaupt")

    def sleep(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        self.started.append("Sleep")
        context.add_callback(self.cancelled.set)
        self.release.wait(20.0)
        return b"slept"

    def large(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        return b"x" * int(data)

    def count(self, data: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.send_initial_metadata((("x-t-initial", "first"), ("x-t-raw-bin", b"\x00\x01\xff")))
        context.set_trailing_metadata((("x-t-trailing", "last"),))
        for number in range(int(data)):
            yield str(number).encode()
        if int(data) == 0:
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "nothing to count")

    def chat(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self.started.append("Chat")
        context.add_callback(self.cancelled.set)
        for number, message in enumerate(messages):
            yield b"chat %d %s" % (number, message)


@contextmanager
def echo_server(port: int = 0) -> Iterator[EchoServer]:
    """A server that listens.

    :param port: 0: any
    """
    echo = EchoServer()
    unary = {"Say": echo.say, "Metadata": echo.metadata, "Abort": echo.abort, "Sleep": echo.sleep, "Large": echo.large}
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name: grpc.unary_unary_rpc_method_handler(method) for name, method in unary.items()
    }
    handlers["Count"] = grpc.unary_stream_rpc_method_handler(echo.count)
    handlers["Chat"] = grpc.stream_stream_rpc_method_handler(echo.chat)
    echo.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
    echo.port = echo.server.add_insecure_port(f"127.0.0.1:{port}")
    echo.server.start()
    try:
        yield echo
    finally:
        echo.release.set()
        echo.server.stop(None).wait()
