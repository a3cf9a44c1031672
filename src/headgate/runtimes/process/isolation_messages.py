"""What worker and filter host say to each other: msgpack arrays with a length before them.

A frame is four bytes of length (big-endian) and one message. All messages of one turn of the loop go out in one write, in both
directions. Bytes from the host are decoded into the types below and nothing else; whatever does not fit ends the connection.
"""

from __future__ import annotations

from typing import Final

import msgspec

PROTOCOL: Final = "filter"
"""The fifth field of the handshake line of a filter host."""
VERSION: Final = 1
MAX_HEADERS: Final = 2000
"""Fields that a host's answer may hold."""
OVERHEAD: Final = 4 * 1024 * 1024
"""Bytes that a frame may have beside the bodies in it."""

# Which way a slot stands.
RECEIVE: Final = 0
SEND: Final = 1

Plain = dict[str, object]


class Slot(msgspec.Struct, array_like=True, frozen=True):
    """One filter of an entry's chain. ``phase``: of receivers; ``whole``: it runs when the message is complete."""

    way: int
    phase: int
    whole: bool


class Birth(msgspec.Struct, array_like=True):
    """What never changes about a stream."""

    stream_id: int
    connection_id: int
    remote: tuple[str, int]
    local: tuple[str, int]
    listener: str
    certificate: str | None
    server_name: str | None
    scheme: str


class Request(msgspec.Struct, array_like=True):
    """A request's present form; fields as ``Name: value``."""

    method: str
    target: bytes
    fields: list[bytes]
    content_length: int
    body: bytes | None
    trailers: list[bytes] | None


class Response(msgspec.Struct, array_like=True):
    """A response's present form."""

    status: int
    reason: str
    fields: list[bytes]
    content_length: int
    body: bytes | None
    trailers: list[bytes] | None


class State(msgspec.Struct, array_like=True):
    """What a filter can see of a stream at one moment."""

    request: Request
    response: Response | None
    route: tuple[str, str, str, Plain] | None
    host: tuple[str, str, Plain] | None
    variables: Plain


class Hello(msgspec.Struct, array_like=True, tag=0):
    """First of a worker: its version, the entry's configuration and those of routes, as JSON. ``largest``: bytes of a frame."""

    version: int
    entry: str
    routes: list[str]
    max_body: int
    largest: int


class Call(msgspec.Struct, array_like=True, tag=1):
    """Run a slot's hooks. ``config``: 0 for the entry's, else the number of a route's, from 1."""

    number: int
    stream: int
    slot: int
    config: int
    birth: Birth | None
    state: State


class Abandon(msgspec.Struct, array_like=True, tag=2):
    """Nobody waits for that call any more."""

    number: int


class Log(msgspec.Struct, array_like=True, tag=3):
    """The stream has ended: run ``on_log``."""

    stream: int
    config: int
    birth: Birth | None
    state: State


class End(msgspec.Struct, array_like=True, tag=4):
    """The stream has ended: run ``on_destroy``."""

    stream: int


class Ping(msgspec.Struct, array_like=True, tag=5):
    """Of the supervisor, before any other message or without one: does the loop turn?"""

    number: int


FromWorker = Hello | Call | Abandon | Log | End | Ping


class Welcome(msgspec.Struct, array_like=True, tag=0):
    """First of a host: what the entry's chain is made of, or why there is none."""

    error: str
    slots: list[Slot]
    logs: bool


class Reply(msgspec.Struct, array_like=True):
    """``stream.reply``."""

    status: int
    headers: dict[str, str]
    body: bytes
    text: bool


class Changes(msgspec.Struct, omit_defaults=True):
    """What a filter changed; what is missing has not changed."""

    method: str | None = None
    target: bytes | None = None
    fields: list[bytes] | None = None
    body: bytes | None = None
    trailers: list[bytes] | None = None
    status: int | None = None
    reason: str | None = None
    response_fields: list[bytes] | None = None
    response_body: bytes | None = None
    response_trailers: list[bytes] | None = None
    variables: Plain | None = None
    dropped: list[str] | None = None


class Done(msgspec.Struct, array_like=True, tag=1):
    """A call has come to a verdict: the status's value."""

    number: int
    verdict: str
    reply: Reply | None
    changes: Changes | None


class Failed(msgspec.Struct, array_like=True, tag=2):
    """A call has failed."""

    number: int
    error: str


class Terminate(msgspec.Struct, array_like=True, tag=3):
    """``stream.terminate``."""

    stream: int
    code: int


class LateReply(msgspec.Struct, array_like=True, tag=4):
    """``stream.reply`` from outside of any handler."""

    stream: int
    reply: Reply


class Pong(msgspec.Struct, array_like=True, tag=5):
    """The answer to a ``Ping``."""

    number: int


FromHost = Welcome | Done | Failed | Terminate | LateReply | Pong


class FrameError(Exception):
    """Bytes that are no frame, or a message too large for one."""


_PREFIX: Final = 4
"""Bytes of a frame's length."""


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self, largest: int) -> None:
        """:param largest: bytes that a frame may have"""
        self.largest = largest
        self._held = bytearray()
        self._wanted = _PREFIX

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are complete now.

        :raises FrameError: if one is too large
        """
        held = self._held
        if held:
            held += data
            if len(held) < self._wanted:
                return []  # a large frame arrives in many pieces: it is looked at when it is complete
            data = bytes(held)
            held.clear()
        found: list[bytes] = []
        position = 0
        end = len(data)
        self._wanted = _PREFIX
        while end - position >= _PREFIX:
            length = int.from_bytes(data[position : position + _PREFIX], "big")
            if length > self.largest:
                raise FrameError(f"a frame of {length} bytes, over {self.largest}")
            if end - position < _PREFIX + length:
                self._wanted = _PREFIX + length
                break
            found.append(data[position + _PREFIX : position + _PREFIX + length])
            position += _PREFIX + length
        held += data[position:]
        return found


_encoder: Final = msgspec.msgpack.Encoder()


def encode(message: FromWorker | FromHost, largest: int) -> bytes:
    """A message as a frame.

    :raises FrameError: if it is too large, or holds what cannot be written
    """
    try:
        data = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError) as error:
        raise FrameError(f"{type(message).__name__}: {error}") from None
    if len(data) > largest:
        raise FrameError(f"{type(message).__name__}: {len(data)} bytes, over {largest}")
    return len(data).to_bytes(4, "big") + data


_from_worker: Final = msgspec.msgpack.Decoder(FromWorker)
_from_host: Final = msgspec.msgpack.Decoder(FromHost)


def decode_from_worker(frame: bytes) -> FromWorker:
    """:raises FrameError: if it is none"""
    try:
        message: FromWorker = _from_worker.decode(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(str(error)) from None
    return message


def decode_from_host(frame: bytes) -> FromHost:
    """:raises FrameError: if it is none"""
    try:
        message: FromHost = _from_host.decode(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(str(error)) from None
    return message


def plain(values: dict[str, object]) -> Plain:
    """Those of a stream's variables that are plain data: text, numbers, bytes, None, and lists and mappings of such."""
    return {name: value for name, value in values.items() if _is_plain(name, 0) and _is_plain(value, 0)}


def _is_plain(value: object, depth: int) -> bool:
    kind = type(value)
    if value is None or kind is bool or kind is float or kind is bytes:
        return True
    if kind is str:
        assert isinstance(value, str)
        return value.isascii() or _encodable(value)
    if kind is int:
        assert isinstance(value, int)
        return -(1 << 63) <= value < 1 << 63
    if depth > 8:
        return False
    if kind is list:
        assert isinstance(value, list)
        return all(_is_plain(item, depth + 1) for item in value)
    if kind is dict:
        assert isinstance(value, dict)
        return all(type(key) is str and _is_plain(key, 0) and _is_plain(item, depth + 1) for key, item in value.items())
    return False


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
