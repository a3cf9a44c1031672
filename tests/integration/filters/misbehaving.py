"""Filters that do everything wrong; loaded by ``headgate start -e``. The request's path says what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from typing import cast

from headgate.api import BodyNeed, Phase, Status, Stream, StreamFilter, stream_filter


def raises(stream: Stream) -> Status:
    """Raise."""
    raise RuntimeError("on purpose")


def exits(stream: Stream) -> Status:
    """Try to end the process."""
    raise SystemExit(3)


def interrupts(stream: Stream) -> Status:
    """Raise what is no Exception."""
    raise KeyboardInterrupt


def recurses(stream: Stream) -> Status:
    """Use up the stack."""
    return recurses(stream)


def replies_twice(stream: Stream) -> Status:
    """Answer, and answer again."""
    stream.reply(200, body="first")
    stream.reply(201, body="second")
    return Status.STOP


def swallows_second_reply(stream: Stream) -> Status:
    """Answer twice, and hide the error."""
    stream.reply(202, body="first")
    try:
        stream.reply(201, body="second")
    except Exception:
        return Status.STOP
    return Status.CONTINUE


def stops_silently(stream: Stream) -> Status:
    """STOP without a reply."""
    return Status.STOP


def returns_nonsense(stream: Stream) -> Status:
    """Return what is no status."""
    return cast(Status, "Continue, please")


def returns_foreign_status(stream: Stream) -> Status:
    """Return a status of another phase."""
    return Status.RECHOOSE_HOST


def terminates_late(stream: Stream) -> Status:
    """Answer, and have the stream terminated again and again later, from the loop and from another thread."""
    loop = asyncio.get_running_loop()
    for delay in (0.0, 0.01, 0.05):
        loop.call_later(delay, stream.terminate, 503)
        threading.Timer(delay, stream.terminate, (503,)).start()
    stream.reply(200, body="in time")
    return Status.STOP


def replies_late(stream: Stream) -> Status:
    """Answer, and answer again when the stream is long gone."""
    asyncio.get_running_loop().call_later(0.02, stream.reply, 500)
    stream.reply(200, body="in time")
    return Status.STOP


def breaks_headers(stream: Stream) -> Status:
    """Try to smuggle a second response through a header."""
    stream.reply(200, {"X-Evil": "a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"})
    return Status.STOP


def blocks(stream: Stream) -> Status:
    """Block the event loop for a while."""
    time.sleep(0.4)  # blocks here
    stream.reply(200, body="at last")
    return Status.STOP


def blocks_for_ever(stream: Stream) -> Status:
    """Block the event loop until the worker is replaced."""
    while True:
        time.sleep(0.05)


DEEDS: dict[str, Callable[[Stream], Status]] = {
    deed.__name__: deed
    for deed in (
        raises,
        exits,
        interrupts,
        recurses,
        replies_twice,
        swallows_second_reply,
        stops_silently,
        returns_nonsense,
        returns_foreign_status,
        terminates_late,
        replies_late,
        breaks_headers,
        blocks,
        blocks_for_ever,
    )
}


@stream_filter("bad")
class Bad(StreamFilter[object]):
    """Does on the request's way what the path names."""

    def on_receive(self, stream: Stream) -> Status:
        return DEEDS[stream.request.path.rpartition("/")[2]](stream)


@stream_filter("bad_sender")
class BadSender(StreamFilter[object]):
    """Does it on the response's way."""

    def on_send(self, stream: Stream) -> Status:
        return DEEDS[stream.request.path.rpartition("/")[2]](stream)


@stream_filter("bad_async")
class BadAsync(StreamFilter[object]):
    """Does it in a coroutine, or hangs."""

    phase = Phase.AFTER_ROUTE

    async def on_receive(self, stream: Stream) -> Status:
        return await in_a_coroutine(stream)


@stream_filter("bad_async_sender")
class BadAsyncSender(StreamFilter[object]):
    """The same on the response's way."""

    async def on_send(self, stream: Stream) -> Status:
        return await in_a_coroutine(stream)


async def in_a_coroutine(stream: Stream) -> Status:
    """Hang, or do what the path names."""
    deed = stream.request.path.rpartition("/")[2]
    await asyncio.sleep(0)
    if deed == "hangs":
        await asyncio.Event().wait()
    while deed == "hangs_on":  # does not even let itself be cancelled
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    return DEEDS[deed](stream)


@stream_filter("bad_body")
class BadBody(StreamFilter[object]):
    """Fails in the middle of the bodies."""

    request_body = BodyNeed.CHUNKS
    response_body = BodyNeed.CHUNKS

    def on_receive_data(self, stream: Stream, data: bytes) -> bytes | None:
        if stream.request.path.endswith("request"):
            raise ValueError("on purpose")
        return None

    def on_send_data(self, stream: Stream, data: bytes) -> bytes | None:
        return cast(bytes, 42) if stream.request.path.endswith("response") else None


@stream_filter("bad_end")
class BadEnd(StreamFilter[object]):
    """Fails when all is over."""

    def on_log(self, stream: Stream) -> None:
        raise RuntimeError("on purpose")

    def on_destroy(self) -> None:
        raise RuntimeError("on purpose")


@stream_filter("bad_awaitable")
class BadAwaitable(StreamFilter[object]):
    """Returns an awaitable that is no coroutine, and yields nonsense."""

    def on_receive(self, stream: Stream) -> Awaitable[Status | None]:
        return _Nonsense()


class _Nonsense(Awaitable[Status | None]):
    def __await__(self):  # type: ignore[no-untyped-def]  # yields what no event loop understands
        yield "nonsense"
