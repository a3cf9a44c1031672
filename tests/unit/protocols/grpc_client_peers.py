"""Our client of unary calls, with the h2 package as its server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import h2.config
import h2.connection
import h2.events
import h2.settings

from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.client_connection import MAX_ANSWERS, GrpcClientConnection
from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.unary_call import UnaryCall
from tests.unit.protocols.http2_peers import FakeTransport

Setting = h2.settings.SettingCodes
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]


class Call(UnaryCall):
    """Keeps its outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome: bytes | tuple[int, int, str] | None = None

    def on_answer(self, data: bytes) -> None:
        assert self.outcome is None
        self.outcome = data[5:]

    def on_failure(self, reason: int, status: int, detail: str) -> None:
        assert self.outcome is None
        self.outcome = (reason, status, detail)

    @property
    def failure(self) -> tuple[int, int]:
        assert isinstance(self.outcome, tuple)
        return self.outcome[0], self.outcome[1]


class ClientUnderTest:
    """Our client, with h2 as its server."""

    def __init__(self, settings: dict[h2.settings.SettingCodes, int] | None = None, max_answers: int = MAX_ANSWERS) -> None:
        self.transport = FakeTransport()
        self.client = GrpcClientConnection("localhost", DeadlineWheel(), max_answer=100_000, max_answers=max_answers)
        self.client.connection_made(cast(asyncio.Transport, self.transport))
        self.server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        if settings is not None:
            self.server.local_settings = h2.settings.Settings(client=False, initial_values=settings)
        self.server.initiate_connection()
        self.events: list[h2.events.Event] = []

    def exchange(self) -> None:
        """Carry bytes both ways until there are none."""
        while True:
            self.client.release_output()  # the end of the loop's turn
            to_server = self.transport.take()
            if to_server:
                self.events += self.server.receive_data(to_server)
            to_client = self.server.data_to_send()
            if to_client:
                self.client.data_received(to_client)
            if not to_server and not to_client:
                return

    def start(self, message: bytes = b"question", timeout: float = 0.0) -> Call:
        call = Call()
        deadline = asyncio.get_running_loop().time() + timeout if timeout else 0.0
        self.client.start_call(call, b"/proto.Plugin/Call", message, deadline)
        return call

    def answer(self, stream_id: int, data: bytes = b"answer", trailers: Sequence[tuple[str, str]] = OK) -> None:
        self.server.send_headers(stream_id, HEAD)
        self.server.send_data(stream_id, message_prefix(len(data)) + data)
        self.server.send_headers(stream_id, trailers, end_stream=True)
        self.exchange()
