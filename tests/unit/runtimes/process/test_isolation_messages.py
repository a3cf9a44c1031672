"""What passes between worker and filter host: frames, and what of a host's bytes a worker takes."""

from __future__ import annotations

import asyncio

import pytest

from headgate.api import Address, ConnectionInfo, HeaderError, Headers, RequestHead, ResponseHead, Stream
from headgate.runtimes.process.host_words import MAX_WORDS, host_words
from headgate.runtimes.process.isolation_connection import MAX_CALLS, HostConnection, IsolationError, hello
from headgate.runtimes.process.isolation_messages import (
    MAX_HEADERS,
    Abandon,
    Changes,
    Done,
    Failed,
    FrameError,
    Frames,
    FromHost,
    Pong,
    Terminate,
    Welcome,
    decode_from_host,
    decode_from_worker,
    encode,
    plain,
)
from headgate.runtimes.process.isolation_state import apply_changes

LARGEST = 1 << 20


def test_frames_in_any_pieces() -> None:
    data = encode(Failed(1, "a"), LARGEST) + encode(Terminate(2, 503), LARGEST)
    frames = Frames(LARGEST)
    found = [frame for byte in data for frame in frames.feed(bytes([byte]))]
    assert [decode_from_host(frame) for frame in found] == [Failed(1, "a"), Terminate(2, 503)]


def test_a_large_frame_in_small_pieces() -> None:
    """Were each piece put behind a copy of all before it, this would copy a hundred gigabytes."""
    size, piece = 32 << 20, bytes(4096)
    frames = Frames(size)
    assert frames.feed(size.to_bytes(4, "big")) == []
    for _ in range(size // len(piece) - 1):
        assert frames.feed(piece) == []
    large, small = frames.feed(piece + encode(Failed(1, "a"), LARGEST))
    assert large == bytes(size)
    assert decode_from_host(small) == Failed(1, "a")
    assert frames.feed(encode(Failed(2, "b"), LARGEST)[:3]) == []


def test_a_frame_that_is_too_large_is_refused_by_its_length() -> None:
    with pytest.raises(FrameError, match="over 10"):
        Frames(10).feed(b"\0\0\0\x0b")
    with pytest.raises(FrameError, match="over 10"):
        encode(Failed(1, "a" * 20), 10)


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x93\x01", b"\x92\x63\x01", b"\x93\x02\xa1a\xa1b", b"\x91" * 5000, b"\xdf\xff\xff\xff\xff"]
)
def test_garbage(data: bytes) -> None:
    with pytest.raises(FrameError):
        decode_from_host(data)
    with pytest.raises(FrameError):
        decode_from_worker(data)


def test_only_plain_variables_travel() -> None:
    values = {"a": [1, {"b": None}], "object": object(), "set": {1}, "surrogate": "\udcff", "large": 1 << 70, "keys": {1: 2}, "x": b"\xff"}
    assert plain(values) == {"a": [1, {"b": None}], "x": b"\xff"}


def stream() -> Stream:
    one = Stream(1, RequestHead("GET", "/a", Headers.of({"X-A": "1"})), ConnectionInfo(1, Address("::1", 1), Address("::1", 2), "l"))
    one.response = ResponseHead(200, Headers.of({"X-B": "2"}))
    return one


@pytest.mark.parametrize(
    "bad",
    [
        Changes(fields=[b"X-A: 1", b"X: a\r\nEvil: 1"]),
        Changes(fields=[b"no colon"]),
        Changes(fields=[b": empty"]),
        Changes(fields=[b"X: 1"] * (MAX_HEADERS + 1)),
        Changes(trailers=[b"a b: 1"]),
        Changes(response_fields=[b"X: \0"]),
        Changes(response_trailers=[b"X"]),
        Changes(method="G T"),
        Changes(target=b"/a b"),
        Changes(target=b"a"),
        Changes(status=99),
        Changes(reason="a\r\nb"),
    ],
)
def test_a_change_that_may_not_be_made_changes_nothing(bad: Changes) -> None:
    one = stream()
    if bad.method is None:
        bad.method = "PUT"
    bad.variables = {"a": 1}
    with pytest.raises(HeaderError):
        apply_changes(one, bad)
    assert one.request.method == "GET" and one.request.target == "/a" and not one.variables
    assert one.request.headers.items() == [("x-a", "1")]


def test_changes() -> None:
    one = stream()
    one.variables.update(gone=1, kept=object())
    changes = Changes("PUT", b"/b", [b"X-A: 1", b"New: v"], b"body", [b"T: 1"], 201, "Made", [b"X-B: 3"], b"out", None, {"v": 1}, ["gone"])
    apply_changes(one, changes)
    request, response = one.request, one.response
    assert response is not None and request.trailers is not None
    assert (request.method, request.target, request.body) == ("PUT", "/b", b"body")
    assert request.headers.items() == [("x-a", "1"), ("new", "v")] and request.headers.changed
    assert request.trailers.items() == [("t", "1")]
    assert (response.status, response.reason, response.body, response.headers.items()) == (201, "Made", b"out", [("x-b", "3")])
    assert set(one.variables) == {"kept", "v"}


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.aborted = True


class Waiting:
    """A call."""

    def __init__(self) -> None:
        self.outcome: object = None

    def on_call_done(self, done: Done) -> None:
        self.outcome = done

    def on_call_failed(self, error: IsolationError) -> None:
        self.outcome = str(error)


class Link:
    """A connection in memory."""

    def __init__(self) -> None:
        self.ends: list[bool] = []
        self.connection = HostConnection("auth", hello("{}", [], 100), lambda _, welcomed: self.ends.append(welcomed))
        self.transport = Transport()
        self.connection.connection_made(self.transport)

    def receive(self, *messages: FromHost) -> None:
        self.connection.data_received(b"".join(encode(message, LARGEST) for message in messages))


def test_calls_wait_for_the_welcome_and_go_in_one_write() -> None:
    async def run() -> None:
        link = Link()
        first = Waiting()
        number = link.connection.next_call(first)
        link.connection.send(Abandon(8))
        link.connection.send(Abandon(9))
        await asyncio.sleep(0)
        assert len(link.transport.written) == 1  # the greeting
        link.receive(Welcome("", [], False))
        assert len(link.transport.written) == 2
        link.receive(Done(number, "Continue", None, None), Done(77, "Continue", None, None))
        assert first.outcome == Done(number, "Continue", None, None)

    asyncio.run(run())


def test_what_a_host_says_is_cut_and_made_printable() -> None:
    async def run() -> None:
        link = Link()
        waiting = Waiting()
        link.receive(Welcome("", [], False), Failed(link.connection.next_call(waiting), "\x1b[2J\r\nfake: line" + "x" * 100_000))
        assert isinstance(waiting.outcome, str)
        assert waiting.outcome.startswith("\\x1b[2J\\r\\nfake: linexxx") and waiting.outcome.endswith("x...")
        assert len(waiting.outcome) <= MAX_WORDS

    asyncio.run(run())


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("ValueError: \u00e9 stays", "ValueError: \u00e9 stays"),
        ("\udcff\0\u202e", "\\udcff\\x00\\u202e"),
        ("\u00e9" * 2000, "\u00e9" * 510 + "..."),
        ("\0" * 2000, "\\x00" * 255 + "\\..."),
    ],
)
def test_words(words: str, kept: str) -> None:
    assert host_words(words) == kept


def test_a_message_that_only_the_supervisor_is_sent() -> None:
    async def run() -> None:
        link = Link()
        link.receive(Welcome("", [], False), Pong(1))
        assert link.connection.gone and link.transport.aborted

    asyncio.run(run())


@pytest.mark.parametrize("data", [b"\0\0\0\1\xc1", b"\xff\xff\xff\xff", encode(Welcome("broken", [], False), LARGEST)])
def test_a_host_that_talks_rubbish_is_cut_off_and_its_calls_fail(data: bytes) -> None:
    async def run() -> None:
        link = Link()
        waiting = Waiting()
        link.connection.next_call(waiting)
        link.connection.data_received(data)
        assert link.transport.aborted and link.connection.gone
        assert isinstance(waiting.outcome, str) and waiting.outcome.startswith("the process of filter auth: ")
        assert link.ends == [False]
        link.connection.connection_lost(None)
        assert link.ends == [False]
        with pytest.raises(IsolationError, match="has ended"):
            link.connection.next_call(Waiting())

    asyncio.run(run())


def test_calls_in_flight_are_bounded() -> None:
    async def run() -> None:
        link = Link()
        numbers = [link.connection.next_call(Waiting()) for _ in range(MAX_CALLS)]
        with pytest.raises(IsolationError, match="under way"):
            link.connection.next_call(Waiting())
        link.connection.forget_call(numbers[0])
        link.connection.next_call(Waiting())

    asyncio.run(run())
