"""Streaming calls without a socket, with the h2 package as their server."""

from __future__ import annotations

import h2.events
import pytest

from headgate.api.grpc_call import GrpcReceiver, GrpcRequest, Metadata
from headgate.protocols.grpc.message_reader import message_prefix
from headgate.protocols.grpc.stream_call import MAX_UNSENT, StreamCall
from headgate.protocols.http2 import errors
from tests.unit.protocols.grpc_client_peers import HEAD, OK, ClientUnderTest, Setting
from tests.unit.protocols.http2_peers import run


class Receiver(GrpcReceiver):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.cancels: StreamCall | None = None

    def on_grpc_initial_metadata(self, metadata: Metadata) -> None:
        self.heard.append(("initial", metadata))

    def on_grpc_message(self, message: bytes) -> None:
        self.heard.append(message)
        if self.cancels is not None:
            self.cancels.cancel()

    def on_grpc_trailing_metadata(self, metadata: Metadata) -> None:
        self.heard.append(("trailing", metadata))

    def on_grpc_close(self, status: int, message: str) -> None:
        self.heard.append((status, message))


INITIAL = ("initial", [(b":status", b"200"), (b"content-type", b"application/grpc")])


class Peers(ClientUnderTest):
    """With one stream under way."""

    def __init__(self, settings: dict[Setting, int] | None = None, max_message: int = 1000, begin: bool = True) -> None:
        super().__init__(settings)
        self.receiver = Receiver()
        request = GrpcRequest("grpc", b"/test.Echo/Chat", [(b"x-one", b"1"), (b"raw-bin", b"AAEC")], max_message=max_message)
        self.call = StreamCall(request, self.receiver)
        self.exchange()
        if begin:
            self.client.start(self.call, 0.0)
            self.exchange()

    def seen(self, kind: type[h2.events.Event]) -> list[h2.events.Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def received(self) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, h2.events.DataReceived))

    def say(self, *messages: bytes) -> None:
        self.server.send_data(1, b"".join(message_prefix(len(message)) + message for message in messages))
        self.exchange()

    def end(self, *trailers: tuple[str, str]) -> None:
        self.server.send_headers(1, trailers, end_stream=True)
        self.exchange()

    def reset_codes(self) -> list[int]:
        return [int(event.error_code) for event in self.events if isinstance(event, h2.events.StreamReset)]


def test_messages_go_both_ways_at_once() -> None:
    def test() -> None:
        peers = Peers()
        request = next(event for event in peers.events if isinstance(event, h2.events.RequestReceived))
        fields = dict(request.headers)
        assert fields.pop(b"user-agent").startswith(b"headgate/")
        assert fields == {
            b":method": b"POST",
            b":scheme": b"http",
            b":path": b"/test.Echo/Chat",
            b":authority": b"grpc",
            b"te": b"trailers",
            b"content-type": b"application/grpc",
            b"x-one": b"1",
            b"raw-bin": b"AAEC",
        }
        peers.server.send_headers(1, HEAD)
        assert peers.call.send(b"a", False)
        peers.say(b"one", b"", b"two")
        assert peers.call.send(b"bc", True)
        peers.exchange()
        assert peers.received() == message_prefix(1) + b"a" + message_prefix(2) + b"bc"
        assert peers.seen(h2.events.StreamEnded)
        assert not peers.call.send(b"d", False)
        peers.end(("grpc-status", "0"), ("grpc-message", "fine"))
        trailing = ("trailing", [(b"grpc-status", b"0"), (b"grpc-message", b"fine")])
        assert peers.receiver.heard == [INITIAL, b"one", b"", b"two", trailing, (0, "fine")]
        assert (peers.client.in_flight, peers.client.streams, peers.reset_codes()) == (0, {}, [])

    run(test)


def test_a_user_agent_of_its_own() -> None:
    def test() -> None:
        peers = Peers(begin=False)
        call = StreamCall(GrpcRequest("grpc", b"/a/b", [(b"user-agent", b"mine")], authority="auth.test"), peers.receiver)
        peers.client.start(call, 0.0)
        peers.exchange()
        request = next(event for event in peers.events if isinstance(event, h2.events.RequestReceived))
        assert [value for name, value in request.headers if name in (b"user-agent", b":authority")] == [b"auth.test", b"mine"]

    run(test)


def test_only_the_end_can_be_sent() -> None:
    def test() -> None:
        peers = Peers()
        assert peers.call.send(None, True)
        peers.exchange()
        assert (peers.received(), len(peers.seen(h2.events.StreamEnded))) == (b"", 1)
        assert not peers.call.send(None, True)

    run(test)


def test_what_is_sent_before_the_turn_has_come_waits() -> None:
    def test() -> None:
        peers = Peers({Setting.MAX_CONCURRENT_STREAMS: 0})
        assert peers.call.send(b"a", False)
        assert peers.call.send(b"b", False)
        assert peers.call.send(None, True)
        assert not peers.call.send(b"c", False)
        peers.server.update_settings({Setting.MAX_CONCURRENT_STREAMS: 1})
        peers.exchange()
        assert peers.received() == message_prefix(1) + b"a" + message_prefix(1) + b"b"
        assert peers.seen(h2.events.StreamEnded)

    run(test)


@pytest.mark.parametrize("turn", [True, False])
def test_what_waits_to_be_sent_is_bounded(turn: bool) -> None:
    def test() -> None:
        peers = Peers({Setting.MAX_CONCURRENT_STREAMS: 1 if turn else 0})
        assert peers.call.send(b"x" * (2 * MAX_UNSENT), False), "one message may be larger"
        assert not peers.call.send(b"y", False)
        assert peers.call.send(None, True), "the end always goes"

    run(test)


def test_a_large_message_follows_the_windows_and_the_end_comes_behind_it() -> None:
    def test() -> None:
        peers = Peers()
        peers.call.send(b"x" * 100_000, False)
        peers.call.send(None, True)
        peers.exchange()
        assert len(peers.received()) == 65_535
        assert not peers.seen(h2.events.StreamEnded)
        peers.server.increment_flow_control_window(100_000)
        peers.server.increment_flow_control_window(100_000, 1)
        peers.exchange()
        assert len(peers.received()) == 100_005
        assert peers.seen(h2.events.StreamEnded)

    run(test)


def test_a_status_alone() -> None:
    def test() -> None:
        peers = Peers()
        fields = [*HEAD, ("grpc-status", "5"), ("grpc-message", "no%20one")]
        peers.server.send_headers(1, fields, end_stream=True)
        peers.exchange()
        raw = [(name.encode(), value.encode()) for name, value in fields]
        assert peers.receiver.heard == [("initial", []), ("trailing", raw), (5, "no one")]
        assert peers.reset_codes() == [errors.CANCEL], "this side had not ended"

    run(test)


@pytest.mark.parametrize(
    ("head", "data", "trailers", "status"),
    [
        ([(":status", "503"), ("content-type", "text/plain")], b"", None, 14),
        ([(":status", "404")], b"", None, 12),
        ([(":status", "401")], b"", None, 16),
        ([(":status", "200"), ("content-type", "text/html")], b"", None, 2),
        (HEAD, b"\x01\x00\x00\x00\x01x", None, 13),
        (HEAD, b"HTTP/1.1 200", None, 13),
        (HEAD, message_prefix(1001), None, 8),
        (HEAD, b"\x00\x00", OK, 13),
        (HEAD, b"", [("x-own", "1")], 2),
        (HEAD, b"", [("grpc-status", "nine")], 2),
        (HEAD, b"", [("grpc-status", "9")], 9),
    ],
)
def test_how_streams_end(head: list[tuple[str, str]], data: bytes, trailers: list[tuple[str, str]] | None, status: int) -> None:
    def test() -> None:
        peers = Peers()
        peers.server.send_headers(1, head)
        peers.exchange()
        if data:
            peers.server.send_data(1, data)
            peers.exchange()
        if trailers is not None:
            peers.end(*trailers)
        close = peers.receiver.heard[-1]
        assert isinstance(close, tuple)
        assert close[0] == status
        assert [kind for kind in peers.receiver.heard[:-1] if isinstance(kind, tuple)][-1][0] == "trailing"
        assert (peers.call.done, peers.client.in_flight, peers.reset_codes()) == (True, 0, [errors.CANCEL])

    run(test)


def test_data_that_ends_the_stream_without_a_status() -> None:
    def test() -> None:
        peers = Peers()
        peers.server.send_headers(1, HEAD)
        peers.server.send_data(1, message_prefix(1) + b"a", end_stream=True)
        peers.exchange()
        assert peers.receiver.heard == [INITIAL, b"a", ("trailing", []), (2, "an answer without grpc-status")]

    run(test)


def test_a_receiver_that_cancels_hears_no_more() -> None:
    def test() -> None:
        peers = Peers()
        peers.receiver.cancels = peers.call
        peers.server.send_headers(1, HEAD)
        peers.say(b"one", b"two")
        assert peers.receiver.heard == [INITIAL, b"one"]
        assert peers.reset_codes() == [errors.CANCEL]
        peers.client.connection_lost(None)
        assert len(peers.receiver.heard) == 2

    run(test)


def test_the_death_of_the_connection() -> None:
    def test() -> None:
        peers = Peers()
        peers.client.connection_lost(None)
        assert peers.receiver.heard == [("trailing", []), (14, "the peer closed the connection")]
        assert not peers.call.send(b"a", False)
        late = StreamCall(GrpcRequest("grpc", b"/a/b", []), peers.receiver)
        peers.client.start(late, 0.0)
        assert peers.receiver.heard[-1] == (14, "the connection takes no more calls")

    run(test)


def test_a_receiver_that_fails_costs_its_call(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Receiver):
        def on_grpc_message(self, message: bytes) -> None:
            raise RuntimeError("broken")

    def test() -> None:
        peers = Peers(begin=False)
        receiver = Failing()
        call = StreamCall(GrpcRequest("grpc", b"/test.Echo/Chat", []), receiver)
        peers.client.start(call, 0.0)
        peers.exchange()
        peers.server.send_headers(1, HEAD)
        peers.say(b"one", b"two")
        assert receiver.heard[-1] == (13, "the receiver failed")
        assert caplog.text.count("RuntimeError: broken") == 1

    run(test)


def test_answers_that_wait_for_more_are_bounded_together() -> None:
    def test() -> None:
        peers = Peers(max_message=100_000, begin=False)
        peers.client._max_answers = 3000
        calls = [(StreamCall(GrpcRequest("g", b"/a/b", []), receiver), receiver) for receiver in (Receiver(), Receiver())]
        for call, _ in calls:
            peers.client.start(call, 0.0)
        peers.exchange()
        for stream_id in (1, 3):
            peers.server.send_headers(stream_id, HEAD)
            for _ in range(50):
                peers.server.send_data(stream_id, message_prefix(100) + b"x" * 100)  # whole ones do not count
            peers.server.send_data(stream_id, message_prefix(5000) + b"x" * 1600)
            peers.exchange()
        assert len(calls[0][1].heard) == 51
        assert calls[1][1].heard[-1] == (8, "the answers under way on one connection are too large together")

    run(test)
