"""Host functions that steer a stream: go on, end it, answer it."""

from __future__ import annotations

import logging
from collections.abc import ItemsView, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from headgate.api.errors import AlreadyRepliedError, HeaderError, ReplyTooLateError
from headgate.api.headers import header_line
from headgate.api.status import Status
from headgate.proxy.stream_state import FINISHED, StreamState
from headgate.runtimes.wasm.abi import BAD_ARGUMENT, OK, PARSE_FAILURE, REQUEST_STREAM, RESPONSE_STREAM
from headgate.runtimes.wasm.contexts import HttpContext
from headgate.runtimes.wasm.maps import Pairs, text
from headgate.runtimes.wasm.pairs import decode

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")
_NO_GRPC: Final = 0xFFFFFFFF


class Fields(Mapping[str, str]):
    """A reply's headers, of which a name may stand several times (``Set-Cookie``)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def items(self) -> ItemsView[str, str]:
        return self._pairs  # type: ignore[return-value]  # iterated only

    def __getitem__(self, name: str) -> str:
        return dict(self._pairs)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


class StreamFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm

    def continue_stream(self, kind: int) -> int:
        """Go on with the request or response that the guest has paused."""
        context = self._vm.current
        if not isinstance(context, HttpContext) or kind not in (REQUEST_STREAM, RESPONSE_STREAM):
            return BAD_ARGUMENT
        if kind == RESPONSE_STREAM:
            waiting, context.response_waiting = context.response_waiting, None
            context.response_continued = waiting is None
        else:
            waiting, context.request_waiting = context.request_waiting, None
            context.request_continued = waiting is None
        if waiting is not None:
            self._vm.later(partial(waiting.resolve, None))
        return OK

    def continue_request(self) -> int:
        """ABI 0.1.0."""
        return self.continue_stream(REQUEST_STREAM)

    def continue_response(self) -> int:
        """ABI 0.1.0."""
        return self.continue_stream(RESPONSE_STREAM)

    def close_stream(self, kind: int) -> int:
        """End the stream without a response."""
        context = self._vm.current
        if not isinstance(context, HttpContext) or kind not in (REQUEST_STREAM, RESPONSE_STREAM):
            return BAD_ARGUMENT
        context.closing = True
        if not context.entered:
            self._vm.later(partial(close_stream, context))
        return OK

    def clear_route_cache(self) -> int:
        """Have the route matched again: with ``phase: after_route``; before the route there is nothing to clear."""
        context = self._vm.current
        if not isinstance(context, HttpContext):
            return BAD_ARGUMENT
        context.route_cleared = True
        return OK

    def send_local_response(
        self, code: int, details: int, details_length: int, body: int, body_length: int, fields: int, fields_length: int, grpc_status: int
    ) -> int:
        """Answer the request. Of several answers the first stands."""
        vm = self._vm
        context = vm.current
        memory = vm.memory
        if not isinstance(context, HttpContext):
            return BAD_ARGUMENT
        memory.check(details, details_length)
        content = memory.read(body, body_length)
        pairs = decode(memory.read(fields, fields_length))
        if pairs is None:
            return PARSE_FAILURE
        if context.replied:
            _LOG.warning("wasm %s: a second local response to one request; the first stands", context.plugin.name)
            return OK
        try:
            reply = _answer(context, code, pairs, content, grpc_status)
        except (HeaderError, ValueError) as error:
            _LOG.warning("wasm %s: local response: %s", context.plugin.name, error)
            return BAD_ARGUMENT
        context.replied = True
        context.reply = reply
        if not context.entered:
            # From a tick or the answer to a call: no handler of this stream is there to return a verdict.
            vm.later(partial(self._reply, context))
        return OK

    @staticmethod
    def _reply(context: HttpContext) -> None:
        try:
            send_reply(context)
        except (AlreadyRepliedError, ReplyTooLateError) as error:
            _LOG.warning("wasm %s: local response: %s", context.plugin.name, error)
        for waiting in context.take_waiting():
            waiting.resolve(Status.STOP)


def close_stream(context: HttpContext) -> None:
    """End the stream that the guest has closed, without a response."""
    for waiting in context.take_waiting():
        waiting.resolve(Status.TERMINATE)
    stream = cast(StreamState, context.stream)
    if stream.step != FINISHED:
        stream.terminate_silently()


def send_reply(context: HttpContext) -> None:
    """Hand the local response of the guest to the engine.

    :raises AlreadyRepliedError: if the request has been answered otherwise
    :raises ReplyTooLateError: if the response has begun
    """
    reply, context.reply = context.reply, None
    if reply is not None:
        context.stream.reply(*reply)


def _answer(context: HttpContext, code: int, pairs: Pairs, body: bytes, grpc_status: int) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body; for a gRPC request those of a gRPC answer.

    :raises HeaderError: for a header that may not stand in a message
    :raises ValueError: for a status that no response has
    """
    if not 200 <= code <= 599:
        raise ValueError(f"a response's status is 200 to 599, not {code}")
    fields = [(text(name), text(value)) for name, value in pairs if not name.startswith(b":")]
    kind = context.stream.request.headers.get("content-type") or ""
    if kind.startswith("application/grpc") and grpc_status != _NO_GRPC:
        message = quote(body.decode("utf-8", "replace"), safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
        fields = [(name, value) for name, value in fields if name.lower() != "content-type"]
        fields += [("content-type", "application/grpc"), ("grpc-status", str(grpc_status)), ("grpc-message", message)]
        code, body = 200, b""
    elif body and not any(name.lower() == "content-type" for name, _ in fields):
        fields.append(("content-type", "text/plain"))
    for name, value in fields:
        header_line(name, value)
    return code, Fields(fields), body
