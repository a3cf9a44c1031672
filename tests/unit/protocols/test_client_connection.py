"""Transcripts of the upstream connection: one exchange at a time, and when it may be used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from headgate.api import Headers, RequestHead, ResponseHead
from headgate.protocols.exchange import PROTOCOL_ERROR, REMOTE_RESET, STALE_CONNECTION, TIMEOUT
from tests.unit.protocols.http1_client_peers import Receiver, Rig, run

Until = Callable[[Callable[[], bool]], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_exchanges_one_after_the_other() -> None:
    async def scenario() -> None:
        rig = Rig()
        for _ in range(3):
            receiver = rig.ask()
            rig.connection.data_received(OK)
            assert receiver.notes == [(200, False), b"ok", ("end", None)]
            assert rig.connection.usable
        assert rig.owner.notes == ["idle"] * 3
        assert rig.connection.requests == 3

    run(scenario)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (OK, [(200, False), b"ok", ("end", None)]),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\n\r\n", [(200, False), b"ok", ("end", None)]),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nHost: x\r\nConnection: y\r\n\r\n",
            [(200, False), b"ok", ("end", [("x-sum", "1")])],
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [(200, True)]),
        (b"HTTP/1.1 204 No Content\r\n\r\n", [(204, True)]),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", [(304, True)]),
        (b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\n" + OK, [("interim", 103), (200, False), b"ok", ("end", None)]),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, [(200, False), b"ok", ("end", None)]),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", [(200, False), b"ok", ("end", None)]),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", [(200, False), b"ok", ("end", None)]),
    ],
)
@pytest.mark.parametrize("split", [False, True], ids=["one read", "byte by byte"])
def test_complete_responses_free_the_connection(raw: bytes, expected: list[object], split: bool) -> None:
    async def scenario() -> None:
        rig = Rig()
        for _ in range(2):
            receiver = rig.ask()
            for piece in [raw[i : i + 1] for i in range(len(raw))] if split else [raw]:
                rig.connection.data_received(piece)
            assert receiver.notes == expected
        assert rig.owner.notes == ["idle", "idle"]

    run(scenario)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_a_host_that_wants_to_close_is_not_asked_again(raw: bytes) -> None:
    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask()
        rig.connection.data_received(raw)
        assert receiver.notes[-1] == ("end", None)
        assert not rig.connection.usable
        await asyncio.sleep(0)
        assert rig.owner.notes == ["gone active=False by_peer=False"]

    run(scenario)


def test_a_body_that_runs_to_the_end_of_the_connection() -> None:
    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask()
        rig.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nsome ")
        rig.connection.data_received(b"more")
        rig.peer_closes()
        await asyncio.sleep(0)
        assert receiver.notes == [(200, False), b"some more", ("end", None)]
        assert not rig.connection.usable

    run(scenario)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"H",
    ],
)
def test_a_response_cut_short_is_a_reset(raw: bytes) -> None:
    async def scenario() -> None:
        rig = Rig()
        rig.ask()
        rig.connection.data_received(OK)
        receiver = rig.ask()
        rig.connection.data_received(raw)
        rig.peer_closes()
        await asyncio.sleep(0)
        assert receiver.notes[-1] == ("reset", REMOTE_RESET)
        assert rig.owner.notes == ["idle", "gone active=True by_peer=True"]

    run(scenario)


def test_closed_before_a_byte_is_stale_on_a_reused_connection_only() -> None:
    async def scenario() -> None:
        fresh = Rig()
        receiver = fresh.ask()
        fresh.peer_closes()
        await asyncio.sleep(0)
        assert receiver.notes == [("reset", REMOTE_RESET)]
        used = Rig()
        used.ask()
        used.connection.data_received(OK)
        receiver = used.ask()
        used.peer_closes()
        await asyncio.sleep(0)
        assert receiver.notes == [("reset", STALE_CONNECTION)]

    run(scenario)


def test_a_malformed_response_is_a_reset() -> None:
    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask()
        rig.connection.data_received(b"SSH-2.0-OpenSSH\r\n\r\n")
        await asyncio.sleep(0)
        assert receiver.notes == [("reset", PROTOCOL_ERROR)]
        assert not rig.connection.usable
        assert rig.transport.closed

    run(scenario)


@pytest.mark.parametrize(
    "raw",
    [
        OK + OK,
        b"HTTP/1.1 204 No Content\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + OK,
        OK + b"x",
    ],
)
@pytest.mark.parametrize("apart", [False, True], ids=["one read", "two reads"])
def test_bytes_nobody_asked_for_never_answer_the_next_request(raw: bytes, apart: bool) -> None:
    """Response splitting: the first answer stands or falls, the connection is not used again."""

    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask()
        for piece in [raw[: -len(OK)] or raw, raw[-len(OK) :]] if apart and raw.endswith(OK) else [raw]:
            rig.connection.data_received(piece)
        heads = [note for note in receiver.notes if isinstance(note, tuple) and isinstance(note[0], int)]
        assert len(heads) == 1
        assert not rig.connection.usable
        assert rig.transport.closed

    run(scenario)


def test_head_response_to_head_has_no_body_and_what_follows_is_nobody_s() -> None:
    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask("HEAD")
        rig.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        assert receiver.notes == [(200, True)]
        assert rig.connection.usable
        rig.connection.data_received(b"ok")
        assert not rig.connection.usable

    run(scenario)


def test_request_bodies_on_the_wire() -> None:
    async def scenario() -> None:
        rig = Rig()
        rig.ask("POST", 5)
        rig.connection.send_request_data(b"abc")
        rig.connection.send_request_data(b"")
        rig.connection.send_request_data(b"de")
        rig.connection.send_request_end(None)
        assert rig.transport.written.endswith(b"\r\n\r\nabcde")
        rig.connection.data_received(OK)
        rig.transport.written = b""
        rig.ask("POST", -1)
        big = b"x" * 5000
        rig.connection.send_request_data(b"abc")
        rig.connection.send_request_data(big)
        rig.connection.send_request_end(Headers.of({"X-Sum": "1"}))
        head, _, body = rig.transport.written.partition(b"\r\n\r\n")
        assert b"Transfer-Encoding: chunked" in head
        assert b"Content-Length" not in head
        assert body == b"3\r\nabc\r\n1388\r\n" + big + b"\r\n0\r\nX-Sum: 1\r\n\r\n"

    run(scenario)


def test_an_early_response_ends_the_connection() -> None:
    """The response is complete before the request: what is still to be sent could not be told from a next request."""

    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask("POST", 100)
        rig.connection.send_request_data(b"abc")
        rig.connection.flush_request()
        rig.connection.data_received(OK)
        assert receiver.notes == [(200, False), b"ok", ("end", None)]
        assert not rig.connection.usable

    run(scenario)


def test_bytes_on_an_idle_connection_close_it() -> None:
    async def scenario() -> None:
        rig = Rig()
        rig.connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        assert rig.transport.closed

    run(scenario)


def test_cancel_is_not_heard_of_again() -> None:
    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask()
        rig.connection.cancel()
        rig.connection.data_received(OK)
        await asyncio.sleep(0)
        assert receiver.notes == []
        assert rig.owner.notes == ["gone active=True by_peer=False"]

    run(scenario)


def test_discard_reads_a_short_rest_and_keeps_the_connection() -> None:
    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask()
        rig.connection.data_received(OK[:-2])
        rig.connection.discard()
        rig.connection.data_received(OK[-2:])
        assert receiver.notes == [(200, False)]
        assert rig.connection.usable
        long = rig.ask()
        rig.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        rig.connection.discard()
        rig.connection.data_received(b"x" * 90000)
        assert long.notes == [(200, False)]
        assert rig.transport.closed

    run(scenario)


@pytest.mark.parametrize("limit", ["try", "body", "idle"])
def test_time_limits(until: Until, limit: str) -> None:
    async def scenario() -> None:
        rig = Rig(0.05, 0.05)
        if limit == "idle":
            rig.connection.wait_in_pool()
            await until(lambda: rig.transport.closed)
            return
        receiver = rig.ask()
        if limit == "try":
            rig.connection.set_try_deadline(asyncio.get_running_loop().time() + 0.03)
        else:
            rig.connection.data_received(OK[:-1])
        await until(lambda: ("reset", TIMEOUT) in receiver.notes)
        assert not rig.connection.usable

    run(scenario)


@pytest.mark.parametrize("limited", [False, True])
def test_idleness_counts_from_the_last_use(limited: bool) -> None:
    """``limited``: the exchange has a time limit of its own, later than that of idleness."""

    async def scenario() -> None:
        rig = Rig(60.0)
        rig.connection.wait_in_pool()
        rig.connection._last_read -= 61.0  # so long ago
        rig.ask()
        if limited:
            rig.connection.set_try_deadline(monotonic() + 3600.0)
        rig.connection.data_received(OK)
        rig.connection.wait_in_pool()
        assert rig.connection.watched
        rig.connection.on_deadline()  # that of the time before
        assert rig.connection.usable
        rig.connection._last_read -= 61.0
        rig.connection.on_deadline()
        assert rig.transport.closed

    run(scenario)


def test_back_pressure_passes_both_ways() -> None:
    async def scenario() -> None:
        rig = Rig()
        receiver = rig.ask("POST", 10)
        rig.connection.pause_writing()
        rig.connection.resume_writing()
        assert receiver.notes == ["full", "drained"]
        rig.connection.pause_response()
        assert not rig.transport.reading
        rig.connection.resume_response()
        assert rig.transport.reading

    run(scenario)


def test_a_response_in_one_read_is_told_in_one_call_when_the_connection_is_free_again() -> None:
    class Whole(Receiver):
        def on_response(self, head: ResponseHead, body: bytes, received: float) -> None:
            self.notes.append((head.status, body, 0.0 < received <= monotonic(), list(rig.owner.notes)))

    async def scenario() -> None:
        receiver = Whole()
        rig.connection.start(receiver)
        rig.connection.send_request_head(RequestHead("GET", "/", Headers.of({"Host": "a.test"})), b"", True)
        rig.connection.data_received(OK)
        assert receiver.notes == [(200, b"ok", True, ["idle"])]

    rig = Rig()
    run(scenario)
