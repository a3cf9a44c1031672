"""The server of unary calls without a socket: with the h2 package as its client."""

from __future__ import annotations

import asyncio
from typing import cast

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.server_connection import GrpcMethod, GrpcServerConnection, ServerCall, ServerConnectionOwner
from headgate.protocols.http2 import errors
from headgate.protocols.http2.frame import (
    ACK,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    SETTINGS,
    reset_frame,
)
from tests.unit.protocols.http2_peers import FakeTransport, frame, run


class Owner(ServerConnectionOwner):
    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.detail: str | None = None

    def connection_open(self, connection: GrpcServerConnection) -> None:
        return

    def connection_gone(self, connection: GrpcServerConnection, detail: str) -> None:
        self.detail = detail

    def method_failed(self, error: Exception) -> None:
        self.failures.append(error)


class Echo(GrpcMethod):
    def on_call(self, call: ServerCall, data: bytes) -> None:
        if data[5:] == b"raise":
            raise ValueError("no")
        call.reply(data[5:] * 2)


class Hold(GrpcMethod):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[ServerCall] = []
        self.cancelled: list[ServerCall] = []

    def on_call(self, call: ServerCall, data: bytes) -> None:
        self.calls.append(call)

    def on_cancel(self, call: ServerCall) -> None:
        self.cancelled.append(call)


class ServerUnderTest:
    """Our server, with h2 as its client."""

    def __init__(self) -> None:
        self.owner = Owner()
        self.hold = Hold()
        self.transport = FakeTransport()
        self.server = GrpcServerConnection(self.owner, {b"/echo": Echo(), b"/hold": self.hold}, max_message=300_000, max_calls=3)
        self.server.connection_made(cast(asyncio.Transport, self.transport))
        self.client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self.client.initiate_connection()
        self.events: list[h2.events.Event] = []
        self.acknowledge = True
        self.exchange()

    def exchange(self) -> None:
        while True:
            to_server = self.client.data_to_send()
            if to_server:
                self.server.data_received(to_server)
            to_client = self.transport.take()
            if to_client:
                for event in self.client.receive_data(to_client):
                    self.events.append(event)
                    if isinstance(event, h2.events.DataReceived) and self.acknowledge:
                        self.client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if not to_server and not to_client:
                return

    def call(self, path: str, message: bytes = b"hello", content_type: str = "application/grpc", end: bool = True) -> int:
        stream_id = self.client.get_next_available_stream_id()
        fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("content-type", content_type)]
        self.client.send_headers(stream_id, fields)
        data = message_prefix(len(message)) + message
        while data:
            room = min(self.client.local_flow_control_window(stream_id), self.client.max_outbound_frame_size)
            self.client.send_data(stream_id, data[:room], end_stream=end and len(data) <= room)
            data = data[room:]
            self.exchange()
        return stream_id

    def status(self, stream_id: int) -> str | None:
        for event in self.events:
            if isinstance(event, (h2.events.TrailersReceived, h2.events.ResponseReceived)) and event.stream_id == stream_id:
                status = dict(event.headers).get(b"grpc-status")
                if status is not None:
                    return status.decode()
        return None

    def body(self, stream_id: int) -> bytes:
        parts = [event.data for event in self.events if isinstance(event, h2.events.DataReceived) and event.stream_id == stream_id]
        return b"".join(parts)


def test_our_server_answers_small_and_large() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        for message in (b"hello", b"x" * 250_000, b"", b"again"):
            stream_id = peers.call("/echo", message)
            assert peers.status(stream_id) == "0"
            assert peers.body(stream_id) == message_prefix(2 * len(message)) + message * 2
        assert peers.server.streams == {}

    run(test)


@pytest.mark.parametrize(
    ("path", "message", "content_type", "status"),
    [
        ("/unknown", b"", "application/grpc", "12"),
        ("/echo", b"", "text/plain", "13"),
        ("/echo", b"raise", "application/grpc", "13"),
        ("/echo", b"x" * 300_001, "application/grpc", "8"),
    ],
)
def test_our_server_refuses(path: str, message: bytes, content_type: str, status: str) -> None:
    def test() -> None:
        peers = ServerUnderTest()
        fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("content-type", content_type)]
        peers.client.send_headers(1, fields)
        peers.client.send_data(1, (message_prefix(len(message)) + message)[:16384], end_stream=len(message) < 16000)
        peers.exchange()
        assert peers.status(1) == status
        assert peers.server.streams == {}
        assert peers.status(peers.call("/echo")) == "0"

    run(test)


def test_our_server_says_what_raised() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        peers.call("/echo", b"raise")
        assert [str(error) for error in peers.owner.failures] == ["no"]

    run(test)


def test_our_server_tells_of_cancelled_calls_and_lost_clients() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        first, _ = peers.call("/hold"), peers.call("/hold")
        peers.client.reset_stream(first, errors.CANCEL)
        peers.exchange()
        assert peers.hold.cancelled == peers.hold.calls[:1]
        peers.hold.calls[0].reply(b"late")
        assert peers.transport.take() == b""
        peers.server.connection_lost(None)
        assert peers.hold.cancelled == peers.hold.calls

    run(test)


def test_our_server_finishes_its_calls_when_it_drains() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        peers.call("/hold")
        peers.server.drain()
        before = peers.transport.closed
        peers.hold.calls[0].reply(b"done")
        assert (before, peers.transport.closed) == (False, True)
        assert message_prefix(4) + b"done" in peers.transport.written
        assert peers.transport.written.endswith(b"grpc-status\x010")

    run(test)


def test_our_server_refuses_streams_beyond_its_limit() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        for _ in range(3):
            peers.call("/hold")
        head = b"\x83\x86\x44\x05/echo"
        peers.server.data_received(frame(HEADERS, END_HEADERS | END_STREAM, 7, head))
        assert peers.transport.take() == reset_frame(7, errors.REFUSED_STREAM)

    run(test)


def test_our_server_wants_the_preface() -> None:
    def test() -> None:
        owner = Owner()
        transport = FakeTransport()
        server = GrpcServerConnection(owner, {}, 1000, 10)
        server.connection_made(cast(asyncio.Transport, transport))
        server.data_received(PREFACE[:10])
        server.data_received(b"GET / HTTP/1.1\r\n\r\n")
        assert transport.closed
        assert owner.detail is not None
        assert "no connection preface" in owner.detail

    run(test)


def test_our_server_bears_a_window_of_nothing() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        peers.acknowledge = False
        peers.client.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        peers.exchange()
        stream_id = peers.call("/echo", b"hello")
        assert peers.status(stream_id) is None
        peers.client.increment_flow_control_window(7, stream_id)
        peers.exchange()
        assert (len(peers.body(stream_id)), peers.status(stream_id)) == (7, None)
        peers.client.increment_flow_control_window(1000, stream_id)
        peers.exchange()
        assert (len(peers.body(stream_id)), peers.status(stream_id)) == (15, "0")
        assert peers.server.streams == {}

    run(test)


def test_a_settings_ack_has_no_effect() -> None:
    def test() -> None:
        peers = ServerUnderTest()
        peers.server.data_received(frame(SETTINGS, ACK, 0))
        assert peers.status(peers.call("/echo")) == "0"

    run(test)
