"""go-plugin's stream of output, with the h2 package as the plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h2.events
import pytest

from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.status import CANCELLED, OK, UNAVAILABLE, UNIMPLEMENTED, UNKNOWN
from headgate.protocols.http2 import errors
from headgate.runtimes.process.stdio_stream import STDERR, STDIO_PATH, STDOUT, StdioReceiver, StdioStream
from tests.unit.protocols.grpc_client_peers import HEAD, ClientUnderTest, Setting
from tests.unit.protocols.http2_peers import run


class Written(StdioReceiver):
    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes]] = []
        self.ends: list[tuple[int, str]] = []

    def on_stdio(self, channel: int, data: bytes) -> None:
        self.seen.append((channel, data))

    def on_stdio_end(self, status: int, detail: str) -> None:
        self.ends.append((status, detail))


class Case:
    def __init__(self) -> None:
        self.peers = ClientUnderTest({Setting.MAX_CONCURRENT_STREAMS: 100})
        self.written = Written()
        self.peers.exchange()
        self.peers.client.open_server_stream(StdioStream(self.peers.client, self.written), STDIO_PATH, b"")
        self.peers.exchange()

    def say(self, *messages: bytes) -> None:
        for message in messages:
            self.peers.server.send_data(1, message_prefix(len(message)) + message)
        self.peers.exchange()

    def begun(self) -> Case:
        self.peers.server.send_headers(1, HEAD)
        self.peers.exchange()
        return self

    def trailers(self, *fields: tuple[str, str]) -> None:
        self.peers.server.send_headers(1, fields, end_stream=True)
        self.peers.exchange()


def test_it_asks_as_go_plugins_client_does() -> None:
    def test() -> None:
        case = Case()
        request = next(event for event in case.peers.events if isinstance(event, h2.events.RequestReceived))
        assert dict(request.headers)[b":path"] == STDIO_PATH
        data = b"".join(event.data for event in case.peers.events if isinstance(event, h2.events.DataReceived))
        assert data == message_prefix(0)
        assert any(isinstance(event, h2.events.StreamEnded) for event in case.peers.events)

    run(test)


def test_what_is_written_is_told_by_channel() -> None:
    def test() -> None:
        case = Case().begun()
        case.say(b"\x08\x01\x12\x03out", b"\x12\x03err\x08\x02", b"\x08\x02", b"\x1a\x01?\x12\x01!\x08\x07")
        assert case.written.seen == [(STDOUT, b"out"), (STDERR, b"err"), (7, b"!")]
        assert case.written.ends == []

    run(test)


def test_more_than_all_windows_goes_through() -> None:
    def test() -> None:
        case = Case().begun()
        chunk = b"\x08\x02\x12\x80\x08" + b"x" * 1024  # go-plugin's largest
        for _ in range(20 << 10):
            case.say(chunk)
        assert sum(len(data) for _, data in case.written.seen) == 20 << 20

    run(test)


END = Callable[[Case], Any]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda case: case.begun().trailers(("grpc-status", "0")), OK),
        (lambda case: case.trailers(*HEAD, ("grpc-status", "12")), UNIMPLEMENTED),
        (lambda case: case.begun().trailers(("grpc-status", "nonsense")), UNKNOWN),
        (lambda case: case.begun().trailers(("x", "y")), UNKNOWN),
        (lambda case: (case.peers.server.reset_stream(1, errors.CANCEL), case.peers.exchange()), CANCELLED),
        (lambda case: case.peers.client.connection_lost(None), UNAVAILABLE),
        (lambda case: case.begun().say(b"\x08"), UNKNOWN),
        (lambda case: case.begun().say(b"\x12\x7f"), UNKNOWN),
        (lambda case: (case.begun(), case.peers.server.send_data(1, message_prefix(1 << 30)), case.peers.exchange()), UNKNOWN),
        (lambda case: (case.begun(), case.peers.server.send_data(1, b"", end_stream=True), case.peers.exchange()), UNKNOWN),
    ],
)
def test_its_end_is_told_once_and_costs_no_call(end: END, status: int) -> None:
    def test() -> None:
        case = Case()
        end(case)
        assert [status for status, _ in case.written.ends] == [status]
        if not case.peers.client.closed:
            call = case.peers.start()
            case.peers.exchange()
            case.peers.answer(3)
            assert call.outcome == b"answer"
        case.peers.client.connection_lost(None)
        assert len(case.written.ends) == 1

    run(test)
